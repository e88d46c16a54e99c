"""A small bar over the graph that searches layers by name."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from app.theme import SPACE_S, Palette, fill_background

_FIELD_WIDTH_PX = 170


class FindBar(QFrame):
    """A field for a part of a name, how many layers have it, buttons for the next one.

    Signals:
        text_changed(str): another name is searched, "" when the bar closes.
        step_requested(int): the next (1) or the previous (-1) match is wanted.
        closed(): the bar was closed.
    """

    text_changed = Signal(str)
    step_requested = Signal(int)
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = QLineEdit(placeholderText=self.tr("Find a layer"), clearButtonEnabled=True)
        self.field.setFixedWidth(_FIELD_WIDTH_PX)
        self.field.setAccessibleName(self.tr("Part of a layer's name"))
        self.field.textChanged.connect(self.text_changed)
        self.field.installEventFilter(self)
        self.count = QLabel()
        self.count.setMinimumWidth(self.fontMetrics().horizontalAdvance("888 of 888"))
        self.previous = self._button("‹", self.tr("Previous match (Shift+Enter)"))
        self.previous.clicked.connect(lambda: self.step_requested.emit(-1))
        self.next = self._button("›", self.tr("Next match (Enter)"))
        self.next.clicked.connect(lambda: self.step_requested.emit(1))
        self.close_button = self._button("×", self.tr("Close (Esc)"))
        self.close_button.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE_S, SPACE_S, SPACE_S, SPACE_S)
        layout.setSpacing(SPACE_S)
        for part in (self.field, self.count, self.previous, self.next, self.close_button):
            layout.addWidget(part)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setBackgroundRole(QPalette.ColorRole.Window)  # not that of the graph behind it
        self.hide()

    def use_palette(self, palette: Palette) -> None:
        """Take over new colours."""
        fill_background(self, palette.raised, palette.text)

    def open(self) -> None:
        """Show the bar and wait for a name; what was searched last is selected."""
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self.text_changed.emit(self.field.text())

    def dismiss(self) -> None:
        """Hide the bar; the name stays for the next time."""
        if not self.isHidden():
            self.hide()
            self.text_changed.emit("")
            self.closed.emit()

    def show_count(self, place: int, count: int) -> None:
        """Say which match is selected (from 1, 0 for none) of how many."""
        words = (
            self.tr("no layer") if not count else self.tr("{} of {}").format(place or "–", count)
        )
        self.count.setText(words if self.field.text().strip() else "")
        for button in (self.previous, self.next):
            button.setEnabled(count > 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.dismiss()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.step_requested.emit(-1 if is_back else 1)
                return True
        return super().eventFilter(watched, event)

    def _button(self, sign: str, tooltip: str) -> QToolButton:
        button = QToolButton(text=sign, autoRaise=True, toolTip=tooltip)
        button.setAccessibleName(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button
