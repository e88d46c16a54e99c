"""The wires between layers."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.graph_routes import Segment
from app.panels.graph_style import GraphStyle
from app.theme import Palette

_SMALLEST_HEADS = 0.15  # zoom; smaller arrow heads are dots


class WireItem(QGraphicsItem):
    """All connections that leave one layer, with an arrow head at every reader.

    As an item it is there only while it is lit. Otherwise the scene paints it into its
    background, which the view keeps as a picture while the channels change.
    """

    def __init__(self, source: str, style: GraphStyle) -> None:
        super().__init__()
        self.source = source
        self.is_lit = False
        self._style = style
        self.path = QPainterPath()
        self.heads = QPainterPath()
        self.setZValue(0.5)
        self.setVisible(False)

    def use_style(self, style: GraphStyle) -> None:
        """Take over new colours."""
        self._style = style
        self.update()

    def set_routes(self, routes: Sequence[Sequence[Segment]]) -> None:
        """Draw these routes; parts that they share are drawn once."""
        self.prepareGeometryChange()
        self.path, self.heads = QPainterPath(), QPainterPath()
        drawn: set[Segment] = set()
        for route in routes:
            for segment in route:
                if segment not in drawn:
                    drawn.add(segment)
                    start, first, second, end = (QPointF(*point) for point in segment)
                    if self.path.currentPosition() != start or self.path.isEmpty():
                        self.path.moveTo(start)
                    self.path.cubicTo(first, second, end)
            self.heads.addPolygon(_arrow_head(route[-1]))
        self.update()

    def set_lit(self, is_lit: bool) -> None:
        """Stand out because the layer's channels are coupled to what is selected."""
        self.is_lit = is_lit
        self.setVisible(is_lit)

    def boundingRect(self) -> QRectF:
        return self.path.boundingRect().adjusted(-6, -6, 6, 6)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        self.paint_lit(painter, option.levelOfDetailFromTransform(painter.worldTransform()))

    def paint_lit(self, painter: QPainter, scale: float) -> None:
        """Paint the wire so that it stands out."""
        colour = QColor(self._style.palette.accent)
        _draw(painter, self.path, self.heads, colour, max(2.2, 1.4 / scale))


class QuietWires:
    """All wires as they are when nothing is selected."""

    def __init__(self, wires: Iterable[WireItem], palette: Palette) -> None:
        self._wires = tuple(wires)
        self._colour = QColor(palette.edge)
        self._path, self._heads = QPainterPath(), QPainterPath()
        for wire in self._wires:
            self._path.addPath(wire.path)
            self._heads.addPath(wire.heads)

    def paint(self, painter: QPainter, rect: QRectF, scale: float) -> None:
        """Paint the wires that are within `rect`."""
        width = max(1.3, 0.8 / scale)
        if rect.width() * 2 > self._path.boundingRect().width():  # one path is much faster
            heads = self._heads if scale > _SMALLEST_HEADS else QPainterPath()
            _draw(painter, self._path, heads, self._colour, width)
            return
        for wire in self._wires:
            if wire.boundingRect().intersects(rect):
                _draw(painter, wire.path, wire.heads, self._colour, width)


def _draw(
    painter: QPainter, path: QPainterPath, heads: QPainterPath, colour: QColor, width: float
) -> None:
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPath(heads)


def _arrow_head(segment: Segment) -> QPolygonF:
    tip = QPointF(*segment[3])
    start = QPointF(*segment[0])
    along = tip - start
    if abs(along.x()) >= abs(along.y()):
        back, side = QPointF(-6.0 if along.x() > 0 else 6.0, 0.0), QPointF(0.0, 3.2)
    else:
        back, side = QPointF(0.0, -6.0 if along.y() > 0 else 6.0), QPointF(3.2, 0.0)
    return QPolygonF([tip, tip + back + side, tip + back - side, tip])
