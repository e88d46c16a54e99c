"""Ctrl-C reaches a window whose loop is idle."""

import os
import signal

from PySide6.QtCore import QObject, Signal

from app.interrupts import Interrupts


class Listener(QObject):
    heard = Signal()


def test_an_interrupt_is_heard_once_and_then_has_its_usual_effect(qtbot):
    listener = Listener()
    before = signal.getsignal(signal.SIGINT)
    interrupts = Interrupts(listener.heard.emit, listener)
    try:
        with qtbot.waitSignal(listener.heard, timeout=2000):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        interrupts.restore()
    assert signal.getsignal(signal.SIGINT) is before
