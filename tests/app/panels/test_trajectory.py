"""The trajectory panel is fed events; then its data, ranges and words are looked at."""

import numpy as np
import pytest

from app.panels.trajectory import TrajectoryPanel
from app.panels.trajectory_plots import GrowingRange, GrowingTable, visible_extremes
from app.selection import Selection
from app.theme import DARK
from core.events import (
    BestChanged,
    CandidateEvaluated,
    CriterionEvaluated,
    NoticeRaised,
    SearchFinished,
    SearchStarted,
)
from tests.app.layer_graphs import small_network

KEEP = np.ones(4, dtype=np.bool_)
STARTED = SearchStarted(300, 0.5, 1000, 100, 0.926, 0.25, 0.03)


def candidate(evaluation: int, accuracy: float = 0.6, reward: float = -1.0) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation, 0, KEEP, 0.495, accuracy, -reward, reward, 0.55, True, 1.0
    )


def criterion(name: str, accuracy: float, cross_entropy: float) -> CriterionEvaluated:
    return CriterionEvaluated(name, KEEP, 0.497, accuracy, cross_entropy)


@pytest.fixture
def panel(qtbot):
    panel = TrajectoryPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(800, 420)
    panel.show()
    return panel


def test_every_candidate_becomes_a_point(panel):
    panel.show_event(STARTED)
    for evaluation in range(1, 1001):
        panel.show_event(candidate(evaluation, accuracy=0.5 + evaluation / 4000))
    panel.redraw()
    assert panel.point_count == 1000
    x, y = panel._accuracy_points.getData()
    assert (x[0], x[-1]) == (1, 1000)
    assert y[-1] == pytest.approx(75.0)


def test_lines_stand_at_the_budget_the_unpruned_accuracy_and_the_best_criterion(panel):
    panel.show_event(STARTED)
    panel.show_event(criterion("l1_uniform", 0.57, 1.9))
    panel.show_event(criterion("obs_global", 0.64, 1.2))
    panel.redraw()
    assert panel._budget_line.value() == pytest.approx(50.0)
    assert panel._baseline_line.value() == pytest.approx(92.6)
    assert panel._criterion_line.value() == pytest.approx(64.0)
    assert "budget 50.0 %" in panel.headers[0].text()
    assert "unpruned 92.6 %" in panel.headers[1].text()
    assert "best 64.0 % (obs_global)" in panel.headers[1].text()
    assert panel._criteria_marks.getData()[1] == pytest.approx([57.0, 64.0])


def test_best_masks_are_ringed(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(7, 0.7))
    panel.show_event(BestChanged(7, KEEP, 0.495, 0.7, 0.9))
    panel.redraw()
    assert [values.tolist() for values in panel._best_rings.getData()] == [[7.0], [70.0]]
    assert panel.readout.text() == "1 of 300 evaluations · best: evaluation 7, accuracy 70.0 %"


def test_the_cursor_reads_out_the_nearest_evaluation(panel):
    panel.show_event(STARTED)
    for evaluation in (1, 2, 3):
        panel.show_event(candidate(evaluation, accuracy=evaluation / 10))
    panel.redraw()
    panel.show_evaluation(2.3)
    assert panel.readout.text() == (
        "Evaluation 2: 49.5 % of MACs · accuracy 20.0 % (EMA 55.0 %) · reward −1.000"
    )
    assert all(plot.cursor.isVisible() and plot.cursor.value() == 2 for plot in panel.plots)
    panel.show_evaluation(None)
    assert panel.readout.text().startswith("3 of 300")
    assert not any(plot.cursor.isVisible() for plot in panel.plots)


def test_the_x_axis_has_room_for_what_is_planned_and_stands_still(panel):
    panel.show_event(STARTED)
    ranges = set()
    for evaluation in range(1, 300):
        panel.show_event(candidate(evaluation))
        if evaluation % 50 == 0:
            panel.redraw()
            ranges.add(tuple(panel._reward.getPlotItem().getViewBox().viewRange()[0]))
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low <= 0
    assert high >= 300


