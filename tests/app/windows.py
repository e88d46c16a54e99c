"""A whole window without torch, and a short run over the tiny network shown in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.appearance import Appearance
from app.main_window import MainWindow
from app.panels.panel import Panel
from app.session import Session
from app.session_state import SessionState
from app.theme import LIGHT, apply_palette
from tests.app import samples

WINDOW_PX = (1280, 800)
WAIT_SECONDS = 60.0  # for machines with other work


def make_window(folder: Path, theme: str = "light") -> MainWindow:
    """Make a window whose settings are in `folder`; nothing is open and no thread runs."""
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("theme", theme)
    session = Session()
    window = MainWindow(session, Appearance(QApplication.instance(), settings, session), settings)
    session.setParent(window)
    return window


@contextmanager
def window_with_run(qtbot: QtBot, folder: Path) -> Iterator[MainWindow]:
    """A window on the screen that shows a whole search over the tiny network."""
    window = make_window(folder)
    qtbot.addWidget(window, before_close_func=lambda window: window.dialogs.close())
    window.resize(*WINDOW_PX)
    window.show()
    show_run(window)
    for _ in range(4):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    yield window
    apply_palette(QApplication.instance(), LIGHT)


@contextmanager
def lasting_window(folder: Path) -> Iterator[MainWindow]:
    """A window on the screen that many tests use one after another: to make one takes a second.

    Each test leaves it as it found it, and ends with `let_rest`.
    """
    window = make_window(folder)
    window.show()
    let_rest(window)
    try:
        yield window
    finally:
        let_rest(window)
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def let_rest(window: MainWindow) -> None:
    """Close every dialog, let the jobs end, and draw what is new, so that no timer runs on."""
    window.dialogs.close()
    deadline = time.monotonic() + WAIT_SECONDS
    while not window.session.is_quiet:
        assert time.monotonic() < deadline, "a job of the window does not end"
        QTest.qWait(1)
    window.activateWindow()  # the keys went to the dialogs
    QApplication.processEvents()
    for panel in window.findChildren(Panel):
        panel.redraw_now()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    for timer in window.findChildren(QTimer):
        if timer.isActive():  # as of the status bar, or of words that are shown for seconds
            timer.stop()
            timer.timeout.emit()


def open_tiny(window: MainWindow) -> None:
    """Let the window believe that the tiny network was opened."""
    window.session._set_state(SessionState.READY)
    window.session.event_received.emit(samples.network_opened())


def show_run(window: MainWindow) -> None:
    """Tell the window a whole search over the tiny network, and select a layer."""
    open_tiny(window)
    for event in (*samples.search_events(), samples.run_reported()):
        window.session._work.take_event(event)
        window.session.event_received.emit(event)
    window.session._set_state(SessionState.FINISHED)
    window.selection.select_layer("block.inner")
    window.commands.show_state(SessionState.FINISHED, has_run_folder=True)


def describe(widget: QWidget) -> str:
    """Say where a widget is, for the messages of failed tests."""
    path, at = [], widget
    while at is not None:
        path.append(at.objectName() or type(at).__name__)
        at = at.parentWidget()
    return " < ".join(path[:5])
