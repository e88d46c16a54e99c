"""What a person does to open something in the window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from app.appearance import Appearance
from app.dialogs_open import OpenDialog
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from core.events import NetworkOpened
from core.networks import network_names

WAIT_MS = 60_000


def make_window(qtbot: Any, settings_file: Path) -> MainWindow:
    """Make a window whose thread ends before it does."""
    settings = QSettings(str(settings_file), QSettings.Format.IniFormat)
    session = Session()
    window = MainWindow(session, Appearance(QApplication.instance(), settings, session), settings)
    session.setParent(window)

    def end_thread(window: MainWindow) -> None:
        window.dialogs.close()
        if not session.is_quiet:
            with qtbot.waitSignal(session.shut_down_finished, timeout=WAIT_MS):
                session.shut_down()

    qtbot.addWidget(window, before_close_func=end_thread)
    window.parts.settings.source.set_choices(network_names(), ("digits", "cifar10"))
    window.show()
    return window


def drop(window: MainWindow, *paths: Path) -> OpenDialog | None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    return window.dialog if isinstance(window.dialog, OpenDialog) else None


def asks(window: MainWindow) -> Callable[[], bool]:
    """Say whether the window shows a question or an error now."""

    def is_asking() -> bool:
        box = window.dialog
        is_box = isinstance(box, QMessageBox) and shiboken6.isValid(box) and box.isVisible()
        return is_box or window.dialogs.error is not None

    return is_asking


def accept(
    qtbot: Any, window: MainWindow, dialog: OpenDialog, *, runs_code: bool = False
) -> NetworkOpened:
    """Click Open, agree where code would run, and wait until it is open."""
    seen: list[object] = []
    window.session.event_received.connect(seen.append)
    dialog.open_button.click()
    if runs_code:
        qtbot.waitUntil(asks(window), timeout=WAIT_MS)
        assert window.dialogs.error is None, window.dialogs.error.message
        assert "SHA-256" in window.dialog.informativeText()
        window.dialog.button(QMessageBox.StandardButton.Yes).click()
    qtbot.waitUntil(lambda: is_at_rest(window), timeout=WAIT_MS)
    assert window.dialogs.error is None, window.dialogs.error.message
    (opened,) = (event for event in seen if isinstance(event, NetworkOpened))
    return opened


def is_at_rest(window: MainWindow) -> bool:
    if window.dialogs.error is not None:
        return True
    return window.session.state is SessionState.READY and window.session.is_quiet
