"""The whole window: sample events and clicks go in, widgets are looked at. No torch, no sleeps."""

import pytest

from app import jobs
from app.actions import ACTIONS
from app.command_line import parse, run_config
from app.main_window import _begin
from app.session_state import SessionState
from core.config import RunConfig
from core.errors import MemoryShortage
from core.events import StageStarted
from tests.app import samples
from tests.app.window_steps import enabled, reach


def test_the_empty_window_invites_and_shows_no_docks(window):
    assert window.parts.welcome.isVisible()
    assert not window.parts.settings.isVisible()
    assert {"open", "demo", "quit"} <= enabled(window)
    assert not {"start", "stop", "pause", "export", "fit", "run_folder"} & enabled(window)


def test_the_window_says_when_it_is_painted(qtbot, make_window):
    window = make_window()
    with qtbot.waitSignal(window.first_painted):
        window.show()
    assert window.isVisible()


def test_opening_shows_the_network_and_the_docks(opened):
    assert not opened.parts.welcome.isVisible()
    assert opened.parts.graph.isVisible()
    assert opened.windowTitle() == "tiny – Espalier"
    assert {"start", "fit", "open"} <= enabled(opened)


def test_the_demo_is_opened_and_searched_at_once(searched):
    assert searched.session.opened_config == RunConfig()
    assert searched.parts.results.isVisible()
    assert {"export", "run_folder", "start"} <= enabled(searched)


def test_results_tell_what_the_report_says(searched):
    shown = {figure.title: (figure.value, figure.note) for figure in searched.parts.results.figures}
    assert shown == {
        "Test accuracy": ("96.1 %", "unpruned 98.2 %"),
        "MACs kept": ("49.8 %", "100 k → 49.8 k"),
        "Parameters": ("900", "before 2,000"),
        "Best criterion": ("94.2 %", "obs global"),
        "Same network": ("≤ 8·10⁻⁷", "greatest difference of the files"),
    }


def test_results_of_a_broken_off_run_show_dashes(window):
    nothing = dict.fromkeys(("hard_vs_soft", "reloaded", "onnx"))
    criteria = {"l1_uniform": {"accuracy": None, "macs_kept": 0.5}}
    baseline = samples.REPORT["baseline"] | {"accuracy": None}
    pruned = samples.REPORT["pruned"] | {"accuracy": None}
    event = samples.run_reported()
    report = samples.REPORT | {
        "baseline": baseline,
        "pruned": pruned,
        "criteria": criteria,
        "parity": nothing,
    }
    window.parts.results.show_event(type(event)(event.folder, report))
    values = [figure.value for figure in window.parts.results.figures]
    assert values == ["–", "49.8 %", "900", "–", "–"]


def test_a_running_search_locks_the_settings_and_offers_pause_and_stop(searching):
    assert not searching.parts.settings.budget.isEnabled()
    assert {"pause", "stop"} <= enabled(searching)
    assert not {"open", "start", "export", "load_settings"} & enabled(searching)


def test_pause_becomes_resume(searching):
    searching.commands["pause"].trigger()
    assert searching.session.state is SessionState.PAUSED
    assert searching.commands["pause"].iconText() == "Resume"
    searching.commands["pause"].trigger()
    assert searching.session.state is SessionState.SEARCHING


def test_a_stopped_search_can_be_exported(qtbot, searching):
    with reach(qtbot, searching, SessionState.FINISHED):
        searching.commands["stop"].trigger()
    assert "export" in enabled(searching)


def list_nothing():
    yield StageStarted("Preparing")
    return jobs.Choices()


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["--demo"], SessionState.READY),
        (["--network", "tiny", "--start"], SessionState.FINISHED),
    ],
)
def test_the_command_line_opens_and_starts(qtbot, fakes, window, words, state):
    fakes.setattr(jobs, "list_choices", list_nothing)
    with reach(qtbot, window, state):
        _begin(window, parse(words))
    assert window.parts.settings.config() == run_config(parse(words))


def test_without_words_the_window_only_prepares(qtbot, fakes, window):
    fakes.setattr(jobs, "list_choices", list_nothing)
    with qtbot.waitSignal(window.session.choices_listed):
        _begin(window, parse([]))
    assert window.session.state is SessionState.EMPTY


def test_settings_of_the_command_line_are_shown_though_nothing_is_opened(qtbot, fakes, window):
    fakes.setattr(jobs, "list_choices", list_nothing)
    with qtbot.waitSignal(window.session.choices_listed):
        _begin(window, parse(["--seed", "3", "--set", "search.ppo.clip_coef=0.1"]))
    config = window.parts.settings.config()
    assert (config.search.seed, config.search.ppo.clip_coef) == (3, 0.1)
    assert window.session.state is SessionState.EMPTY


def test_runs_are_recorded_where_the_person_says(qtbot, fakes, opened, tmp_path):
    given = []

    def searching(handle, config, runs_folder):
        given.append(runs_folder)
        yield samples.search_started()

    fakes.setattr(jobs, "search", searching)
    opened.parts.settings.set_runs_folder(str(tmp_path))
    with reach(qtbot, opened, SessionState.READY):
        opened.commands["start"].trigger()
    assert given == [tmp_path]


def test_every_action_explains_itself_and_shortcuts_are_unique(window):
    tips = [window.commands[name].toolTip() for name in ACTIONS]
    assert all(len(tip.split()) > 1 for tip in tips)
    shortcuts = [words.shortcut for words in ACTIONS.values() if words.shortcut]
    assert len(shortcuts) == len(set(shortcuts))


def test_progress_and_the_best_mask_stand_in_the_status_bar(qtbot, searched):
    status = searched.parts.status
    qtbot.waitUntil(lambda: status.best.text() != "", timeout=2000)
    assert status.stage.text() == "Search finished"
    assert status.best.text() == "Best: 96.0 % accuracy at 49.8 % of the MACs"


def test_a_search_that_fails_was_not_finished(qtbot, fakes, opened):
    def failing(handle, config, runs_folder):
        yield samples.search_started()
        yield samples.best_changed()
        raise MemoryShortage("It broke. Search again.")

    fakes.setattr(jobs, "search", failing)
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.commands["start"].trigger()
    assert opened.parts.status.stage.text() == "Search broken off"
    opened.dialogs.error.accept()


def test_the_log_tells_the_run(searched):
    text = searched.parts.log.view.toPlainText()
    for words in (
        "Opened tiny with digits",
        "Criterion l1_uniform",
        "Best so far, evaluation 1",
        "Finished after 4 evaluations",
        "The run is in runs/tiny",
    ):
        assert words in text
