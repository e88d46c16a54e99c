"""How a layer is drawn: what all items share, and the small ones without channels."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.panels.graph_strip import StripState
from app.panels.graph_style import GraphStyle
from app.panels.graph_text import shape_text, split_name
from core.graph.layers import LayerNode

_SYMBOL_SIZE = 24.0
_PILL_WIDTH = 22.0
_HALO = 3.0


class LayerItem(QGraphicsItem):
    """One layer: knows its state; the subclasses paint it."""

    def __init__(self, layer: LayerNode, style: GraphStyle, *, is_frozen: bool) -> None:
        super().__init__()
        self.layer = layer
        self.is_prunable = layer.is_prunable
        self.is_frozen = is_frozen
        self.group_label = ""
        self.is_selected = False
        self.is_lit = False  # belongs to what is selected or under the mouse
        self.kept = len(layer.channels)
        self.style = style
        self.size = (0.0, 0.0)
        self.setZValue(1)

    def use_style(self, style: GraphStyle) -> None:
        """Take over new fonts and colours."""
        self.prepareGeometryChange()
        self.style = style
        self.size = self.measure()
        self.update()

    def show_channels(self, state: StripState) -> None:
        """Show which channels are kept."""
        self.kept = int(state.keep.sum())
        self.update()

    def set_marks(self, *, is_selected: bool, is_lit: bool) -> None:
        """Stand out as the selected layer, or as one that belongs to it."""
        if (is_selected, is_lit) != (self.is_selected, self.is_lit):
            self.is_selected, self.is_lit = is_selected, is_lit
            self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, *self.size).adjusted(-_HALO, -_HALO, _HALO, _HALO)

    def measure(self) -> tuple[float, float]:
        """Width and height that the layer needs in the current style."""
        raise NotImplementedError

    def fill(self) -> QColor:
        """Colour of the item's surface."""
        palette = self.style.palette
        if self.is_lit or self.is_selected:
            return QColor(palette.accent_soft)
        return QColor(palette.surface if self.is_prunable else palette.window)

    def outline(self, scale: float) -> QPen:
        """Pen of the item's border at a zoom."""
        palette = self.style.palette
        if self.is_selected:
            return QPen(QColor(palette.accent), max(2.0, 2.0 / scale))
        return QPen(QColor(palette.accent if self.is_lit else palette.outline), 1 / min(scale, 1))


class PillItem(LayerItem):
    """A layer without channels of its own (input, pooling): a slim pill, written upwards."""

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        width, height = self.size
        painter.setPen(self.outline(scale))
        painter.setBrush(self.fill())
        painter.drawRoundedRect(QRectF(0, 0, width, height), width / 2, width / 2)
        if not self.style.is_legible(scale):
            return
        painter.save()
        painter.translate(0, height)
        painter.rotate(-90)
        painter.setFont(self.style.small_font)
        painter.setPen(QColor(self.style.palette.muted_text))
        painter.drawText(QRectF(0, 0, height, width), Qt.AlignmentFlag.AlignCenter, self._label())
        painter.restore()

    def _label(self) -> str:
        name = split_name(self.layer.name)[1]
        if self.layer.kind in ("input", "output"):
            name = f"{name} {shape_text(self.layer.output_shape)}"
        return name

    def measure(self) -> tuple[float, float]:
        text = QFontMetricsF(self.style.small_font).horizontalAdvance(self._label())
        return max(_PILL_WIDTH, self.style.small_height + 6), text + 20


class SymbolItem(LayerItem):
    """Where branches meet: a small circle with a plus, a cross or stacked bars."""

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setPen(self.outline(scale))
        painter.setBrush(self.fill())
        painter.drawEllipse(QRectF(0, 0, *self.size))
        pen = QPen(QColor(self.style.palette.muted_text), 1.8)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        middle, arm = _SYMBOL_SIZE / 2, 5.0
        if self.layer.kind == "concat":
            for y in (-4.0, 0.0, 4.0):
                painter.drawLine(
                    QPointF(middle - arm + 0.5, middle + y), QPointF(middle + arm - 0.5, middle + y)
                )
            return
        painter.translate(middle, middle)
        if self.layer.kind == "multiply":
            painter.rotate(45)
        painter.drawLine(QPointF(-arm, 0), QPointF(arm, 0))
        painter.drawLine(QPointF(0, -arm), QPointF(0, arm))

    def measure(self) -> tuple[float, float]:
        return _SYMBOL_SIZE, _SYMBOL_SIZE
