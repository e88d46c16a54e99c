"""A whole window without torch, and a short run over the tiny network shown in it."""

from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QWidget

from app.appearance import Appearance
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from tests.app import samples


def make_window(folder: Path, theme: str = "light") -> MainWindow:
    """Make a window whose settings are in `folder`; nothing is open and no thread runs."""
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("theme", theme)
    session = Session()
    window = MainWindow(session, Appearance(QApplication.instance(), settings, session), settings)
    session.setParent(window)
    return window


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
