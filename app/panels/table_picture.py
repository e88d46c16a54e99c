"""A table as a picture: all rows and columns, whatever a low dock shows of them."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QTableView

from app.theme import SPACE_S, Palette

Role = Qt.ItemDataRole


def whole_size(view: QTableView) -> QSize:
    """How large a table is without scroll bars, titles included, in logical pixels."""
    width = sum(view.columnWidth(column) for column in _columns(view))
    return QSize(width, _title_height(view) + view.model().rowCount() * _row_height(view))


def paint_whole(view: QTableView, painter: QPainter, colours: Palette) -> None:
    """Paint titles and all rows, from the painter's origin on."""
    model, height, top, left = view.model(), _row_height(view), _title_height(view), 0
    for column in _columns(view):
        width = view.columnWidth(column)
        title = str(model.headerData(column, Qt.Orientation.Horizontal, Role.DisplayRole))
        places = range(model.rowCount())
        indexes = [model.index(place, column) for place in places]
        side = indexes[0].data(Role.TextAlignmentRole) if indexes else Qt.AlignmentFlag.AlignVCenter
        box = QRect(left + SPACE_S, 0, width - 2 * SPACE_S, top)
        painter.setFont(view.font())
        painter.setPen(QColor(colours.muted_text))
        painter.drawText(box, side, _fitting(painter, title, box.width()))
        for place, index in enumerate(indexes):
            box = QRect(box.left(), top + place * height, box.width(), height)
            painter.setFont(index.data(Role.FontRole) or view.font())
            painter.setPen(index.data(Role.ForegroundRole) or QColor(colours.text))
            words = str(index.data() or "")
            painter.drawText(box, side, _fitting(painter, words, box.width()))
        left += width


def _fitting(painter: QPainter, words: str, room: int) -> str:
    """The words, each of their lines shortened to its room: together they would count as one."""
    metrics, end = painter.fontMetrics(), Qt.TextElideMode.ElideRight
    return "\n".join(metrics.elidedText(line, end, room) for line in words.split("\n"))


def _columns(view: QTableView) -> list[int]:
    """The columns that are shown, from the left."""
    header = view.horizontalHeader()
    order = (header.logicalIndex(place) for place in range(header.count()))
    return [column for column in order if not view.isColumnHidden(column)]


def _row_height(view: QTableView) -> int:
    return view.verticalHeader().defaultSectionSize()


def _title_height(view: QTableView) -> int:
    """A row's height, more where a title has several lines."""
    model, across = view.model(), Qt.Orientation.Horizontal
    titles = (str(model.headerData(column, across, Role.DisplayRole)) for column in _columns(view))
    more_lines = max((title.count("\n") for title in titles), default=0)
    return _row_height(view) + more_lines * view.fontMetrics().lineSpacing()
