"""Jobs over what is open: aside, when nothing else is to be done, and in front."""

from app import jobs
from app.session_state import SessionState
from core.config import RunConfig
from core.events import StageAdvanced, StopRequested
from tests.app import samples
from tests.app.session.steps import CONFIG, NEVER, is_opened, look_into, reach, search_until_stopped


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
