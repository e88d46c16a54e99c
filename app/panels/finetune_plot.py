"""Loss and held-out accuracy of all networks of a fine-tuning over its epochs."""

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF

from app.panels.finetune_curves import FinetuneCurve
from app.panels.plot_parts import (
    BoundedAxis,
    Limits,
    label_axis,
    line_pen,
    paint_axes,
    quieten,
    range_within,
)
from app.theme import LIGHT, Palette, text_font

AXIS_WIDTH_PX = 52
LEAST_PX = 160, 90
POINT_PX = 7
SOLID, DASH, DOT, DASH_DOT = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
)


@dataclass(frozen=True)
class CurveStyle:
    """How one network is drawn, so that it is known without its colour."""

    colour: str  # a field of Palette
    line: Qt.PenStyle
    symbol: str  # pyqtgraph's
    glyph: str  # the same in a legend
    width: float = 1.6


# The learned network first; all behind the last look like the last.
STYLES = (
    CurveStyle("accuracy", SOLID, "o", "●", 2.2),
    CurveStyle("criteria", DASH, "t", "▼"),
    CurveStyle("reward", DASH_DOT, "s", "■"),
    CurveStyle("macs", DOT, "d", "◆"),
    CurveStyle("muted_text", SOLID, "+", "+", 1.0),
)


def style_of(place: int) -> CurveStyle:
    """The style of the network that is trained in that place."""
    return STYLES[min(place, len(STYLES) - 1)]


class EpochPlot(pg.PlotWidget):
    """One number of every network over the epochs."""

    def __init__(self, words: str, limits: Limits) -> None:
        axis = BoundedAxis("left", limits)
        super().__init__(background=LIGHT.surface, enableMenu=False, axisItems={"left": axis})
        quieten(self)
        self.getPlotItem().setMouseEnabled(x=False, y=False)
        self.getPlotItem().getAxis("left").setWidth(AXIS_WIDTH_PX)
        self._palette = LIGHT
        self._words, self._limits = words, limits
        self._range = range_within(limits)
        self._epochs = self.tr("epochs")
        self.curves: list[pg.PlotDataItem] = []
        self.level = pg.InfiniteLine(angle=0, movable=False)
        self.level.setVisible(False)
        self.getPlotItem().addItem(self.level, ignoreBounds=True)
        self.setMinimumHeight(LEAST_PX[1])
        self.setAccessibleName(words)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        return QSize(*LEAST_PX)  # it grows with the panel, and asks for no more

    def show_loss(self, curves: list[FinetuneCurve]) -> None:
        """Draw the loss of each network, without points."""
        series = [(curve.loss_epochs, curve.losses) for curve in curves]
        self._show(curves, series, has_points=False)

    def show_accuracy(self, curves: list[FinetuneCurve], unpruned: float | None) -> None:
        """Draw the held-out accuracy in per cent, and the unpruned network's as a line."""
        series = [
            (curve.scored_epochs, [100 * value for value in curve.accuracies]) for curve in curves
        ]
        self.level.setVisible(unpruned is not None)
        if unpruned is not None:
            self.level.setValue(100 * unpruned)
            self._range.include(100 * unpruned)
        self._show(curves, series, has_points=True)

    def forget_range(self) -> None:
        """Let the next curves choose their own range."""
        self._range = range_within(self._limits)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        paint_axes(self, palette)
        label_axis(self, "left", self._words, palette)
        label_axis(self, "bottom", self._epochs, palette)
        height = QFontMetricsF(text_font("caption")).height()
        self.getPlotItem().getAxis("bottom").setHeight(2.4 * height)
        self.level.setPen(line_pen(palette.baseline, width=1.2, style=DASH))
        for place, item in enumerate(self.curves):
            self._paint(item, place, has_points=item.opts["symbol"] is not None)

    def _show(
        self,
        curves: list[FinetuneCurve],
        series: list[tuple[list[float], list[float]]],
        *,
        has_points: bool,
    ) -> None:
        while len(self.curves) > len(series):
            self.getPlotItem().removeItem(self.curves.pop())
        while len(self.curves) < len(series):
            item = pg.PlotDataItem(connect="finite", antialias=True)
            item.setZValue(-len(self.curves))  # the learned network lies on top
            self.getPlotItem().addItem(item)
            self.curves.append(item)
            self._paint(item, len(self.curves) - 1, has_points=has_points)
        for item, (x, y) in zip(self.curves, series, strict=True):
            item.setData(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64))
        low, high = self._range.include(*(value for _, y in series for value in y))
        self.setYRange(low, high, padding=0)
        last = max((curve.epochs for curve in curves), default=0) or 1  # none if it was stopped
        self.setXRange(-0.03 * last, 1.05 * last, padding=0)

    def _paint(self, item: pg.PlotDataItem, place: int, *, has_points: bool) -> None:
        style = style_of(place)
        colour = QColor(getattr(self._palette, style.colour))
        item.setPen(line_pen(colour, width=style.width, style=style.line))
        item.setSymbol(style.symbol if has_points else None)
        item.setSymbolSize(POINT_PX)
        item.setSymbolPen(pg.mkPen(colour, width=1) if style.symbol == "+" else None)
        item.setSymbolBrush(colour)
