"""The evidence of one signature as a small plot over evaluations."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF

from app.panels.plot_parts import label_axis, line_pen, paint_axes, quieten
from app.theme import LIGHT, Palette, text_font
from core.health import Series

AXIS_WIDTH_PX = 52
POINT_PX = 5
PLOT_LEAST_PX = 88  # so that a window of 1100 x 700 shows it whole
STYLES = ("accuracy", Qt.PenStyle.SolidLine, "o"), ("budget", Qt.PenStyle.DashLine, "t")


class HealthPlot(pg.PlotWidget):
    """One or two curves with their points; the range is that of the data."""

    def __init__(self) -> None:
        super().__init__(background=LIGHT.surface, enableMenu=False)
        quieten(self)
        self.getPlotItem().setMouseEnabled(x=False, y=False)
        self.getPlotItem().getAxis("left").setWidth(AXIS_WIDTH_PX)
        self.curves = [pg.PlotDataItem(connect="finite", antialias=True) for _ in STYLES]
        for curve in self.curves:
            self.getPlotItem().addItem(curve)
        self.setMinimumHeight(PLOT_LEAST_PX)

    def sizeHint(self) -> QSize:
        return QSize(240, PLOT_LEAST_PX)

    def show_series(self, series: tuple[Series, ...], unit: float) -> None:
        """Show other curves, values times `unit`."""
        for curve, one in zip(self.curves, (*series, *[None] * len(STYLES)), strict=False):
            if one is None:
                curve.setData([], [])
            else:
                curve.setData(one.evaluations, unit * one.values)
        self._fit([unit * one.values for one in series], [one.evaluations for one in series])

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        paint_axes(self, palette)
        label_axis(self, "bottom", self.tr("evaluations"), palette)
        height = QFontMetricsF(text_font("caption")).height()
        self.getPlotItem().getAxis("bottom").setHeight(2.4 * height)  # numbers and title, whole
        for curve, (colour, style, symbol) in zip(self.curves, STYLES, strict=True):
            shade = QColor(getattr(palette, colour))
            curve.setPen(line_pen(shade, width=1.6, style=style))
            curve.setSymbol(symbol)
            curve.setSymbolSize(POINT_PX)
            curve.setSymbolPen(None)
            curve.setSymbolBrush(shade)

    def _fit(self, values: list[np.ndarray], evaluations: list[np.ndarray]) -> None:
        y = np.concatenate([np.zeros(0), *values])
        x = np.concatenate([np.zeros(0), *evaluations])
        y = y[np.isfinite(y)]
        low, high = (float(y.min()), float(y.max())) if y.size else (0.0, 1.0)
        margin = 0.1 * (high - low) or max(abs(high) * 0.05, 1e-3)
        self.setYRange(low - margin, high + margin, padding=0)
        self.setXRange(0, float(x.max()) * 1.02 if x.size else 1.0, padding=0)
