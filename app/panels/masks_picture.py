"""Pictures of panels that scroll: words, all rows and a legend below each other."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from app.panels.masks_legend import FlowLegend
from app.theme import SPACE_M, SPACE_S, TextRole, text_font

WRAP = int(Qt.TextFlag.TextWordWrap)
ENDLESS = 1e5  # pixels of height that no words need


class StackedPicture:
    """Parts of one width, each with its height; painted from the top."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._parts: list[tuple[float, Callable[[QPainter], None]]] = []

    @property
    def size(self) -> QSize:
        """In logical pixels, with a margin all round."""
        height = sum(height + SPACE_S for height, _ in self._parts)
        return QSize(self._width + 2 * SPACE_M, round(height) + 2 * SPACE_M)

    def add(self, height: float, paint: Callable[[QPainter], None]) -> None:
        """Add a part; `paint` gets a painter whose origin is the part's upper left corner."""
        self._parts.append((height, paint))

    def add_words(self, words: str, colour: str, role: TextRole) -> None:
        """Add words, wrapped; no words, no line."""
        if not words:
            return
        font = text_font(role)
        room = QRectF(0, 0, self._width, ENDLESS)
        height = QFontMetricsF(font).boundingRect(room, WRAP, words).height()

        def paint(painter: QPainter) -> None:
            painter.setFont(font)
            painter.setPen(QColor(colour))
            painter.drawText(QRectF(0, 0, self._width, height + 1), WRAP, words)

        self.add(height, paint)

    def add_legend(self, legend: FlowLegend) -> None:
        """Add a legend, whether it is seen or not."""
        width = self._width
        self.add(legend.height_in(width), lambda painter: legend.paint_into(painter, width))

    def paint(self, painter: QPainter) -> None:
        """Paint all parts."""
        corner = QPointF(SPACE_M, SPACE_M)
        for height, paint in self._parts:
            painter.save()
            painter.translate(corner)
            paint(painter)
            painter.restore()
            corner += QPointF(0, height + SPACE_S)
