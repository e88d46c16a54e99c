"""What is drawn of a hundred thousand points: as much as a screen can show."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from app.panels.growing import FloatVector
from app.panels.plot_parts import line_pen

OTHERS_PER_BIN = 4
SMOOTH_POINTS = 700  # a curve of more is drawn in a tenth of the time, without soft edges
CURVE_PX, DENSE_CURVE_PX = 2.2, 2.0


def visible_extremes(
    x: FloatVector, y: FloatVector, low: float, high: float, bins: int
) -> tuple[FloatVector, FloatVector]:
    """The points with low <= x <= high; where they are dense, some of every bin.

    `x` must be sorted. Of a dense bin its extremes are shown, so that no outlier is missed, and
    a few of its other points, so that its bulk is seen where it is.
    """
    first, stop, size = _stretch(x, low, high, bins)
    if size <= OTHERS_PER_BIN + 2:
        return x[first:stop], y[first:stop]
    first -= first % size  # bins that stay the same while the user pans
    starts = np.arange(first, stop, size)
    others = [starts + size * part // OTHERS_PER_BIN for part in range(OTHERS_PER_BIN)]
    picked = np.concatenate([*_extremes(starts, y[first:stop], size), *others])
    places = np.unique(np.minimum(picked, stop - 1))
    return x[places], y[places]


def curve_extremes(
    x: FloatVector, y: FloatVector, low: float, high: float, bins: int
) -> tuple[FloatVector, FloatVector]:
    """A curve over low <= x <= high; where it is dense, the extremes of every bin and its holes.

    `x` must be sorted. On the screen this covers what the whole curve covers.
    """
    first, stop, size = _stretch(x, low, high, bins)
    if size <= 3:
        return x[first:stop], y[first:stop]
    first -= first % size
    values = y[first:stop]
    holes = first + np.flatnonzero(np.isnan(values))[: 4 * bins]  # or a line would cross them
    extremes = _extremes(np.arange(first, stop, size), values, size)
    places = np.unique(np.minimum(np.concatenate([*extremes, holes]), stop - 1))
    return x[places], y[places]


def _stretch(x: FloatVector, low: float, high: float, bins: int) -> tuple[int, int, int]:
    """First point, end and points of a bin of what lies in low <= x <= high, and one around it."""
    first, stop = np.searchsorted(x, (low, high), side="left")
    first, stop = max(int(first) - 1, 0), min(int(stop) + 1, len(x))
    return first, stop, -(-(stop - first) // bins)


def _extremes(starts: NDArray[np.int64], values: FloatVector, size: int) -> list[NDArray[np.int64]]:
    """The places of the lowest and of the highest value of every bin."""
    padding = len(starts) * size - len(values)
    low_side, high_side = np.where(np.isnan(values), ((np.inf,), (-np.inf,)), values)
    return [
        starts + np.pad(side, (0, padding), mode="edge").reshape(-1, size).argmin(1)
        for side in (low_side, -high_side)
    ]


class ThinnedCurve(pg.PlotCurveItem):
    """A curve with holes where its values are NaN; thick and smooth unless that takes too long."""

    def __init__(self) -> None:
        super().__init__(connect="finite", antialias=True)
        self._colour = "#000000"
        self._is_dense = False

    def show_points(self, x: FloatVector, y: FloatVector) -> None:
        """Draw what `curve_extremes` left."""
        is_dense = len(x) > SMOOTH_POINTS
        if is_dense != self._is_dense:
            self._is_dense = is_dense
            self.opts["antialias"] = not is_dense
            self.paint_as(self._colour)
        self.setData(x, y)

    def paint_as(self, colour: str) -> None:
        """Draw in this colour."""
        self._colour = colour
        # Of the screen's own pixels where it is dense: a thicker line costs many frames.
        dense = pg.mkPen(colour, width=DENSE_CURVE_PX)
        self.setPen(dense if self._is_dense else line_pen(colour, CURVE_PX))
