"""The dialog that asks to which multiples the widths of a finished run are rounded."""

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.theme import SPACE_L
from core.config.searching import MULTIPLES

USUAL = 8
TEXT_WIDTH_PX = 440


class RoundDialog(QDialog):
    """Asks for a multiple; `multiple` is the answer."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Round widths"))
        question = QLabel(
            self.tr(
                "Vector units and GPUs compute whole blocks of channels, so that odd widths are "
                "often no faster than the next multiple. Which multiple should the kept channels "
                "of every layer be?"
            )
        )
        question.setWordWrap(True)
        self.choices = {
            multiple: QRadioButton(self.tr("Multiples of {}").format(multiple))
            for multiple in MULTIPLES[1:]
        }
        self.choices[USUAL].setChecked(True)
        promise = QLabel(
            self.tr(
                "The budget holds. The rounded network is tested, exported and measured in a "
                "folder of its own, and the log says what it costs in MACs."
            )
        )
        promise.setProperty("role", "caption")
        promise.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.round_button = QPushButton(self.tr("Round"))
        self.round_button.setProperty("primary", True)
        buttons.addButton(self.round_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        layout.setSpacing(SPACE_L)
        layout.addWidget(question)
        for button in self.choices.values():
            layout.addWidget(button)
        layout.addWidget(promise)
        layout.addWidget(buttons)
        self.setMinimumWidth(TEXT_WIDTH_PX)

    @property
    def multiple(self) -> int:
        """What the widths shall be multiples of."""
        return next(multiple for multiple, button in self.choices.items() if button.isChecked())
