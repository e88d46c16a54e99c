"""Parts of the trajectory: growing data, ranges that do not jitter, one styled plot."""

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF

from app.theme import Palette, text_font

FloatVector = NDArray[np.float64]

_AXIS_WIDTH = 52
_POINT_SIZE = 5
_BINS, _OTHERS_PER_BIN = 300, 4  # more points cannot be told apart
_POINT_OPACITY = 150  # of 255: dense clouds stay readable


class GrowingTable:
    """Rows of floats, appended one by one; nothing is ever dropped."""

    def __init__(self, columns: int) -> None:
        self._rows = np.empty((256, columns), dtype=np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, *values: float) -> None:
        """Add a row."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = values
        self._count += 1

    def column(self, index: int) -> FloatVector:
        """A view of one column, shape (rows,)."""
        return self._rows[: self._count, index]


class GrowingRange:
    """An axis range that only ever grows, in round steps, so that the picture stands still."""

    def __init__(self, low_limit: float = -math.inf, high_limit: float = math.inf) -> None:
        self._limits = low_limit, high_limit
        self._ends: tuple[float, float] | None = None

    def include(self, *values: float) -> tuple[float, float]:
        """Grow until all finite values are inside with a margin; returns (low, high)."""
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            low, high = min(finite), max(finite)
            if self._ends is None or low < self._ends[0] or high > self._ends[1]:
                self._ends = self._grown(low, high)
        return self._ends or (0.0, 1.0)

    def _grown(self, low: float, high: float) -> tuple[float, float]:
        if self._ends is not None:
            low, high = min(low, self._ends[0]), max(high, self._ends[1])
        span = (high - low) or max(abs(high), 1.0) * 0.1
        step = 10 ** math.floor(math.log10(span))
        step = next(step * part for part in (0.1, 0.2, 0.5, 1.0) if step * part >= span / 12)
        low = math.floor(low / step - 0.25) * step
        high = math.ceil(high / step + 0.25) * step
        return max(low, self._limits[0]), min(high, self._limits[1])


def visible_extremes(
    x: FloatVector, y: FloatVector, low: float, high: float, bins: int
) -> tuple[FloatVector, FloatVector]:
    """The points with low <= x <= high; where they are dense, some of every bin.

    `x` must be sorted. Of a dense bin its extremes are shown, so that no outlier is missed, and
    a few of its other points, so that its bulk is seen where it is.
    """
    first, stop = np.searchsorted(x, (low, high), side="left")
    first, stop = max(first - 1, 0), min(stop + 1, len(x))
    size = -(-(stop - first) // bins)
    if size <= _OTHERS_PER_BIN + 2:
        return x[first:stop], y[first:stop]
    first -= first % size  # bins that stay the same while the user pans
    starts = np.arange(first, stop, size)
    others = [starts + size * part // _OTHERS_PER_BIN for part in range(_OTHERS_PER_BIN)]
    padded = np.pad(y[first:stop], (0, len(starts) * size - (stop - first)), mode="edge")
    bins_of_y = padded.reshape(-1, size)
    extremes = [starts + bins_of_y.argmin(1), starts + bins_of_y.argmax(1)]
    picked = np.unique(np.minimum(np.concatenate([*extremes, *others]), stop - 1))
    return x[picked], y[picked]


class TrajectoryPlot(pg.PlotWidget):
    """A plot over evaluations with points, lines and a cursor; the user zooms along x only."""

    def __init__(self, palette: Palette, *, is_lowest: bool) -> None:
        super().__init__(background=palette.surface, enableMenu=False)
        plot = self.getPlotItem()
        plot.hideButtons()
        # pyqtgraph makes the menu all the same; without a parent it would outlive the plot.
        plot.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        plot.setMouseEnabled(x=True, y=False)
        plot.disableAutoRange()
        plot.setContentsMargins(0, 4, 8, 0)
        left, bottom = plot.getAxis("left"), plot.getAxis("bottom")
        left.setWidth(_AXIS_WIDTH)
        left.setStyle(maxTickLevel=0)  # in low plots the labels of finer ticks would touch
        left.enableAutoSIPrefix(False)
        bottom.enableAutoSIPrefix(False)
        bottom.setStyle(showValues=is_lowest)
        if not is_lowest:
            bottom.setHeight(6)
        left.setZValue(-1)  # the grid lies under the data
        bottom.setZValue(-1)
        self._is_lowest = is_lowest
        self._curves: list[tuple[pg.PlotDataItem, str, str]] = []  # item, colour name, style
        self._data: dict[pg.PlotDataItem, tuple[FloatVector, FloatVector]] = {}
        self._lines: list[tuple[pg.InfiniteLine, str, Qt.PenStyle]] = []
        self.cursor = self.add_line("muted_text", Qt.PenStyle.SolidLine, angle=90)
        plot.sigXRangeChanged.connect(self._on_x_range_changed)
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self.setMinimumHeight(56)

    def set_data(self, item: pg.PlotDataItem, x: FloatVector, y: FloatVector) -> None:
        """Show all of a series; only what is drawn is thinned out, the data stay whole."""
        self._data[item] = x, y
        self._draw_visible(item)

    def _draw_visible(self, item: pg.PlotDataItem) -> None:
        (low, high), _ = self.getPlotItem().getViewBox().viewRange()
        item.setData(*visible_extremes(*self._data[item], low, high, _BINS))

    def _on_x_range_changed(self) -> None:
        for item in self._data:
            self._draw_visible(item)

    def add_points(self, colour: str, *, ringed: bool = False) -> pg.PlotDataItem:
        """Add a cloud of points; ringed ones are larger and hollow."""
        return self._add(colour, "rings" if ringed else "points")

    def add_curve(self, colour: str) -> pg.PlotDataItem:
        """Add a solid curve."""
        return self._add(colour, "curve")

    def add_marks(self, colour: str) -> pg.PlotDataItem:
        """Add short ticks, for values that belong to no evaluation."""
        return self._add(colour, "marks")

    def add_line(self, colour: str, style: Qt.PenStyle, angle: float = 0) -> pg.InfiniteLine:
        """Add a straight line across the plot, hidden until it has a value."""
        line = pg.InfiniteLine(angle=angle, movable=False)
        line.setVisible(False)
        line.setZValue(5)
        self.getPlotItem().addItem(line, ignoreBounds=True)
        self._lines.append((line, colour, style))
        return line

    def use_palette(self, palette: Palette) -> None:
        """Recolour axes, points and lines."""
        self.setBackground(palette.surface)
        for name in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(palette.outline)
            axis.setTextPen(palette.muted_text)
            axis.setTickFont(text_font("caption"))
            axis.setStyle(tickLength=-4)
        self.getPlotItem().showGrid(x=True, y=True, alpha=0.5)
        if self._is_lowest:
            bottom = self.getPlotItem().getAxis("bottom")
            bottom.setLabel("evaluations", color=palette.muted_text)
            bottom.setHeight(2.6 * QFontMetricsF(text_font("caption")).height())
        for item, colour, style in self._curves:
            _paint_curve(item, getattr(palette, colour), palette.surface, style)
        for line, colour, style in self._lines:
            width = 1.0 if line is self.cursor else 1.6
            line.setPen(pg.mkPen(getattr(palette, colour), width=width, style=style))

    def _add(self, colour: str, style: str) -> pg.PlotDataItem:
        item = pg.PlotDataItem(pen=None, connect="finite", antialias=True)
        item.setZValue({"points": 1, "marks": 2, "curve": 6, "rings": 8}[style])
        self.getPlotItem().addItem(item)
        self._curves.append((item, colour, style))
        return item


def set_line(line: pg.InfiniteLine, value: float | None) -> None:
    """Move a line to a value, or hide it."""
    line.setVisible(value is not None)
    if value is not None:
        line.setValue(value)


def _paint_curve(item: pg.PlotDataItem, colour: str, surface: str, style: str) -> None:
    if style == "curve":
        item.setPen(pg.mkPen(colour, width=2.2))
        return
    brush = QColor(colour)
    if style == "points":
        brush.setAlpha(_POINT_OPACITY)
        item.setSymbol("o")
        item.setSymbolSize(_POINT_SIZE)
        item.setSymbolPen(None)
        item.setSymbolBrush(brush)
    elif style == "rings":
        item.setSymbol("o")
        item.setSymbolSize(9)
        item.setSymbolPen(pg.mkPen(colour, width=2))
        item.setSymbolBrush(QColor(surface))
    else:
        item.setSymbol("d")
        item.setSymbolSize(7)
        item.setSymbolPen(pg.mkPen(colour, width=1))
        brush.setAlpha(90)
        item.setSymbolBrush(brush)
