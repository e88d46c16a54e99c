"""Best accuracy so far of any runs in one plot, and how two masks differ, layer by layer."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.plot_parts import PER_CENT, BoundedAxis, label_axis, line_pen, paint_axes, quieten
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, blend, text_font
from core.runs.curves import RunCurves
from core.runs.stored_masks import LayerDifference

COLOURS = ("accuracy", "removed", "kept", "reward", "criteria", "baseline")
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
NAMES_SHARE = 0.34  # of the width, at most
ROW_PX = 20
PARTS = ("both", "only_first", "only_second", "neither")


class RunsPlot(pg.PlotWidget):
    """A curve for every checked run, named at its end."""

    def __init__(self, palette: Palette) -> None:
        axis = BoundedAxis("left", PER_CENT)
        super().__init__(background=palette.surface, enableMenu=False, axisItems={"left": axis})
        self.setAccessibleName(self.tr("Curves of the checked runs"))
        quieten(self)
        self.getPlotItem().getAxis("left").setWidth(48)
        self.getPlotItem().setContentsMargins(0, SPACE_S, SPACE_M, 0)
        self.setMinimumSize(160, 100)
        self.curves: list[pg.PlotCurveItem] = []
        self._legend = pg.LegendItem(offset=(-SPACE_M, -SPACE_M), labelTextSize="8pt")
        self._legend.setParentItem(self.getPlotItem().getViewBox())
        self._palette = palette

    def show_runs(
        self, named: Sequence[tuple[str, RunCurves]], palette: Palette, *, is_seconds: bool
    ) -> None:
        """Draw the best accuracy so far of these runs, from the first evaluation on."""
        self._palette = palette
        paint_axes(self, palette)
        words = self.tr("seconds of search") if is_seconds else self.tr("evaluations")
        label_axis(self, "bottom", words, palette)
        label_axis(self, "left", self.tr("best so far, %"), palette)
        for curve in self.curves:
            self.getPlotItem().removeItem(curve)
        self._legend.clear()
        self._legend.setLabelTextColor(palette.text)
        self._legend.setBrush(pg.mkBrush(blend(palette.surface, palette.raised, 0.6)))
        self.curves = []
        for place, (name, curves) in enumerate(named):
            style = STYLES[place // len(COLOURS) % len(STYLES)]
            colour = getattr(palette, COLOURS[place % len(COLOURS)])
            x = curves.seconds if is_seconds else curves.evaluation
            curve = pg.PlotCurveItem(
                np.repeat(x, 2)[1:],  # stairs: the best stays the best until there is a better one
                np.repeat(100 * curves.best_accuracy, 2)[:-1],
                pen=line_pen(colour, width=2.0, style=style),
                connect="finite",
                antialias=True,
            )
            self.getPlotItem().addItem(curve)
            self._legend.addItem(curve, name)
            self.curves.append(curve)
        self._legend.setVisible(bool(self.curves))  # its empty frame would lie in the plot
        for axis in ("left", "bottom"):
            self.getPlotItem().getAxis(axis).setStyle(showValues=bool(self.curves))
        if self.curves:
            self.getPlotItem().getViewBox().autoRange(padding=0.04)


class MaskDifferenceView(QWidget):
    """A stacked bar for every layer: kept by both, by the first, by the second, by neither."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[LayerDifference, ...] = ()
        self._palette = LIGHT
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(0)

    def show_layers(self, layers: Sequence[LayerDifference], palette: Palette) -> None:
        """Show other layers, or the same ones in other colours."""
        self.layers, self._palette = tuple(layers), palette
        self.setFixedHeight(ROW_PX * len(layers))
        self.setAccessibleDescription(
            "; ".join(
                self.tr("{}: both {}, only first {}, only second {}, neither {}").format(
                    layer.name, *(getattr(layer, part) for part in PARTS)
                )
                for layer in layers
            )
        )
        self.update()

    def part_colours(self) -> dict[str, str]:
        """The colour of each part of a bar."""
        colours = self._palette
        return {
            "both": colours.kept,
            "only_first": colours.accuracy,
            "only_second": colours.criteria,
            "neither": colours.raised,
        }

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(text_font("caption"))
        first = max(0, event.rect().top() // ROW_PX)
        last = min(len(self.layers), event.rect().bottom() // ROW_PX + 1)
        metrics = QFontMetricsF(text_font("caption"))
        longest = max((metrics.horizontalAdvance(one.name) for one in self.layers), default=0.0)
        names = min(longest + SPACE_M, NAMES_SHARE * self.width())
        for row in range(first, last):
            self._paint_row(painter, row, names, metrics)
        painter.end()

    def _paint_row(self, painter: QPainter, row: int, names: float, metrics: QFontMetricsF) -> None:
        layer, top = self.layers[row], float(ROW_PX * row)
        painter.setPen(QColor(self._palette.text))
        name = metrics.elidedText(layer.name, Qt.TextElideMode.ElideLeft, names - SPACE_S)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, top, names, ROW_PX), middle, name)
        counts = np.array([getattr(layer, part) for part in PARTS], dtype=np.float64)
        width = (self.width() - names) * counts / max(1.0, counts.sum())
        left = names
        for part, count, wide in zip(PARTS, counts, width, strict=True):
            place = QRectF(left, top + 2, max(0.0, wide - 1), ROW_PX - 4)
            colour = QColor(self.part_colours()[part])
            painter.fillRect(place, colour)
            words = f"{int(count)}"
            if metrics.horizontalAdvance(words) + 2 < wide:
                is_light = part == "neither"
                painter.setPen(
                    QColor(self._palette.muted_text if is_light else self._palette.surface)
                )
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
            left += wide
