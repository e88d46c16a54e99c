"""Test accuracy of every method as a dot with its interval, before and after fine-tuning."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontMetricsF

from app.panels.plot_parts import (
    PER_CENT,
    BoundedAxis,
    UniformScatter,
    label_axis,
    line_pen,
    paint_axes,
    quieten,
)
from app.panels.verdict_words import method_words
from app.theme import SPACE_M, SPACE_S, Palette, text_font
from core.runs.verdict import LEARNED, UNPRUNED, Estimate, MethodRow, Verdict

APART = 0.16  # of a row: dots before and after fine-tuning are not drawn over each other
CAP = 0.12  # of a row: the ends of an interval
ROW_PX, AXIS_PX = 17, 44  # so that no two names touch
SPAN_SHARE = 0.05  # room beside the outermost interval


class VerdictPlot(pg.PlotWidget):
    """Methods from above in the table's order; accuracy in per cent to the right."""

    def __init__(self, palette: Palette) -> None:
        axis = BoundedAxis("top", PER_CENT)
        super().__init__(background=palette.surface, enableMenu=False, axisItems={"top": axis})
        self.setAccessibleName(self.tr("Accuracy of every method"))
        quieten(self)
        # above: twenty methods are higher than a low dock, and the unit is to be seen
        self.getPlotItem().hideAxis("bottom")
        self.getPlotItem().showAxis("top")
        self._bars: list[pg.ErrorBarItem] = []
        self._dots = {name: UniformScatter() for name in ("before", "after", "learned")}
        for dots in self._dots.values():
            dots.setZValue(5)
            self.getPlotItem().addItem(dots)
        self._best = pg.InfiniteLine(angle=90, movable=False)
        self._best.setVisible(False)
        self.getPlotItem().addItem(self._best, ignoreBounds=True)
        self.getPlotItem().setMouseEnabled(x=True, y=False)
        self.getPlotItem().setContentsMargins(0, SPACE_S, SPACE_M, 0)
        self.setMinimumSize(200, 120)

    def sizeHint(self) -> QSize:
        return self.minimumSize()  # it grows with the panel, and asks for no more

    def drawn(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Where the dots of "before", "after" or "learned" are."""
        x, y = self._dots[layer].getData()
        return x, y

    def show_verdict(self, verdict: Verdict, palette: Palette) -> None:
        """Draw other numbers; the unpruned network is left out, it would squeeze the rest."""
        rows = [row for row in verdict.rows if row.name != UNPRUNED]
        has_after = any(row.after for row in rows)
        for bar in self._bars:
            self.getPlotItem().removeItem(bar)
        self._bars = []
        places: dict[str, list[tuple[float, float]]] = {"before": [], "after": [], "learned": []}
        for place, row in enumerate(rows):
            self._draw_row(-float(place), row, palette, has_after, places)
        for layer, points in places.items():
            self._dots[layer].setData([p[0] for p in points], [p[1] for p in points])
        learned = rows[0].after or rows[0].before
        self._best.setVisible(learned is not None)
        if learned is not None:
            self._best.setValue(100 * learned.mean)
        names = [(-float(place), method_words(row.name)) for place, row in enumerate(rows)]
        left = self.getPlotItem().getAxis("left")
        left.setTicks([names])
        metrics = QFontMetricsF(text_font("caption"))
        left.setWidth(max(metrics.horizontalAdvance(name) for _, name in names) + SPACE_M)
        self.setMinimumHeight(round(ROW_PX * len(rows)) + AXIS_PX)
        self._fit(rows)

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything."""
        paint_axes(self, palette)
        label_axis(self, "top", self.tr("test accuracy, %"), palette)
        self._dots["before"].paint_as("o", 9, QColor(palette.surface), palette.accuracy, 2.0)
        self._dots["after"].paint_as("d", 10, QColor(palette.accuracy), palette.surface)
        self._dots["learned"].paint_as("o", 11, QColor(palette.surface), palette.best, 2.4)
        self._best.setPen(line_pen(palette.outline, width=1.2))

    def _draw_row(
        self,
        y: float,
        row: MethodRow,
        palette: Palette,
        has_after: bool,
        places: dict[str, list[tuple[float, float]]],
    ) -> None:
        apart = APART if has_after else 0.0
        colour = palette.best if row.name == LEARNED else palette.accuracy
        for layer, estimate, at in (
            ("before", row.before, y + apart),
            ("after", row.after, y - apart),
        ):
            if estimate is None:
                continue
            self._add_bar(estimate, at, colour)
            is_marked = row.name == LEARNED and layer == "before"
            places["learned" if is_marked else layer].append((100 * estimate.mean, at))

    def _add_bar(self, estimate: Estimate, y: float, colour: str) -> None:
        mean = 100 * estimate.mean
        bar = pg.ErrorBarItem(
            x=np.array([mean]),
            y=np.array([y]),
            left=np.array([mean - 100 * estimate.low]),
            right=np.array([100 * estimate.high - mean]),
            beam=CAP,
            pen=line_pen(colour, width=1.6),
        )
        self.getPlotItem().addItem(bar)
        self._bars.append(bar)

    def _fit(self, rows: list[MethodRow]) -> None:
        known = [estimate for row in rows for estimate in (row.before, row.after) if estimate]
        low = min(100 * estimate.low for estimate in known)
        high = max(100 * estimate.high for estimate in known)
        room = SPAN_SHARE * max(high - low, 1.0)
        self.getPlotItem().setXRange(low - room, high + room, padding=0)
        self.getPlotItem().setYRange(0.6 - len(rows), 0.6, padding=0)
