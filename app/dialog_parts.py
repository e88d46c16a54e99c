"""What dialogs that ask for something are made of."""

from collections.abc import Sequence

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.theme import SPACE_L

TEXT_WIDTH_PX = 440


def lay_out(
    dialog: QDialog,
    parts: Sequence[QWidget | QLayout],
    accept: QPushButton,
    width_px: int = TEXT_WIDTH_PX,
) -> None:
    """Put the parts below each other, and below them Cancel and the button that accepts."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    accept.setProperty("primary", True)
    buttons.addButton(accept, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
    layout.setSpacing(SPACE_L)
    for part in (*parts, buttons):
        if isinstance(part, QLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part)
    dialog.setMinimumWidth(width_px)


def caption(words: str = "") -> QLabel:
    """A paragraph in small letters."""
    label = QLabel(words)
    label.setProperty("role", "caption")
    label.setWordWrap(True)
    return label
