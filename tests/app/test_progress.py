"""Progress and time left, reckoned from events with a clock made by hand."""

import pytest

from app.progress import ProgressTracker
from core.events import NoticeRaised, StageAdvanced, StageStarted
from tests.app import samples


@pytest.fixture
def tracker() -> ProgressTracker:
    return ProgressTracker()


def test_a_stage_counts_its_steps(tracker):
    tracker.show_event(StageStarted("Reading the images", 8), 0.0)
    tracker.show_event(StageAdvanced(3), 1.0)
    assert (tracker.stage, tracker.done, tracker.total) == ("Reading the images", 3, 8)


def test_ten_steps_of_two_seconds_leave_twelve_after_four(tracker):
    tracker.show_event(StageStarted("Searching", 10), 100.0)
    for done in range(1, 5):
        tracker.show_event(StageAdvanced(done), 100.0 + 2.0 * done)
    assert tracker.seconds_left == pytest.approx(12.0)


def test_too_few_steps_give_no_time(tracker):
    tracker.show_event(StageStarted("Searching", 10), 0.0)
    tracker.show_event(StageAdvanced(2), 1.0)
    assert tracker.seconds_left is None


def test_a_stage_of_unknown_length_gives_no_time(tracker):
    tracker.show_event(StageStarted("Tracing"), 0.0)
    for done in range(1, 9):
        tracker.show_event(StageAdvanced(done), float(done))
    assert tracker.seconds_left is None


def test_the_pace_forgets_a_long_pause(tracker):
    tracker.show_event(StageStarted("Searching", 1000), 0.0)
    tracker.show_event(StageAdvanced(1), 3600.0)
    for done in range(2, 52):
        tracker.show_event(StageAdvanced(done), 3600.0 + done)
    assert tracker.seconds_left == pytest.approx(1000 - 51)


def test_a_search_counts_its_evaluations(tracker):
    for event in samples.search_events(evaluations=4):
        tracker.show_event(event, 0.0)
    assert (tracker.done, tracker.total) == (4, 4)
    assert (tracker.macs_kept, tracker.accuracy) == (0.498, 0.96)


def test_a_new_network_has_no_best_mask(tracker):
    tracker.show_event(samples.best_changed(), 0.0)
    tracker.show_event(samples.network_opened(), 1.0)
    assert tracker.macs_kept is None


def test_other_events_change_nothing(tracker):
    tracker.show_event(StageStarted("Tracing", 5), 0.0)
    tracker.show_event(NoticeRaised("3 images were skipped."), 1.0)
    assert (tracker.stage, tracker.done) == ("Tracing", 0)
