"""Ctrl-C in the terminal that the window was started from."""

import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts(QObject):
    """Calls `stop` at the first Ctrl-C; the second one ends the program at once."""

    def __init__(self, stop: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._stop = stop
        # Qt's loop runs no Python while it waits, and only Python handles signals: the signal
        # writes a byte here, Qt notices it and calls back into Python.
        self._ear, self._mouth = socket.socketpair()
        for end in (self._ear, self._mouth):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._ear.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_woken)
        self._wakeup_before = signal.set_wakeup_fd(self._mouth.fileno())
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}

    def restore(self) -> None:
        """Handle signals as before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._notifier.setEnabled(False)
        self._ear.close()
        self._mouth.close()

    def _on_signal(self, number: int, frame: object) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_DFL)
        self._stop()

    def _on_woken(self) -> None:
        self._ear.recv(64)
