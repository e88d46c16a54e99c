"""The trajectory's data: places, gaps, means and thinning, against numbers counted by hand."""

from dataclasses import replace

import numpy as np

from app.panels.trajectory_data import EVALUATION, SECONDS, Gap, Trajectory, broken_at, moving_mean
from app.panels.trajectory_thinning import curve_extremes, visible_extremes
from core.events import (
    BestChanged,
    CandidateEvaluated,
    HeldOutScored,
    PolicyUpdated,
    SearchResumed,
)

KEEP = np.ones(4, dtype=np.bool_)


def candidate(evaluation: int, seconds: float, *, is_in: bool = True) -> CandidateEvaluated:
    return CandidateEvaluated(evaluation, 1, KEEP, 0.5, 0.6, 1.0, -1.0, 0.5, is_in, seconds)


def after(*events: object) -> Trajectory:
    known = Trajectory()
    for event in events:
        known.take(event)
    return known


def test_marks_stand_where_their_evaluation_was():
    known = after(
        BestChanged(0, KEEP, 0.5, 0.55, 1.1),
        candidate(1, 2.0),
        candidate(2, 4.0),
        BestChanged(1, KEEP, 0.5, 0.6, 1.0),
        PolicyUpdated(1, np.full(4, 0.5, np.float32), KEEP, 0.1, 0.0, 0.6, 0.01, 0.1),
        HeldOutScored(2, 0.58, 1.05, 1.0),
    )
    assert known.best.column(EVALUATION).tolist() == [0, 1]
    assert known.best.column(SECONDS).tolist() == [0, 2]
    assert known.updates.column(SECONDS).tolist() == [4]
    assert known.held_out.column(SECONDS).tolist() == [4]


def test_a_resumed_search_has_a_gap_where_it_was_broken_off():
    known = after(
        candidate(1, 1.0), candidate(2, 2.0), SearchResumed(2), SearchResumed(2), candidate(3, 3.0)
    )
    assert known.gaps() == [Gap(1, is_resumed=True)]
    assert after(SearchResumed(0), candidate(1, 1.0)).gaps() == []


def test_a_break_after_the_last_mask_is_no_gap_yet():
    assert after(candidate(1, 1.0), SearchResumed(1)).gaps() == []


def test_missing_evaluations_and_long_pauses_are_gaps():
    missing = after(candidate(1, 1.0), candidate(2, 2.0), candidate(9, 3.0))
    assert missing.gaps() == [Gap(1, is_resumed=True)]
    seconds = [*range(1, 30), 500]
    paused = after(*(candidate(number, float(at)) for number, at in enumerate(seconds, start=1)))
    assert paused.gaps() == [Gap(28, is_resumed=False)]
    slow = after(*(candidate(number, 60.0 * number) for number in range(1, 9)))
    assert slow.gaps() == []


def updates(lasting: list[float]) -> list[CandidateEvaluated]:
    """Updates of four masks, a tenth of a second each; what each takes to learn from is given."""
    events, at = [], 0.0
    for update, seconds in enumerate(lasting, start=1):
        for _ in range(4):
            at += 0.1
            events.append(replace(candidate(len(events) + 1, at), update=update))
        at += seconds
    return events


def test_updates_that_take_long_are_no_pauses():
    assert after(*updates([20.0] * 12)).gaps() == []
    # nor are those that now and then judge the best mask too, or are slower than usual for a while
    assert after(*updates(([1.0] * 9 + [60.0]) * 6)).gaps() == []
    assert after(*updates([2.0] * 50 + [40.0, 60.0] + [2.0] * 50)).gaps() == []


def test_one_step_that_takes_much_longer_than_an_update_is_a_pause():
    assert after(*updates([20.0] * 6 + [900.0] + [20.0] * 6)).gaps() == [Gap(27, False)]


