"""The verdict as a table: a row for every method."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.panels.parts import make_table_to_read
from app.panels.verdict_words import UNKNOWN, estimate_text, lead_text, method_words
from app.theme import text_font
from core.runs.verdict import MethodRow, Verdict

AFTER, LEAD_AFTER = 4, 5  # columns


class VerdictGrid(QTableWidget):
    """Accuracy and lead of every method, before and after fine-tuning; learned above."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        titles = (
            self.tr("Method"),
            self.tr("MACs\nkept, %"),
            self.tr("Before\nfine-tuning, %"),
            self.tr("Learned ahead\nby points"),
            self.tr("After\nfine-tuning, %"),
            self.tr("Learned ahead\nby points"),
        )
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        self.setFont(text_font("caption"))  # six columns, and the plot beside them
        for column in range(len(titles)):
            self.horizontalHeaderItem(column).setFont(self.font())
        make_table_to_read(self)
        self.setAccessibleName(self.tr("Methods and their test accuracy"))

    def show_verdict(self, verdict: Verdict) -> None:
        """Show other numbers."""
        has_after = any(row.after for row in verdict.rows)
        self.setRowCount(len(verdict.rows))
        for place, row in enumerate(verdict.rows):
            for column, text in enumerate(_texts(row)):
                self.setItem(place, column, _cell(text, column, is_bold=place == 0))
        for column in (AFTER, LEAD_AFTER):
            self.setColumnHidden(column, not has_after)
        self.resizeColumnsToContents()


def _texts(row: MethodRow) -> tuple[str, ...]:
    return (
        method_words(row.name),
        UNKNOWN if row.macs_kept is None else f"{100 * row.macs_kept:.1f}",
        estimate_text(row.before),
        lead_text(row.lead_before),
        estimate_text(row.after),
        lead_text(row.lead_after),
    )


def _cell(text: str, column: int, *, is_bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    item.setFont(text_font("caption", bold=is_bold))
    return item
