"""Whole windows: with the real jobs, and with fakes in the states in which tests begin."""

from pathlib import Path
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app import jobs
from app.appearance import Appearance
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from app.theme import LIGHT, apply_palette
from core.config import RunConfig
from tests.app.window_steps import WAIT_MS, open_tiny, reach, search_for_ever, search_tiny


@pytest.fixture
def fakes(monkeypatch):
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    monkeypatch.setattr(jobs, "search", search_tiny)
    return monkeypatch


@pytest.fixture
def settings(tmp_path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def make_window(qtbot, fakes, settings):
    """Make windows whose threads end before they do."""
    app = QApplication.instance()

    def end_thread(window: MainWindow) -> None:
        window.dialogs.close()
        if not window.session.is_quiet:
            with qtbot.waitSignal(window.session.shut_down_finished, timeout=WAIT_MS):
                window.session.shut_down()

    def make() -> MainWindow:
        session = Session()
        window = MainWindow(session, Appearance(app, settings, session), settings)
        session.setParent(window)
        qtbot.addWidget(window, before_close_func=end_thread)
        return window

    yield make
    if pg.getConfigOption("background") != LIGHT.surface:
        apply_palette(app, LIGHT)


@pytest.fixture
def window(make_window):
    window = make_window()
    window.show()
    return window


@pytest.fixture
def opened(qtbot, window):
    with reach(qtbot, window, SessionState.READY):
        window.session.open(RunConfig())
    return window


@pytest.fixture
def searched(qtbot, window):
    with reach(qtbot, window, SessionState.FINISHED):
        window.commands["demo"].trigger()
    return window


@pytest.fixture
def searching(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_for_ever)
    with qtbot.waitSignals([opened.session.event_received] * 2):
        opened.commands["start"].trigger()
    return opened


@pytest.fixture
def own_consents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody has agreed to anything yet."""
    from core.networks import consent

    monkeypatch.setattr(consent, "consents_file", lambda: tmp_path / "config" / "trusted.json")


@pytest.fixture
def real_window(qtbot: Any, tmp_path: Path, own_consents: None) -> Any:
    """A window that opens real files, with settings of its own; its thread ends before it does."""
    from tests.app.opening_steps import make_window

    return make_window(qtbot, tmp_path / "settings.ini")
