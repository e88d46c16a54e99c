"""The session's states from opening to the end of a search. No torch, no sleeps."""

from pathlib import Path

from app import jobs
from app.session_state import SessionState
from core.config import RunConfig, SearchConfig
from core.errors import ConsentNeeded, DataError, RunError
from core.events import StageStarted
from core.networks.consent import granted, revoke
from tests.app import samples
from tests.app.session.steps import (
    CONFIG,
    reach,
    search_until_stopped,
)


def test_a_new_session_is_empty(session):
    assert session.state is SessionState.EMPTY
    assert session.best_keep is None


def test_opening_passes_events_on_and_ends_ready(qtbot, session):
    events, states = [], []
    session.event_received.connect(events.append)
    session.state_changed.connect(states.append)
    with reach(qtbot, session, SessionState.READY):
        session.open(CONFIG)
    assert [type(event).__name__ for event in events] == ["StageStarted", "NetworkOpened"]
    assert states == [SessionState.OPENING, SessionState.READY]
    assert session.opened_config == CONFIG


def test_a_search_ends_finished_with_its_mask_and_folder(searched):
    assert searched.best_keep is samples.BEST
    assert searched.run_folder == Path("runs/tiny")


def test_starting_opens_first_what_is_not_open(qtbot, session):
    states = []
    session.state_changed.connect(states.append)
    with reach(qtbot, session, SessionState.FINISHED):
        session.start(CONFIG)
    assert states == [SessionState.OPENING, SessionState.SEARCHING, SessionState.FINISHED]


def test_starting_with_other_images_opens_again(qtbot, searched):
    states = []
    searched.state_changed.connect(states.append)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.start(RunConfig(data="photos"))
    assert states[0] is SessionState.OPENING


def test_starting_with_another_budget_or_seed_keeps_what_is_open(qtbot, searched):
    states = []
    searched.state_changed.connect(states.append)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.start(RunConfig(search=SearchConfig(macs_budget=0.3, seed=1)))
    assert states == [SessionState.SEARCHING, SessionState.FINISHED]


def test_what_is_open_stays_open_when_something_else_cannot_be_opened(qtbot, fakes, searched):
    def failing(config, *, allow_download):
        yield StageStarted("Reading the images")
        raise DataError("Cannot read 'photos'.")

    fakes.setattr(jobs, "open_network", failing)
    with qtbot.waitSignal(searched.failed), reach(qtbot, searched, SessionState.FINISHED):
        searched.open(RunConfig(data="photos"))
    assert searched.opened_config == CONFIG
    assert searched.best_keep is samples.BEST


def test_no_search_starts_after_a_failed_opening(qtbot, fakes, session):
    def failing(config, *, allow_download):
        raise DataError("Cannot read 'photos'.")
        yield

    fakes.setattr(jobs, "open_network", failing)
    states = []
    session.state_changed.connect(states.append)
    with reach(qtbot, session, SessionState.EMPTY):
        session.start(CONFIG)
    assert SessionState.SEARCHING not in states


def test_wrong_settings_are_refused_before_anything_is_opened(qtbot, fakes, session):
    opened = []
    fakes.setattr(jobs, "open_network", lambda config, **_: opened.append(config))
    wrong = RunConfig(search=SearchConfig(reward="applause"))
    with (
        reach(qtbot, session, SessionState.EMPTY),
        qtbot.waitSignal(session.failed, timeout=20_000) as failed,
    ):
        session.start(wrong)
    assert "'reward' must be one of" in failed.args[0]
    assert "not 'applause'" in failed.args[0]
    assert not opened


def test_the_best_mask_outlives_a_failed_search(qtbot, fakes, opened):
    def failing(handle, config, runs_folder):
        yield samples.search_started()
        yield samples.best_changed()
        raise RunError("Cannot write 'masks.npz': the disk is full.")

    fakes.setattr(jobs, "search", failing)
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.start(CONFIG)
    assert opened.best_keep is samples.BEST


def test_a_search_goes_on_after_the_person_agreed_to_run_a_file(qtbot, fakes, session, tmp_path):
    network = tmp_path / "nets.py"

    def open_if_agreed(config, *, allow_download):
        if "abc" not in granted():
            raise ConsentNeeded(network, "abc", "it is a Python file")
        yield samples.network_opened()

    fakes.setattr(jobs, "open_network", open_if_agreed)
    with (
        reach(qtbot, session, SessionState.EMPTY),
        qtbot.waitSignal(session.consent_needed) as asked,
    ):
        session.start(CONFIG)
    with reach(qtbot, session, SessionState.FINISHED):
        session.agree(asked.args[0])
    assert granted()["abc"] == str(network)
    revoke("abc")


def test_a_paused_search_goes_on(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_until_stopped)
    with qtbot.waitSignal(opened.event_received):
        opened.start(CONFIG)
    opened.pause()
    assert opened.state is SessionState.PAUSED
    opened.resume()
    assert opened.state is SessionState.SEARCHING


def test_a_stopped_search_keeps_its_best_mask(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_until_stopped)
    with qtbot.waitSignal(opened.event_received):
        opened.start(CONFIG)
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.stop()
        assert opened.state is SessionState.STOPPING
    assert opened.best_keep is samples.BEST


def test_choices_are_listed_in_the_background(qtbot, fakes, session):
    def listing():
        yield StageStarted("Preparing")
        return jobs.Choices(networks=("demo", "tiny"))

    fakes.setattr(jobs, "list_choices", listing)
    with qtbot.waitSignal(session.choices_listed) as listed:
        session.prepare()
        assert session.state is SessionState.EMPTY
    assert listed.args[0].networks == ("demo", "tiny")


def test_stopping_before_the_opening_began_lets_the_preparation_go_on(qtbot, fakes, session):
    def listing():
        yield StageStarted("Preparing")
        return jobs.Choices()

    fakes.setattr(jobs, "list_choices", listing)
    with qtbot.waitSignal(session.choices_listed):
        session.prepare()
        session.open(CONFIG)
        session.stop()
        assert session.state is SessionState.EMPTY
    assert session.opened_config is None


def test_shutting_down_ends_a_search_that_runs(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_until_stopped)
    with qtbot.waitSignal(opened.event_received):
        opened.start(CONFIG)
    with qtbot.waitSignal(opened.shut_down_finished, timeout=20_000):
        opened.shut_down()
    opened.open(CONFIG)
    assert opened.state is SessionState.STOPPING
