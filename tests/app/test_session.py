"""The session's states, driven by jobs that are plain generators. No torch, no sleeps."""

import threading
from pathlib import Path

import pytest

from app import jobs
from app.session import Session
from app.session_state import SessionState
from core.config import FinetuneConfig, RunConfig, SearchConfig, to_toml
from core.errors import ConsentNeeded, DataError, RunError
from core.events import ExportFinished, StageAdvanced, StageStarted, StopRequested
from core.networks.consent import granted, revoke
from tests.app import samples
from tests.app.finetune_samples import finetuning

CONFIG = RunConfig()
NEVER = threading.Event()


def open_tiny(config, *, allow_download):
    yield StageStarted("Reading the network")
    yield samples.network_opened(handle=config)


def search_tiny(opened, config, runs_folder):
    yield from samples.search_events()
    yield samples.run_reported()


def search_until_stopped(opened, config, runs_folder):
    try:
        yield samples.search_started()
        while True:
            NEVER.wait(0.001)  # scoring takes time; without it the events would flood the window
            yield StageAdvanced(0)
    except StopRequested:
        yield samples.search_finished(is_stopped=True)


@pytest.fixture
def fakes(monkeypatch):
    """Jobs without torch; a test may put in others."""
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    monkeypatch.setattr(jobs, "search", search_tiny)
    return monkeypatch


@pytest.fixture
def session(qtbot, fakes):
    session = Session()
    yield session
    with qtbot.waitSignal(session.shut_down_finished, timeout=20_000):
        session.shut_down()
    session.deleteLater()


def reach(qtbot, session: Session, state: SessionState):
    """Wait for the session to arrive in `state`."""
    return qtbot.waitSignal(
        session.state_changed, timeout=20_000, check_params_cb=lambda new: new is state
    )


@pytest.fixture
def opened(qtbot, session):
    with reach(qtbot, session, SessionState.READY):
        session.open(CONFIG)
    return session


@pytest.fixture
def searched(qtbot, opened):
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.start(CONFIG)
    return opened


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


def test_export_writes_the_best_mask(qtbot, fakes, searched):
    given = []

    def exporting(*arguments):
        given.extend(arguments)
        yield ExportFinished(("pruned.onnx",), {"onnx": 1e-7})

    fakes.setattr(jobs, "export", exporting)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.export(Path("out"), ("onnx",))
        assert searched.state is SessionState.EXPORTING
    assert given == [CONFIG, samples.BEST, Path("out"), ("onnx",), CONFIG]


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


def look_into(seen):
    def job(opened):
        seen.append(opened)
        yield StageStarted("Looking")
        yield samples.candidate(len(seen))

    return job


def test_a_job_aside_runs_over_what_is_open_and_leaves_the_state(qtbot, opened):
    seen, received, states = [], [], []
    opened.event_received.connect(received.append)
    opened.state_changed.connect(states.append)
    with qtbot.waitSignal(opened.event_received, timeout=20_000):
        opened.run_aside("layer", look_into(seen))
    assert seen == [CONFIG]
    assert [type(event).__name__ for event in received] == ["CandidateEvaluated"]
    assert states == []


def test_nothing_is_done_aside_before_something_is_open(session):
    session.run_aside("layer", look_into([]))
    assert session.is_quiet


def test_a_job_aside_waits_for_the_search_and_only_the_newest_is_done(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_until_stopped)
    with qtbot.waitSignal(opened.event_received, timeout=20_000):
        opened.start(CONFIG)
    first, second, received = [], [], []
    opened.run_aside("layer", look_into(first))
    opened.run_aside("layer", look_into(second))
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.stop()
    opened.event_received.connect(received.append)
    qtbot.waitUntil(lambda: bool(received), timeout=20_000)
    assert (first, second) == ([], [CONFIG])


def test_a_job_aside_gives_way_and_is_taken_up_again(qtbot, opened):
    begun = []

    def slow(_):
        begun.append(len(begun))
        while len(begun) == 1:
            NEVER.wait(0.001)
            yield StageAdvanced(0)
        yield samples.candidate(7)

    received = []
    opened.event_received.connect(received.append)
    opened.run_aside("layer", slow)
    qtbot.waitUntil(lambda: bool(begun), timeout=20_000)
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.start(CONFIG)
    last = lambda: received and getattr(received[-1], "evaluation", 0) == 7  # noqa: E731
    qtbot.waitUntil(last, timeout=20_000)
    assert begun == [0, 1]


