"""What the tests of the whole window share: fake jobs, and how to reach a state."""

import threading

from PySide6.QtWidgets import QMessageBox

from app.actions import ACTIONS
from app.main_window import MainWindow
from app.session_state import SessionState
from core.events import StageAdvanced, StopRequested
from tests.app import samples

NEVER = threading.Event()
WAIT_MS = 20_000  # for machines with other work; usually it is milliseconds


def open_tiny(config, *, allow_download):
    yield samples.network_opened()


def search_tiny(opened, config, runs_folder):
    yield from samples.search_events()
    yield samples.run_reported()


def search_for_ever(opened, config, runs_folder):
    try:
        yield samples.search_started()
        yield samples.best_changed()
        while True:
            NEVER.wait(0.001)
            yield StageAdvanced(0)
    except StopRequested:
        yield samples.search_finished(is_stopped=True)


def reach(qtbot, window: MainWindow, state: SessionState):
    return qtbot.waitSignal(
        window.session.state_changed, timeout=WAIT_MS, check_params_cb=lambda new: new is state
    )


def enabled(window: MainWindow) -> set[str]:
    return {name for name in ACTIONS if window.commands[name].isEnabled()}


def answer(window: MainWindow, button: QMessageBox.StandardButton) -> None:
    window.dialog.button(button).click()
