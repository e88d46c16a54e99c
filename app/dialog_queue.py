"""One queue for all dialogs of the window: never two at once, and none is lost."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.dialogs_error import ErrorDialog
from app.theme import Palette

RETRY_MS = 200  # while a file dialog, which runs by itself, is open


class DialogQueue(QObject):
    """Shows dialogs over a window one after another.

    What the person asks for takes the place of what the person asked for before. Errors, and what
    an event wants to tell or ask, wait until nothing else is on the screen.

    asked: what was shown last that is no error; gone if it was closed. None at first.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.asked: QDialog | None = None
        self._shown: QDialog | None = None
        self._is_wish = False  # what is shown is what the person asked for
        self._waiting: list[QDialog] = []
        self._retry = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry.timeout.connect(self._show_next)

    @property
    def error(self) -> ErrorDialog | None:
        """The error on the screen, if there is one."""
        return self._shown if isinstance(self._shown, ErrorDialog) else None

    def show_wish(self, dialog: QDialog) -> None:
        """Show what the person asked for, now if nothing but such a dialog is open."""
        if self._shown is None:
            self._show(dialog, is_wish=True)
        elif self._is_wish:
            before, self._shown = self._shown, None
            before.reject()
            self._show(dialog, is_wish=True)
        else:
            self._waiting.append(dialog)

    def show_later(self, dialog: QDialog) -> None:
        """Show a dialog that nobody asked for as soon as no other is open."""
        self._waiting.append(dialog)
        self._show_next()

    def show_error(self, message: str, details: str, palette: Palette) -> None:
        """Tell an error as soon as no dialog is open, once."""
        known = [self._shown, *self._waiting]
        if message not in [d.message for d in known if isinstance(d, ErrorDialog)]:
            self.show_later(ErrorDialog(message, details, palette, self._window))

    def close(self) -> None:
        """Close what is shown and forget what waits."""
        self._retry.stop()
        for dialog in self._waiting:
            dialog.deleteLater()
        self._waiting.clear()
        if self._shown is not None:
            self._shown.reject()

    def _show_next(self) -> None:
        if self._shown is not None or not self._waiting:
            return
        if QApplication.activeModalWidget() is not None:
            self._retry.start()
        else:
            self._show(self._waiting.pop(0), is_wish=False)

    def _show(self, dialog: QDialog, *, is_wish: bool) -> None:
        self._shown, self._is_wish = dialog, is_wish
        if not isinstance(dialog, ErrorDialog):
            self.asked = dialog
        dialog.finished.connect(lambda: self._on_finished(dialog))
        dialog.open()

    def _on_finished(self, dialog: QDialog) -> None:
        dialog.deleteLater()
        if self._shown is dialog:
            self._shown = None
            self._show_next()
