"""The verdict as a table: a row for every method."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.panels.verdict_words import estimate_text, lead_text, method_words
from app.theme import SPACE_M, SPACE_S, Palette
from app.words import percent_text
from core.runs.verdict import MethodRow, Verdict

LEAD_AFTER = 5  # the last column


class VerdictGrid(QTableWidget):
    """Accuracy and lead of every method, before and after fine-tuning; learned above."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        titles = (
            self.tr("Method"),
            self.tr("MACs kept"),
            self.tr("Test accuracy"),
            self.tr("Learned is ahead by"),
            self.tr("After fine-tuning"),
            self.tr("Learned is ahead by"),
        )
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet(f"QTableView::item {{ padding: 0 {SPACE_S}px; }}")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + SPACE_M)
        self.horizontalHeader().setHighlightSections(False)
        self.setAccessibleName(self.tr("Methods and their test accuracy"))

    def show_verdict(self, verdict: Verdict) -> None:
        """Show other numbers."""
        has_after = any(row.after for row in verdict.rows)
        self.setRowCount(len(verdict.rows))
        for place, row in enumerate(verdict.rows):
            for column, text in enumerate(self._texts(row, has_after=has_after)):
                self.setItem(place, column, _cell(text, column, is_bold=place == 0))
        self.setColumnHidden(LEAD_AFTER, not has_after)
        self.resizeColumnsToContents()

    def whole_size(self) -> QSize:
        """How large the table is without scroll bars."""
        columns = range(self.columnCount())
        width = sum(self.columnWidth(column) for column in columns)
        rows = 1 + self.rowCount()  # with the titles
        return QSize(width, rows * self.verticalHeader().defaultSectionSize())

    def paint_whole(self, painter: QPainter, colours: Palette) -> None:
        """Paint titles and all rows, from the painter's origin on."""
        height, left = self.verticalHeader().defaultSectionSize(), 0
        middle = Qt.AlignmentFlag.AlignVCenter
        for column in range(self.columnCount()):
            if self.isColumnHidden(column):
                continue
            width = self.columnWidth(column)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            for place in range(-1, self.rowCount()):
                item = self.item(place, column) or self.horizontalHeaderItem(column)
                painter.setFont(item.font())
                painter.setPen(QColor(colours.muted_text if place < 0 else colours.text))
                box = QRect(left, (place + 1) * height, width - SPACE_S, height)
                painter.drawText(box, side | middle, item.text())
            left += width

    def _texts(self, row: MethodRow, *, has_after: bool) -> tuple[str, ...]:
        missing = "–" if has_after else self.tr("not fine-tuned yet")
        return (
            method_words(row.name),
            percent_text(row.macs_kept),
            estimate_text(row.before),
            lead_text(row.lead_before),
            estimate_text(row.after) if row.after else missing,
            lead_text(row.lead_after),
        )


def _cell(text: str, column: int, *, is_bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    font = item.font()
    font.setBold(is_bold)
    item.setFont(font)
    return item
