"""A table as a picture: all rows and columns, whatever a low dock shows of them."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QTableView

from app.theme import SPACE_S, Palette

Role = Qt.ItemDataRole


def whole_size(view: QTableView) -> QSize:
    """How large a table is without scroll bars, titles included, in logical pixels."""
    width = sum(view.columnWidth(column) for column in _columns(view))
    rows = 1 + view.model().rowCount()  # with the titles
    return QSize(width, rows * _row_height(view))


def paint_whole(view: QTableView, painter: QPainter, colours: Palette) -> None:
    """Paint titles and all rows, from the painter's origin on."""
    model, height, left = view.model(), _row_height(view), 0
    for column in _columns(view):
        width = view.columnWidth(column)
        title = str(model.headerData(column, Qt.Orientation.Horizontal, Role.DisplayRole))
        places = range(model.rowCount())
        indexes = [model.index(place, column) for place in places]
        side = indexes[0].data(Role.TextAlignmentRole) if indexes else Qt.AlignmentFlag.AlignVCenter
        box = QRect(left + SPACE_S, 0, width - 2 * SPACE_S, height)
        painter.setFont(view.font())
        painter.setPen(QColor(colours.muted_text))
        painter.drawText(box, side, _fitting(painter, title, box.width()))
        for index in indexes:
            box.translate(0, height)
            painter.setFont(index.data(Role.FontRole) or view.font())
            painter.setPen(index.data(Role.ForegroundRole) or QColor(colours.text))
            words = str(index.data() or "")
            painter.drawText(box, side, _fitting(painter, words, box.width()))
        left += width


def _fitting(painter: QPainter, words: str, room: int) -> str:
    return painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)


def _columns(view: QTableView) -> list[int]:
    """The columns that are shown, from the left."""
    header = view.horizontalHeader()
    order = (header.logicalIndex(place) for place in range(header.count()))
    return [column for column in order if not view.isColumnHidden(column)]


def _row_height(view: QTableView) -> int:
    return view.verticalHeader().defaultSectionSize()
