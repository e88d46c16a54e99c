"""Pictures of boards whose last part scrolls: all of it is painted, not only what is in sight."""

from typing import Protocol

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QPainter, QRegion
from PySide6.QtWidgets import QWidget


class ScrolledPart(Protocol):
    """A widget that scrolls and can paint all that it has."""

    def viewport(self) -> QWidget: ...

    def pos(self) -> QPoint: ...

    def whole_height(self) -> int:
        """The height of all, in logical pixels, at the width of the viewport."""
        ...

    def paint_whole(self, painter: QPainter) -> None:
        """Paint all, from the upper left corner."""
        ...


def whole_size(board: QWidget, part: ScrolledPart) -> QSize:
    """How large the board would be if its part need not scroll."""
    missing = max(0, part.whole_height() - part.viewport().height())
    return board.size() + QSize(0, missing)


def paint_whole(painter: QPainter, board: QWidget, part: ScrolledPart, colour: str) -> None:
    """Paint the board down to its part, and then all of the part."""
    painter.fillRect(QRect(QPoint(), whole_size(board, part)), QColor(colour))
    above = QRegion(0, 0, board.width(), part.pos().y())
    board.render(painter, QPoint(), above)
    painter.save()
    painter.translate(part.pos())
    part.paint_whole(painter)
    painter.restore()
