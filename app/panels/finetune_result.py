"""The result of a fine-tuning as a small grid of numbers on the test images."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.theme import text_font
from app.words import duration_text, percent_text
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile

ROWS_MOST = 3  # in sight at once
ROW_PX = 21


class ResultGrid(QTableWidget):
    """A row for each network, before → after fine-tuning; hidden until there is a result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        headers = (
            self.tr("Network"),
            self.tr("MACs"),
            self.tr("Accuracy (%)"),
            self.tr("Cross-entropy"),
            self.tr("KL"),
            self.tr("Epoch"),  # the one that is kept
            self.tr("Time"),
        )
        self.setColumnCount(len(headers))
        self.setHorizontalHeaderLabels(list(headers))
        self.setFont(text_font("caption"))  # seven columns, and the settings beside them
        for column in range(len(headers)):
            self.horizontalHeaderItem(column).setFont(self.font())
        self.setAccessibleName(self.tr("Result on the test images"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_file(self, file: FinetuneFile | None) -> None:
        """Show the networks of a result; None hides the grid."""
        self.setVisible(file is not None)
        if file is None:
            return
        self.setRowCount(len(file.networks))
        for row, network in enumerate(file.networks):
            for column, text in enumerate(self._cells(network)):
                item = QTableWidgetItem(text)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        for column in range(1, self.columnCount()):
            self.horizontalHeaderItem(column).setTextAlignment(Qt.AlignmentFlag.AlignRight)
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft)
        self._fit_height()

    def _cells(self, network: FinetunedNetwork) -> tuple[str, ...]:
        before, after = network.before, network.after
        name = self.tr("learned") if network.name == "learned" else network.name.replace("_", " ")
        epochs = (
            "–"
            if network.best_epoch is None
            else self.tr("{:,} of {:,}").format(network.best_epoch, network.epochs or 0)
        )
        return (
            name,
            percent_text(network.macs_kept),
            f"{_percent(before.accuracy)} → {_percent(after.accuracy)}",
            f"{_nats(before.cross_entropy)} → {_nats(after.cross_entropy)}",
            f"{_nats(before.kl)} → {_nats(after.kl)}",
            epochs,
            "–" if network.seconds is None else duration_text(network.seconds),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        """Be as high as the rows, and a bar below them where the columns are too wide."""
        rows = min(self.rowCount(), ROWS_MOST)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        if self.horizontalHeader().length() > self.viewport().width():
            height += self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(height + sum(self.rowHeight(row) for row in range(rows)))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _nats(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