def test_the_plots_share_their_x_axis(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.redraw()
    panel._reward.setXRange(50, 100, padding=0)
    ranges = [plot.getPlotItem().getViewBox().viewRange()[0] for plot in panel.plots]
    assert ranges[0] == pytest.approx([50, 100], abs=1)
    assert ranges[1] == pytest.approx([50, 100], abs=1)


def test_all_values_are_inside_their_axes(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1, accuracy=0.1, reward=-30.0))
    panel.show_event(candidate(2, accuracy=0.99, reward=2.0))
    panel.redraw()
    for plot, values in zip(panel.plots, ((49.5, 50), (10, 99), (-30, 2)), strict=True):
        low, high = plot.getPlotItem().getViewBox().viewRange()[1]
        assert low < min(values)
        assert high > max(values)


def test_a_new_search_starts_afresh(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.show_event(STARTED)
    assert panel.point_count == 0


def test_an_opened_network_empties_the_panel(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.show_event(small_network().opened("tiny"))
    assert panel.point_count == 0
    assert panel._pages.currentWidget() is panel._empty
    assert "appears here" in panel._empty.text()


def test_the_end_is_told(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.show_event(SearchFinished(KEEP, 0.496, 0.972, 0.1, 1, {}, {}, True))
    panel.redraw()
    assert panel.readout.text().endswith("stopped: 97.2 % on held-out images")


def test_values_that_are_not_finite_do_no_harm(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1, reward=float("nan")))
    panel.show_event(candidate(2, reward=float("-inf")))
    panel.show_event(candidate(3))
    panel.redraw()
    low, high = panel._reward.getPlotItem().getViewBox().viewRange()[1]
    assert np.isfinite([low, high]).all()
    assert panel.point_count == 3


def test_the_timer_runs_only_while_something_is_new(panel, qtbot):
    panel.show_event(NoticeRaised("nothing to draw"))
    assert not panel._redraw_timer.isActive()
    panel.show_event(STARTED)
    assert panel._redraw_timer.isActive()
    qtbot.waitUntil(lambda: not panel._redraw_timer.isActive(), timeout=5000)
    assert panel._budget_line.isVisible()


def test_another_palette_recolours_the_curves(panel):
    panel.use_palette(DARK)
    assert panel._ema_curve.opts["pen"].color().name() == DARK.ema
    assert panel._accuracy.backgroundBrush().color().name() == DARK.surface


def test_a_hundred_thousand_points_are_kept_and_few_are_drawn(panel):
    panel.show_event(SearchStarted(100_000, 0.5, 1000, 100, 0.9, 0.3, 0.1))
    event = candidate(1)
    for evaluation in range(1, 100_001):
        panel._points.append(evaluation, 49.5, 60.0 if evaluation != 77_777 else 99.0, 55.0, -1.0)
    panel.show_event(event)
    panel.redraw()
    assert panel.point_count == 100_001
    x, y = panel._accuracy_points.getData()
    assert len(x) < 4000
    assert y.max() == 99.0


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


def test_few_points_are_not_thinned():
    x = np.arange(100, dtype=np.float64)
    assert visible_extremes(x, x, -10, 200, 300)[0].tolist() == x.tolist()


def test_a_growing_table_drops_nothing():
    table = GrowingTable(2)
    for index in range(1000):
        table.append(index, -index)
    assert len(table) == 1000
    assert table.column(1).tolist() == [-index for index in range(1000)]


def test_a_growing_range_never_shrinks_and_respects_limits():
    extent = GrowingRange(0, 100)
    first = extent.include(40.0, 60.0)
    assert first[0] < 40 < 60 < first[1]
    assert extent.include(50.0) == first
    low, high = extent.include(99.9, 0.5)
    assert (low, high) == (0, 100)
