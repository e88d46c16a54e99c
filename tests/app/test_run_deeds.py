"""What the list of runs asks for reaches the session and the verdict."""

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.appearance import Appearance
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from core.config import RunConfig, SearchConfig
from core.events import RunReported
from tests.app import samples
from tests.core.runs.made import make_run, report_of
from tests.core.runs.test_unfinished import make_run as make_unfinished


@pytest.fixture
def window(qtbot, tmp_path):
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    app, session = QApplication.instance(), Session()
    window = MainWindow(session, Appearance(app, settings, session), settings)
    session.setParent(window)
    qtbot.addWidget(window)
    return window


def test_a_run_is_opened_by_the_session(window, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(
        window.session, "open_run", lambda folder, allow_download: opened.append(folder)
    )
    window.parts.docked["runs"].run_requested.emit(tmp_path)
    assert opened == [tmp_path]


def test_no_run_is_opened_while_something_goes_on(window, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(window.session, "open_run", lambda *a, **k: opened.append(a))
    monkeypatch.setattr(type(window.session), "state", SessionState.SEARCHING)
    window.parts.docked["runs"].run_requested.emit(tmp_path)
    assert opened == []


def test_a_run_that_is_looked_at_is_judged(window, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    window.parts.docked["runs"].run_chosen.emit(folder)
    verdict = window.parts.docked["verdict"]
    assert verdict.verdict.rows[0].before.mean == 0.75
    verdict.reader.stop()


def test_a_run_that_has_ended_reaches_both_panels(window, tmp_path):
    folder = make_run(tmp_path / "a")
    event = RunReported(str(folder), report_of("tiny", 0, 0.75, {"l1_uniform": 0.6}))
    window.session.event_received.emit(event)
    assert [run.folder for run in window.parts.docked["runs"].model.runs] == [folder]
    assert window.parts.docked["verdict"].verdict is not None
    window.parts.docked["verdict"].reader.stop()


def test_the_list_follows_the_folder_of_the_settings(window, tmp_path):
    window.parts.settings.set_runs_folder(str(tmp_path / "elsewhere"))
    window.session.event_received.emit(samples.search_started())
    assert window.parts.docked["runs"].folder == tmp_path / "elsewhere"


def test_a_search_that_was_broken_off_is_offered_and_goes_on(window, tmp_path, monkeypatch):
    folder = make_unfinished(tmp_path, "2026-01-01_10-00-00_a")
    window.parts.settings.set_runs_folder(str(tmp_path))
    window.run_deeds.offer_unfinished()
    offer = window.parts.welcome.unfinished
    assert "after 3 of 40 evaluations" in offer.words.text()
    resumed = []
    monkeypatch.setattr(
        window.session, "resume_run", lambda folder, allow_download: resumed.append(folder)
    )
    offer.button.click()
    assert resumed == [folder]


def test_nothing_is_offered_where_nothing_was_broken_off(window, tmp_path):
    window.parts.settings.set_runs_folder(str(tmp_path))
    window.run_deeds.offer_unfinished()
    assert not window.parts.welcome.unfinished.isVisibleTo(window)


@pytest.mark.parametrize("state", [SessionState.READY, SessionState.SEARCHING])
def test_a_run_of_the_list_goes_on_unless_something_runs(window, tmp_path, monkeypatch, state):
    resumed = []
    monkeypatch.setattr(window.session, "resume_run", lambda *a, **k: resumed.append(a[0]))
    monkeypatch.setattr(type(window.session), "state", state)
    window.parts.docked["runs"].resume_requested.emit(tmp_path)
    assert resumed == ([] if state.is_busy else [tmp_path])


def test_an_opened_run_shows_its_settings(window, tmp_path, monkeypatch):
    config = RunConfig(network="tiny", search=SearchConfig(evaluations=7, macs_budget=0.3))
    monkeypatch.setattr(window.session, "open_run", lambda *a, **k: None)
    window.run_deeds.open_run(tmp_path)
    window.session._work.wanted_config = config
    for event in (samples.network_opened(), samples.search_started()):
        window.session._work.take_event(event)
        window.session.event_received.emit(event)
    shown = window.parts.settings.config()
    assert (shown.network, shown.search.evaluations, shown.search.macs_budget) == ("tiny", 7, 0.3)
    assert not window.parts.settings.hint.isVisibleTo(window.parts.settings)