def test_only_real_pauses_count_where_somebody_saw_them():
    known = Trajectory()
    known.is_watched = True
    for event in updates([1.0, 1.0, 500.0, 1.0, 1.0, 1.0, 1.0]):
        if event.evaluation == 2:
            known.let_go_on()
        known.take(event)
    assert known.gaps() == [Gap(0, is_resumed=False)]
    known.let_go_on()  # after the last mask it is no gap yet
    assert known.gaps() == [Gap(0, is_resumed=False)]


def test_of_a_search_that_goes_on_only_what_was_told_again_is_judged_by_time():
    known = Trajectory()
    known.is_watched = True
    events = updates([1.0] * 6 + [500.0] + [1.0] * 6 + [500.0, 1.0])
    for event in events[:32]:
        known.take(event)
    known.take(SearchResumed(32))
    for event in events[32:]:
        known.take(event)
    assert known.gaps() == [Gap(27, is_resumed=False), Gap(31, is_resumed=True)]


def test_violations_are_counted():
    known = after(candidate(1, 1.0), candidate(2, 2.0, is_in=False))
    assert known.over_budget.tolist() == [False, True]


def test_the_mean_of_the_last_three_values():
    values = np.array([3.0, 5.0, 10.0, 0.0, 2.0])
    assert moving_mean(values, 3).tolist() == [3.0, 4.0, 6.0, 5.0, 4.0]


def test_a_mean_leaves_out_what_is_not_finite():
    values = np.array([np.nan, 4.0, np.inf, 8.0])
    mean = moving_mean(values, 2)
    assert np.isnan(mean[0])
    assert mean[1:].tolist() == [4.0, 4.0, 8.0]


def test_a_curve_has_a_hole_after_the_row_of_a_gap():
    x, y = broken_at(np.array([1.0, 2.0, 6.0]), np.array([5.0, 6.0, 7.0]), np.array([1]))
    assert x.tolist() == [1, 2, 4, 6]
    assert np.isnan(y[2])
    assert y[[0, 1, 3]].tolist() == [5, 6, 7]


def test_thinning_keeps_the_extremes_of_what_is_visible():
    x = np.arange(10_000, dtype=np.float64)
    y = np.sin(x / 500)
    y[1234], y[5678] = 9.0, -9.0
    some_x, some_y = visible_extremes(x, y, 1000, 6000, 100)
    assert len(some_x) < 1000
    assert some_y.max() == 9.0
    assert some_y.min() == -9.0
    assert (np.diff(some_x) > 0).all()
    assert some_x[0] <= 1000
    assert some_x[-1] >= 5999


def test_thinning_shows_the_true_extremes_of_a_hundred_thousand_points_beside_a_hole():
    generator = np.random.default_rng(0)
    x, y = np.arange(100_000, dtype=np.float64), generator.normal(size=100_000)
    y[500] = np.nan
    y[501], y[502] = 40.0, -40.0
    some_x, some_y = visible_extremes(x, y, 0, 100_000, 300)
    assert len(some_x) < 2000
    assert np.nanmax(some_y) == 40.0
    assert np.nanmin(some_y) == -40.0


def test_a_thinned_curve_keeps_its_extremes_and_its_holes():
    generator = np.random.default_rng(0)
    x, y = np.arange(100_000, dtype=np.float64), generator.normal(size=100_000)
    y[500] = np.nan
    y[501], y[502] = 40.0, -40.0
    some_x, some_y = curve_extremes(x, y, 0, 100_000, 300)
    assert len(some_x) <= 2 * 300 + 1
    assert np.nanmax(some_y) == 40.0
    assert np.nanmin(some_y) == -40.0
    assert np.isnan(some_y[some_x == 500]).tolist() == [True]
    assert (np.diff(some_x) > 0).all()


def test_few_points_are_not_thinned():
    x = np.arange(100, dtype=np.float64)
    assert visible_extremes(x, x, -10, 200, 300)[0].tolist() == x.tolist()


def test_a_method_without_a_policy_has_no_entropy():
    known = Trajectory()
    known.take(candidate(1, 1.0))
    assert not known.take(PolicyUpdated(1, np.full(4, 0.5, np.float32), KEEP))
    assert len(known.updates) == 0