def test_another_network_forgets_what_was_to_be_looked_at(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_until_stopped)
    with qtbot.waitSignal(opened.event_received, timeout=20_000):
        opened.start(CONFIG)
    seen = []
    opened.run_aside("layer", look_into(seen))
    opened._queue.clear()
    opened.open(RunConfig(network="other"))
    with qtbot.waitSignal(opened.event_received, check_params_cb=is_opened, timeout=20_000):
        opened._queue.request_stop()
    qtbot.waitUntil(lambda: opened.is_quiet, timeout=20_000)
    assert seen == []


def is_opened(event):
    return type(event).__name__ == "NetworkOpened"


def test_a_job_in_front_has_its_own_state_and_can_be_stopped(qtbot, opened):
    def tune(_):
        try:
            while True:
                NEVER.wait(0.001)
                yield StageAdvanced(0)
        except StopRequested:
            yield samples.candidate(1)

    with reach(qtbot, opened, SessionState.FINETUNING):
        opened.run_in_front(SessionState.FINETUNING, tune)
    with reach(qtbot, opened, SessionState.READY):
        opened.stop()
        assert opened.state is SessionState.STOPPING


def replay_tiny(opened, folder):
    yield from samples.search_events()
    yield samples.run_reported(str(folder))


def test_a_stored_run_is_opened_and_shown(qtbot, fakes, session, tmp_path):
    fakes.setattr(jobs, "replay", replay_tiny)
    (tmp_path / "config.toml").write_text(to_toml(CONFIG), encoding="utf-8")
    with reach(qtbot, session, SessionState.FINISHED):
        session.open_run(tmp_path)
    assert session.run_folder == tmp_path
    assert session.opened_config == CONFIG
    assert session.best_keep is samples.BEST


def test_a_folder_without_a_run_is_refused(qtbot, session, tmp_path):
    with qtbot.waitSignal(session.failed) as told:
        session.open_run(tmp_path)
    assert "config.toml" in told.args[0]
    assert session.state is SessionState.EMPTY


def test_a_chosen_mask_is_exported(qtbot, fakes, searched, tmp_path):
    given = []

    def exporting(opened, keep, folder, formats, config):
        given.append(keep)
        yield ExportFinished((), {})

    fakes.setattr(jobs, "export", exporting)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.export(tmp_path, ("onnx",), samples.ALL)
    assert given[0] is samples.ALL


def test_fine_tuning_gets_the_learned_mask_and_the_criteria(qtbot, fakes, searched):
    given = []

    def training(opened, masks, config, folder):
        given.extend([masks, config.finetune, folder])
        yield from finetuning("learned", "l1_uniform")

    fakes.setattr(jobs, "finetune", training)
    states = []
    searched.state_changed.connect(states.append)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.finetune(FinetuneConfig(epochs=3))
    (best, criteria), config, folder = given
    assert best is samples.BEST
    assert set(criteria) == {"l1_uniform"}
    assert (config.epochs, folder) == (3, Path("runs/tiny"))
    assert states == [SessionState.FINETUNING, SessionState.FINISHED]


def test_export_writes_the_fine_tuned_network_of_that_mask(qtbot, fakes, searched, tmp_path):
    def training(opened, masks, config, folder):
        yield from finetuning("learned", "l1_uniform")

    written = []

    def export_finetuned(opened, finetuned, folder, formats):
        written.append(finetuned.name)
        yield ExportFinished((), {})

    def export(opened, keep, folder, formats, config):
        written.append("as it was")
        yield ExportFinished((), {})

    fakes.setattr(jobs, "finetune", training)
    fakes.setattr(jobs, "export_finetuned", export_finetuned)
    fakes.setattr(jobs, "export", export)
    assert not searched.is_finetuned()
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.finetune(FinetuneConfig())
    assert searched.is_finetuned()
    assert not searched.is_finetuned(samples.ALL)
    for keep in (None, samples.ALL):
        with reach(qtbot, searched, SessionState.FINISHED):
            searched.export(tmp_path, ("onnx",), keep)
    assert written == ["learned", "as it was"]
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.start(CONFIG)
    assert not searched.is_finetuned()  # it was another search's


def test_a_stopped_fine_tuning_ends_finished(qtbot, fakes, searched):
    def training(opened, masks, config, folder):
        try:
            while True:
                NEVER.wait(0.001)
                yield StageAdvanced(0)
        except StopRequested:
            yield from finetuning("learned")

    fakes.setattr(jobs, "finetune", training)
    with qtbot.waitSignal(searched.event_received, timeout=20_000):
        searched.finetune(FinetuneConfig())
    assert searched.state is SessionState.FINETUNING
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.stop()
    assert searched.is_finetuned()
