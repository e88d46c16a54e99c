"""Seconds are those of work: no pause, no clock that somebody sets, no time of the window."""

import time

import pytest

from core.config import SearchConfig
from core.events import CandidateEvaluated, SearchFinished, StopRequested
from core.search import run_search
from core.search.stopwatch import Stopwatch
from tests.core.tiny import open_tiny
from tests.networks import Chain


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only where a test says so."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(time, "perf_counter", lambda: Clock.now)
    monkeypatch.setattr(time, "process_time", lambda: Clock.now)
    return Clock


def test_the_time_between_two_events_is_not_counted(clock):
    watch = Stopwatch()

    def work():
        for _ in range(3):
            with watch.measure("policy"):
                clock.now += 2
            yield watch.elapsed
        return "done"

    def drive():
        return (yield from watch.counting(work()))

    seen = []
    driven = drive()
    with pytest.raises(StopIteration) as end:
        while True:
            seen.append(next(driven))
            clock.now += 1000  # a pause, a laptop that was closed
    assert seen == [2, 4, 6]
    assert end.value.value == "done"
    assert watch.seconds("policy") == {"total": 6, "cpu": 6, "policy": 6}


def test_a_block_that_tells_events_counts_its_work_alone(clock):
    watch = Stopwatch()

    def work():
        with watch.measure("evaluation"):
            clock.now += 1
            yield
            clock.now += 2

    for _ in watch.counting(work()):
        clock.now += 50
    assert watch.seconds("evaluation") == {"total": 3, "cpu": 3, "evaluation": 3}


def test_a_stop_reaches_the_work_and_a_close_ends_it():
    watch, seen = Stopwatch(), []

    def work():
        try:
            yield 1
        except StopRequested:
            seen.append("stopped")
        try:
            yield 2
        finally:
            seen.append("closed")

    events = watch.counting(work())
    assert next(events) == 1
    assert events.throw(StopRequested()) == 2
    events.close()
    assert seen == ["stopped", "closed"]


def test_a_clock_that_goes_back_takes_no_seconds_away(clock):
    watch = Stopwatch()
    watch.load_seconds({"total": 40.0, "cpu": 40.0, "policy": 3.0})
    clock.now -= 90
    assert watch.seconds("policy") == {"total": 40.0, "cpu": 40.0, "policy": 3.0}


def test_a_paused_search_tells_no_seconds_of_the_pause(clock, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: -clock.now)  # runs backwards, and nobody reads it
    config = SearchConfig(
        evaluations=8, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
    )
    events = []
    for event in run_search(open_tiny(Chain), config):
        events.append(event)
        clock.now += 60
    assert [e.seconds for e in events if isinstance(e, CandidateEvaluated)] == [0.0] * 8
    assert isinstance(events[-1], SearchFinished)
    assert events[-1].seconds["total"] == 0.0
