"""An error on the screen: the sentence, the remedy, the details to unfold."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.dialog_parts import TEXT_WIDTH_PX
from app.icons import icon_pixmap
from app.theme import SPACE_L, SPACE_M, Palette

DETAILS_HEIGHT_PX = 180


class ErrorDialog(QDialog):
    """What went wrong and what to do about it; the details unfold and can be copied."""

    def __init__(self, message: str, details: str, palette: Palette, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("That did not work"))
        self.message = message
        sign = QLabel()
        sign.setPixmap(icon_pixmap("error", palette.error, 32, self.devicePixelRatioF()))
        problem, remedy = split_sentence(message)
        self.problem = self._words(problem, is_bold=True)
        self.remedy = self._words(remedy)
        self.remedy.setVisible(bool(remedy))
        self.details = QPlainTextEdit(details)
        self.details.setReadOnly(True)
        self.details.setFixedHeight(DETAILS_HEIGHT_PX)
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setAccessibleName(self.tr("Details"))
        self.details.hide()
        words = QVBoxLayout()
        words.setSpacing(SPACE_M)
        words.addWidget(self.problem)
        words.addWidget(self.remedy)
        top = QHBoxLayout()
        top.setSpacing(SPACE_L)
        top.addWidget(sign, alignment=Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        layout.setSpacing(SPACE_L)
        layout.addLayout(top)
        layout.addWidget(self.details)
        layout.addLayout(self._buttons(bool(details)))
        self.close_button.setFocus()
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)

    def _words(self, text: str, *, is_bold: bool = False) -> QLabel:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setFixedWidth(TEXT_WIDTH_PX)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = label.font()
        font.setBold(is_bold)
        label.setFont(font)
        return label

    def _buttons(self, has_details: bool) -> QHBoxLayout:
        self.unfold_button = QPushButton(self.tr("Show details"))
        self.unfold_button.setVisible(has_details)
        self.unfold_button.clicked.connect(self._on_unfold)
        self.copy_button = QPushButton(self.tr("Copy"))
        self.copy_button.setToolTip(self.tr("Copy the sentence and the details"))
        self.copy_button.clicked.connect(self._on_copy)
        self.close_button = close = QPushButton(self.tr("Close"))
        close.setDefault(True)
        close.setProperty("primary", True)
        close.clicked.connect(self.accept)
        for other in (self.unfold_button, self.copy_button):
            other.setAutoDefault(False)
        row = QHBoxLayout()
        row.addWidget(self.unfold_button)
        row.addStretch(1)
        row.addWidget(self.copy_button)
        row.addWidget(close)
        return row

    def _on_unfold(self) -> None:
        is_folded = self.details.isHidden()
        self.details.setVisible(is_folded)
        self.unfold_button.setText(
            self.tr("Hide details") if is_folded else self.tr("Show details")
        )

    def _on_copy(self) -> None:
        details = self.details.toPlainText()
        QGuiApplication.clipboard().setText("\n\n".join(filter(None, (self.message, details))))


def split_sentence(message: str) -> tuple[str, str]:
    """Split "What is wrong. What to do." into the problem and the remedy."""
    problem, separator, remedy = message.partition(". ")
    return (problem + ".", remedy) if separator else (message, "")
