"""The dialog that asks to which multiples the widths of a finished run are rounded."""

from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QRadioButton, QWidget

from app.dialog_parts import caption, lay_out
from core.config.searching import MULTIPLES

USUAL = 8


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
        promise = caption(
            self.tr(
                "The budget holds. The rounded network is tested, exported and measured in a "
                "folder of its own, and the log says what it costs in MACs."
            )
        )
        self.round_button = QPushButton(self.tr("Round"))
        lay_out(self, [question, *self.choices.values(), promise], self.round_button)

    @property
    def multiple(self) -> int:
        """What the widths shall be multiples of."""
        return next(multiple for multiple, button in self.choices.items() if button.isChecked())
