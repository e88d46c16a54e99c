"""The thread runs one generator: to its end, paused, stopped, failing. No sleeps."""

import threading

import pytest
import torch
from PySide6.QtCore import Qt

from app.search_thread import MOST_UNSEEN_EVENTS, SearchThread
from core.errors import NetworkError
from core.events import StageAdvanced, StopRequested

NEVER = threading.Event()


class Recorder:
    """Everything that one thread told, in order."""

    def __init__(self, thread: SearchThread) -> None:
        self.told: list[tuple] = []
        thread.event_emitted.connect(lambda event: self.told.append(("event", event.done)))
        thread.succeeded.connect(lambda result: self.told.append(("succeeded", result)))
        thread.stopped.connect(lambda: self.told.append(("stopped",)))
        thread.failed.connect(lambda message, details: self.told.append((message, details)))


@pytest.fixture
def run(qtbot):
    """Run a job to its end and tell what the thread told."""

    def run_job(make_events, *, while_running=lambda thread: None) -> list[tuple]:
        thread = SearchThread(make_events)
        recorder = Recorder(thread)
        with qtbot.waitSignal(thread.finished, timeout=20_000):
            # A stop before the first step would end the job before it began.
            thread.event_emitted.connect(
                lambda: while_running(thread), Qt.ConnectionType.SingleShotConnection
            )
            thread.start()
        assert thread.wait(20_000)
        return recorder.told

    return run_job


def counting(last: int):
    for done in range(last):
        yield StageAdvanced(done)
    return "the end"


def endless():
    done = 0
    while True:
        NEVER.wait(0.001)  # work takes time; without it the events would flood the window
        yield StageAdvanced(done)
        done += 1


def test_events_come_in_order_and_then_the_result(run):
    assert run(lambda: counting(3)) == [
        ("event", 0),
        ("event", 1),
        ("event", 2),
        ("succeeded", "the end"),
    ]


def test_the_job_is_made_and_driven_in_the_thread(run):
    threads = []

    def make_events():
        threads.append(threading.current_thread())
        yield StageAdvanced(0)
        threads.append(threading.current_thread())

    run(make_events)
    assert threads[0] is threads[1] is not threading.main_thread()


def test_a_stop_lets_the_job_finish_with_what_it_has(run):
    def finishing():
        try:
            yield from endless()
        except StopRequested:
            yield StageAdvanced(-1)
        return "best so far"

    told = run(finishing, while_running=SearchThread.request_stop)
    assert told[-2:] == [("event", -1), ("succeeded", "best so far")]


def test_a_stop_that_the_job_does_not_catch_ends_it(run):
    assert run(endless, while_running=SearchThread.request_stop)[-1] == ("stopped",)


def test_a_second_stop_ends_a_job_that_is_finishing(run):
    def thorough():
        try:
            yield from endless()
        except StopRequested:
            yield from endless()

    def stop_twice(thread):
        thread.request_stop()
        thread.request_stop()

    assert run(thorough, while_running=stop_twice)[-1] == ("stopped",)


def test_abandoning_ends_a_job_that_hears_no_stop_and_closes_it(run):
    closed = []

    def deaf():
        try:
            while True:
                try:
                    NEVER.wait(0.001)
                    yield StageAdvanced(0)
                except StopRequested:
                    continue
        finally:
            closed.append(True)

    assert run(deaf, while_running=SearchThread.abandon)[-1] == ("stopped",)
    assert closed == [True]


def test_a_paused_job_waits_until_it_is_resumed(qtbot):
    thread = SearchThread(lambda: counting(1))
    recorder = Recorder(thread)
    thread.pause()
    with qtbot.waitSignal(thread.pause_changed, check_params_cb=lambda is_paused: is_paused):
        thread.start()
    assert recorder.told == []
    with qtbot.waitSignal(thread.finished):
        thread.resume()
    assert thread.wait(20_000)
    assert recorder.told == [("event", 0), ("succeeded", "the end")]


def test_a_paused_job_can_be_stopped(qtbot):
    thread = SearchThread(endless)
    recorder = Recorder(thread)
    thread.pause()
    with qtbot.waitSignal(thread.pause_changed):
        thread.start()
    with qtbot.waitSignal(thread.finished):
        thread.request_stop()
    assert thread.wait(20_000)
    assert recorder.told == [("stopped",)]


def test_an_espalier_error_comes_as_its_sentence_and_its_details(run):
    def failing():
        yield StageAdvanced(0)
        raise NetworkError("Cannot open 'x'. Choose another.", "conv1.weight differs")

    assert run(failing)[-1] == ("Cannot open 'x'. Choose another.", "conv1.weight differs")


def test_an_espalier_error_without_details_tells_its_cause(run):
    def failing():
        yield StageAdvanced(0)
        raise NetworkError("Cannot open 'x'.") from OSError("the disk is gone")

    message, details = run(failing)[-1]
    assert message == "Cannot open 'x'."
    assert "the disk is gone" in details


def test_a_bug_comes_as_its_type_and_message_with_the_traceback(run):
    def buggy():
        yield StageAdvanced(0)
        raise ZeroDivisionError("no share of nothing")

    message, details = run(buggy)[-1]
    assert message == "ZeroDivisionError: no share of nothing"
    assert "Traceback" in details and "buggy" in details


def test_a_job_waits_for_a_window_that_does_not_keep_up(qtbot):
    made = []

    def fast():
        for done in range(10 * MOST_UNSEEN_EVENTS):
            made.append(done)
            yield StageAdvanced(done)

    thread = SearchThread(fast)
    thread.start()
    assert not thread.wait(200)
    assert len(made) == MOST_UNSEEN_EVENTS
    with qtbot.waitSignal(thread.finished, timeout=20_000):
        pass
    assert thread.wait(20_000)
    assert len(made) == 10 * MOST_UNSEEN_EVENTS


def test_a_job_that_cannot_even_be_made_fails_too(run):
    def unmade():
        raise ImportError("no torch")

    assert run(unmade)[-1][0] == "ImportError: no torch"


def test_memory_that_runs_out_anywhere_is_one_sentence(run):
    def job():
        yield StageAdvanced(0)
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 B.")

    told = run(job)
    assert told[-1][0].startswith("Memory ran out while working (DefaultCPUAllocator: can't")
    assert "RuntimeError" in told[-1][1]  # the details still say where


def test_what_torch_remembers_of_programs_is_forgotten_after_a_job(run):
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    remembered = []

    def tracing():
        yield StageAdvanced(0)
        with FakeTensorMode():
            torch.zeros(2) + torch.ones(2)
        remembered.append(len(FakeTensorMode.cache))

    run(tracing)
    assert remembered[0] > 0
    assert len(FakeTensorMode.cache) == 0


def test_an_error_in_the_code_of_a_network_is_told_with_its_line(run, tmp_path):
    module = {}
    code = "def forward(x):\n    return x.size(9)\n"
    exec(compile(code, str(tmp_path / "nets.py"), "exec"), module)

    def events():
        yield StageAdvanced(0)
        module["forward"](torch.zeros(3))

    *_, (message, details) = run(events)
    assert message.startswith("The network's own code failed: IndexError")
    assert "(line 2 of nets.py)" in message
    assert "Traceback" in details
