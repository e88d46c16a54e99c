"""How a layer is drawn: what all items share, and the small ones without channels."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.panels.graph_strip import StripState
from app.panels.graph_style import GraphStyle
from app.panels.graph_text import shape_text, split_name
from app.theme import blend
from core.graph.layers import LayerNode
from core.pruning.pins import PIN_KEEP, PIN_REMOVE

_SYMBOL_SIZE = 24.0
_PILL_WIDTH = 22.0
_HALO = 3.0


class NodeItem(QGraphicsItem):
    """A layer or a folded block: knows its state; the subclasses paint it."""

    def __init__(self, name: str, style: GraphStyle, *, is_prunable: bool, is_frozen: bool) -> None:
        super().__init__()
        self.name = name
        self.is_prunable = is_prunable
        self.is_frozen = is_frozen
        self.group_label = ""
        self.is_selected = False
        self.is_lit = False  # belongs to what is selected or under the mouse
        self.is_match = False  # is or hides what is searched
        self.style = style
        self.size = (0.0, 0.0)
        self.setZValue(1)

    def use_style(self, style: GraphStyle) -> None:
        """Take over new fonts and colours."""
        self.prepareGeometryChange()
        self.style = style
        self.size = self.measure()
        self.update()

    def set_marks(self, *, is_selected: bool, is_lit: bool, is_match: bool) -> None:
        """Stand out as selected, as one that belongs to it, or as one that is searched."""
        marks = is_selected, is_lit, is_match
        if marks != (self.is_selected, self.is_lit, self.is_match):
            self.is_selected, self.is_lit, self.is_match = marks
            self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, *self.size).adjusted(-_HALO, -_HALO, _HALO, _HALO)

    @property
    def kept_share(self) -> float | None:
        """The share of its channels that are kept, 0-1; None if it does not show channels."""
        return None

    def measure(self) -> tuple[float, float]:
        """Width and height that the node needs in the current style."""
        raise NotImplementedError

    def fill(self) -> QColor:
        """Colour of the item's surface."""
        palette = self.style.palette
        if self.is_match:
            return blend(palette.best, palette.surface, 0.22)
        if self.is_lit or self.is_selected:
            return QColor(palette.accent_soft)
        return QColor(palette.surface if self.is_prunable else palette.window)

    def outline(self, scale: float) -> QPen:
        """Pen of the item's border at a zoom."""
        palette = self.style.palette
        if self.is_selected:
            return QPen(QColor(palette.accent), max(2.0, 2.0 / scale))
        if self.is_match:
            return QPen(QColor(palette.best), max(1.6, 1.6 / scale))
        return QPen(QColor(palette.accent if self.is_lit else palette.outline), 1 / min(scale, 1))


class LayerItem(NodeItem):
    """One layer."""

    def __init__(self, layer: LayerNode, style: GraphStyle, *, is_frozen: bool) -> None:
        super().__init__(layer.name, style, is_prunable=layer.is_prunable, is_frozen=is_frozen)
        self.layer = layer
        self.kept = len(layer.channels)
        self.pins = 0, 0  # channels that are pinned to stay, and to go

    def show_channels(self, state: StripState) -> None:
        """Show which channels are kept."""
        self.kept = int(state.keep.sum())
        if state.pinned is not None:
            stay, go = (int((state.pinned == pin).sum()) for pin in (PIN_KEEP, PIN_REMOVE))
            self.pins = stay, go
        self.update()


class PillItem(LayerItem):
    """A layer without channels of its own (input, pooling): a slim pill across the data."""

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        width, height = self.size
        painter.setPen(self.outline(scale))
        painter.setBrush(self.fill())
        radius = min(width, height) / 2
        painter.drawRoundedRect(QRectF(0, 0, width, height), radius, radius)
        if not self.style.is_legible(scale):
            return
        painter.save()
        if not self.style.is_vertical:  # written upwards
            painter.translate(0, height)
            painter.rotate(-90)
            width, height = height, width
        painter.setFont(self.style.small_font)
        painter.setPen(QColor(self.style.palette.muted_text))
        painter.drawText(QRectF(0, 0, width, height), Qt.AlignmentFlag.AlignCenter, self._label())
        painter.restore()

    def _label(self) -> str:
        name = split_name(self.layer.name)[1]
        if self.layer.kind in ("input", "output"):
            name = f"{name} {shape_text(self.layer.output_shape)}"
        return name

    def measure(self) -> tuple[float, float]:
        text = self.style.small_metrics.horizontalAdvance(self._label())
        slim, long = max(_PILL_WIDTH, self.style.small_height + 6), text + 20
        return (long, slim) if self.style.is_vertical else (slim, long)


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
