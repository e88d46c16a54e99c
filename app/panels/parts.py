"""Small parts that panels are made of: labels with a role, headings, tables."""

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QWidget,
)

from app.theme import SPACE_L, SPACE_M, SPACE_S
from app.words import percent_text
from core.comparison import LayerCost


def text_label(role: str = "", text: str = "") -> QLabel:
    """A label that wraps, can be selected, and looks as the theme says for `role`."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", role)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextBrowserInteraction
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


def right_aligned(label: QLabel) -> QLabel:
    """Put a number to the right, on one line; returns the label."""
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    label.setWordWrap(False)
    return label


def heading_label(text: str) -> QLabel:
    """A bold line over a section."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def scrolled(content: QWidget, name: str) -> QScrollArea:
    """Let `content` fill what room there is, and scroll up and down where that is too low.

    name: translated, of the area for those who do not see it.
    """
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(name)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    return area


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where there is no room; all of it is in the tooltip."""

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, metrics = QPainter(self), self.fontMetrics()
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), self.alignment(), text)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
            self.setToolTip(f"<qt>{escape(self.text())}</qt>" if is_cut else "")
        return super().event(event)


class CostTable(QWidget):
    """MACs and parameters before and after, and the share that is kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._numbers = {name: [QLabel() for _ in range(3)] for name in ("macs", "params")}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(SPACE_L)
        layout.setVerticalSpacing(SPACE_S)
        titles = (self.tr("before"), self.tr("after"), self.tr("kept"))
        for column, text in enumerate(titles, start=1):
            layout.addWidget(right_aligned(text_label("caption", text)), 0, column)
        names = (self.tr("MACs"), self.tr("Parameters"))
        for row, (name, numbers) in enumerate(
            zip(names, self._numbers.values(), strict=True), start=1
        ):
            layout.addWidget(text_label(text=name), row, 0)
            for column, number in enumerate(numbers, start=1):
                layout.addWidget(right_aligned(number), row, column)
        layout.setColumnStretch(0, 1)

    @property
    def texts(self) -> dict[str, list[str]]:
        """The numbers as they are shown, before, after and kept."""
        return {name: [label.text() for label in row] for name, row in self._numbers.items()}

    def show_cost(self, cost: LayerCost) -> None:
        """Show another layer's numbers."""
        for name, before, after in (
            ("macs", cost.macs_before, cost.macs_after),
            ("params", cost.params_before, cost.params_after),
        ):
            kept = percent_text(after / before, 0) if before else "–"
            for label, text in zip(
                self._numbers[name], (f"{before:,}", f"{after:,}", kept), strict=True
            ):
                label.setText(text)


def tool_row(choices: Sequence[tuple[str, QWidget]], caption: QWidget) -> QHBoxLayout:
    """The line above a panel: what can be chosen, each with its words, and what is shown."""
    row = QHBoxLayout()
    row.setSpacing(SPACE_S)
    for words, box in choices:
        row.addWidget(QLabel(words))
        row.addWidget(box)
        row.addSpacing(SPACE_M)
    row.addWidget(caption, 1)
    return row


def make_table_to_read(table: QTableWidget) -> None:
    """Let a table be read and copied by whole rows, without lines or numbers of rows."""
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setStyleSheet(f"QTableView::item {{ padding: 0 {SPACE_S}px; }}")
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + SPACE_M)
    table.horizontalHeader().setHighlightSections(False)
