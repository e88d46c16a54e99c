"""The wires between layers."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.graph_routes import Segment
from app.panels.graph_style import GraphStyle


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
        self._path = QPainterPath()
        self._heads = QPainterPath()
        self.setZValue(0.5)
        self.setVisible(False)

    def use_style(self, style: GraphStyle) -> None:
        """Take over new colours."""
        self._style = style
        self.update()

    def set_routes(self, routes: Sequence[Sequence[Segment]]) -> None:
        """Draw these routes; parts that they share are drawn once."""
        self.prepareGeometryChange()
        self._path, self._heads = QPainterPath(), QPainterPath()
        drawn: set[Segment] = set()
        for route in routes:
            for segment in route:
                if segment not in drawn:
                    drawn.add(segment)
                    start, first, second, end = (QPointF(*point) for point in segment)
                    if self._path.currentPosition() != start or self._path.isEmpty():
                        self._path.moveTo(start)
                    self._path.cubicTo(first, second, end)
            self._heads.addPolygon(_arrow_head(route[-1]))
        self.update()

    def set_lit(self, is_lit: bool) -> None:
        """Stand out because the layer's channels are coupled to what is selected."""
        self.is_lit = is_lit
        self.setVisible(is_lit)

    def boundingRect(self) -> QRectF:
        return self._path.boundingRect().adjusted(-6, -6, 6, 6)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        self._draw(painter, QColor(self._style.palette.accent), max(2.2, 1.4 / scale))

    def paint_quiet(self, painter: QPainter, scale: float) -> None:
        """Paint the wire as one among many."""
        self._draw(painter, QColor(self._style.palette.edge), max(1.3, 0.8 / scale))

    def _draw(self, painter: QPainter, colour: QColor, width: float) -> None:
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPath(self._heads)


def _arrow_head(segment: Segment) -> QPolygonF:
    tip = QPointF(*segment[3])
    start = QPointF(*segment[0])
    along = tip - start
    if abs(along.x()) >= abs(along.y()):
        back, side = QPointF(-6.0 if along.x() > 0 else 6.0, 0.0), QPointF(0.0, 3.2)
    else:
        back, side = QPointF(0.0, -6.0 if along.y() > 0 else 6.0), QPointF(3.2, 0.0)
    return QPolygonF([tip, tip + back + side, tip + back - side, tip])
