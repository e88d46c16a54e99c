"""The trajectory panel is fed events; then its data, ranges and words are looked at."""

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.panels.trajectory import TrajectoryPanel
from app.selection import Selection
from app.theme import DARK
from core.events import (
    BestChanged,
    CandidateEvaluated,
    CriterionEvaluated,
    MultiplierUpdated,
    NoticeRaised,
    PretrainingAdvanced,
    SearchFinished,
    SearchStarted,
)
from tests.app.layer_graphs import small_network
from tests.app.panels.trajectory_samples import KEEP, STARTED, candidate, show_short_search


def criterion(name: str, accuracy: float, cross_entropy: float) -> CriterionEvaluated:
    return CriterionEvaluated(name, KEEP, 0.497, accuracy, cross_entropy)


def words(panel: TrajectoryPanel, name: str) -> str:
    return panel.charts[name].header.text().replace("&nbsp;", " ")


def plots(panel: TrajectoryPanel) -> list:
    return [panel.charts[name].plot for name in panel.shown]


@pytest.fixture
def panel(qtbot, settings):
    panel = TrajectoryPanel(Selection(), settings=settings)
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
    x, y = panel.charts["accuracy"].points.getData()
    assert (x[0], x[-1]) == (1, 1000)
    assert y[-1] == pytest.approx(75.0)


def test_lines_stand_at_the_budget_the_unpruned_accuracy_and_the_best_criterion(panel):
    panel.show_event(STARTED)
    panel.show_event(criterion("l1_uniform", 0.57, 1.9))
    panel.show_event(criterion("obs_global", 0.64, 1.2))
    panel.redraw()
    assert panel.charts["macs"].budget_line.value() == pytest.approx(50.0)
    assert panel.charts["accuracy"].baseline_line.value() == pytest.approx(92.6)
    assert panel.charts["accuracy"].criterion_line.value() == pytest.approx(64.0)
    assert "budget 50.0 %" in words(panel, "macs")
    assert "unpruned 92.6 %" in words(panel, "accuracy")
    assert "best 64.0 % (obs_global)" in words(panel, "accuracy")
    assert panel.charts["accuracy"].marks.getData()[1] == pytest.approx([57.0, 64.0])


def test_best_masks_are_ringed(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(7, 0.7))
    panel.show_event(BestChanged(7, KEEP, 0.495, 0.7, 0.9))
    panel.redraw()
    assert [values.tolist() for values in panel.charts["accuracy"].rings.getData()] == [
        [7.0],
        [70.0],
    ]
    assert panel.readout.text() == "1 of 300 evaluations · best: evaluation 7, accuracy 70.0 %"


def test_the_cursor_reads_out_the_nearest_evaluation(panel):
    panel.show_event(STARTED)
    for evaluation in (1, 2, 3):
        panel.show_event(candidate(evaluation, accuracy=evaluation / 10))
    panel.redraw()
    panel.show_place(2.3)
    assert panel.readout.text() == (
        "Evaluation 2: 49.5 % of MACs · accuracy 20.0 % (EMA 55.0 %) · cross-entropy 1.000 · "
        "reward −1.000 · 1 s"
    )
    assert all(plot.cursor.isVisible() and plot.cursor.value() == 2 for plot in plots(panel))
    panel.show_place(None)
    assert panel.readout.text().startswith("3 of 300")
    assert not any(plot.cursor.isVisible() for plot in plots(panel))


def test_the_x_axis_has_room_for_what_is_planned_and_stands_still(panel):
    panel.show_event(STARTED)
    ranges = set()
    for evaluation in range(1, 300):
        panel.show_event(candidate(evaluation))
        if evaluation % 50 == 0:
            panel.redraw()
            ranges.add(tuple(panel.charts["reward"].plot.getPlotItem().getViewBox().viewRange()[0]))
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low <= 0
    assert high >= 300


def test_the_plots_share_their_x_axis(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.redraw()
    panel.charts["reward"].plot.setXRange(50, 100, padding=0)
    ranges = [plot.getPlotItem().getViewBox().viewRange()[0] for plot in plots(panel)]
    assert ranges[0] == pytest.approx([50, 100], abs=1)
    assert ranges[1] == pytest.approx([50, 100], abs=1)


def test_all_values_are_inside_their_axes(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1, accuracy=0.1, reward=-30.0))
    panel.show_event(candidate(2, accuracy=0.99, reward=2.0))
    panel.redraw()
    for plot, values in zip(plots(panel), ((49.5, 50), (10, 99), (-30, 2)), strict=True):
        low, high = plot.getPlotItem().getViewBox().viewRange()[1]
        assert low < min(values)
        assert high > max(values)


@pytest.mark.parametrize("accuracies", [(1.0, 1.0), (0.99, 1.0), (0.0, 0.0)])
def test_the_numbers_of_the_accuracys_axis_are_accuracies(panel, accuracies):
    panel.show_event(dataclasses.replace(STARTED, baseline_accuracy=accuracies[1]))
    for evaluation, accuracy in enumerate(accuracies, start=1):
        panel.show_event(candidate(evaluation, accuracy=accuracy))
    panel.redraw_now()
    plot = panel.charts["accuracy"].plot
    low, high = plot.getPlotItem().getViewBox().viewRange()[1]
    assert low <= 100 * accuracies[0]
    axis = plot.getPlotItem().getAxis("left")
    ((_, numbers),) = axis.tickValues(low, high, plot.height())
    assert numbers
    assert all(0 <= number < 100.001 for number in numbers)


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
    assert panel.empty.isVisible()
    assert "appears here" in panel.empty.text()


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
    low, high = panel.charts["reward"].plot.getPlotItem().getViewBox().viewRange()[1]
    assert np.isfinite([low, high]).all()
    assert panel.point_count == 3


def test_the_timer_runs_only_while_something_is_new(panel, qtbot):
    panel.show_event(NoticeRaised("nothing to draw"))
    assert not panel._timer.isActive()
    panel.show_event(STARTED)
    assert panel._timer.isActive()
    qtbot.waitUntil(lambda: not panel._timer.isActive(), timeout=5000)
    assert panel.charts["macs"].budget_line.isVisible()


def test_another_palette_recolours_the_curves(panel):
    panel.use_palette(DARK)
    assert panel.charts["accuracy"].ema.opts["pen"].color().name() == DARK.ema
    assert panel.charts["accuracy"].plot.backgroundBrush().color().name() == DARK.surface


def test_a_hundred_thousand_points_are_kept_and_few_are_drawn(panel):
    panel.show_event(SearchStarted(100_000, 0.5, 1000, 100, 0.9, 0.3, 0.1))
    event = candidate(100_001)
    for evaluation in range(1, 100_001):
        accuracy = 0.99 if evaluation == 77_777 else 0.6
        panel.known.points.append(evaluation, evaluation, 0.495, accuracy, 1, -1, 0.55, 1, 0)
    panel.show_event(event)
    panel.redraw()
    assert panel.point_count == 100_001
    x, y = panel.charts["accuracy"].points.getData()
    assert len(x) < 4000
    assert y.max() == 99.0


def test_weak_criteria_lie_outside_and_are_counted(panel):
    panel.show_event(STARTED)
    panel.show_event(criterion("random_uniform", 0.1, 3.0))
    panel.show_event(criterion("obs_global", 0.64, 1.2))
    panel.show_event(candidate(1, accuracy=0.7))
    panel.redraw()
    chart = panel.charts["accuracy"]
    low, high = chart.plot.getPlotItem().getViewBox().viewRange()[1]
    assert 10 < low < 64
    assert high > 92.6
    assert chart.plot.edges.texts["bottom"] == "▼ 1"
    assert "1 weaker ones outside" in words(panel, "accuracy")


def test_what_the_agent_samples_is_never_outside(panel):
    panel.show_event(STARTED)
    panel.show_event(criterion("obs_global", 0.64, 1.2))
    for evaluation, accuracy in enumerate((0.7, 0.05, 0.72), start=1):
        panel.show_event(candidate(evaluation, accuracy=accuracy))
    panel.redraw()
    low, _ = panel.charts["accuracy"].plot.getPlotItem().getViewBox().viewRange()[1]
    assert low < 5


def test_masks_over_the_budget_are_crosses_and_counted(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    over = CandidateEvaluated(2, 0, KEEP, 0.55, 0.6, 1.0, -1.0, 0.5, False, 1.0)
    panel.show_event(over)
    panel.redraw()
    chart = panel.charts["macs"]
    assert [values[0] for values in chart.crosses.getData()] == pytest.approx([2.0, 55.0])
    assert chart.points.getData()[0].tolist() == [1.0]
    assert "1 over budget" in words(panel, "macs")
    panel.show_place(2.0)
    assert panel.readout.text().endswith("over budget")


def test_no_mask_is_over_a_budget_that_still_falls(panel):
    panel.show_event(dataclasses.replace(STARTED, annealed_evaluations=10.0))
    for number, macs in ((2, 0.9), (5, 0.75), (12, 0.55), (14, 0.5)):
        is_within = macs <= 0.5
        panel.show_event(
            CandidateEvaluated(number, 0, KEEP, macs, 0.6, 1.0, -1.0, 0.5, is_within, 1.0)
        )
    panel.redraw()
    chart = panel.charts["macs"]
    assert chart.points.getData()[0].tolist() == [2.0, 5.0, 14.0]
    assert chart.crosses.getData()[0].tolist() == [12.0]
    assert chart.budget_curve.getData()[1] == pytest.approx([90.0, 75.0, 50.0, 50.0])
    assert "1 over budget" in words(panel, "macs") and "as it falls" in words(panel, "macs")
    panel.show_place(5.0)
    assert panel.readout.text().endswith("while the budget falls")
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.redraw()
    assert "as it falls" not in words(panel, "macs")
    assert len(chart.budget_curve.getData()[0]) == 0


def test_all_quantities_can_be_shown_and_the_choice_is_remembered(panel, qtbot, settings):
    assert panel.shown == ("macs", "accuracy", "reward")
    for name in ("cross_entropy", "entropy"):
        panel.plot_actions[name].trigger()
    panel.plot_actions["macs"].trigger()
    panel.x_axis.setCurrentIndex(1)
    show_short_search(panel)
    assert panel.charts["entropy"].points.getData()[1] == pytest.approx([0.61])
    assert panel.charts["cross_entropy"].points.getData()[1] == pytest.approx([1.0, 1.0])
    assert not panel.charts["macs"].plot.isVisible()
    again = TrajectoryPanel(Selection(), settings=settings)
    qtbot.addWidget(again)
    assert again.shown == ("accuracy", "cross_entropy", "reward", "entropy")
    assert again.x_axis.currentText() == "Seconds"


def test_a_chart_that_is_chosen_late_looks_like_the_others(panel):
    panel.use_palette(DARK)
    assert "entropy" not in panel.charts
    panel.plot_actions["entropy"].setChecked(True)
    plots = [panel.charts[name].plot for name in ("accuracy", "entropy")]
    assert {plot.backgroundBrush().color().name() for plot in plots} == {DARK.surface}
    pens = [plot.getPlotItem().getAxis("left").textPen().color().name() for plot in plots]
    assert len(set(pens)) == 1
    layout = panel.picture_widget().layout()
    places = [layout.indexOf(panel.charts[name].plot) for name in panel.shown]
    assert places == sorted(places)


def test_the_last_plot_cannot_be_taken_away(panel):
    for name in panel.shown:
        panel.plot_actions[name].trigger()
    assert len(panel.shown) == 1


def test_the_x_axis_counts_seconds_too(panel):
    panel.x_axis.setCurrentIndex(1)
    show_short_search(panel)
    assert panel.charts["accuracy"].points.getData()[0].tolist() == [2.0, 5.0]
    low, high = panel.charts["reward"].plot.getPlotItem().getViewBox().viewRange()[0]
    assert low <= 0 and 5 < high < 8
    bottom = panel.charts["reward"].plot.getPlotItem().getAxis("bottom")
    assert "seconds" in bottom.labelText


def test_the_held_out_score_of_the_best_is_drawn(panel):
    show_short_search(panel)
    held_out = panel.charts["accuracy"].held_out.getData()
    assert [values[0] for values in held_out] == pytest.approx([2.0, 58.0])
    assert "best, held out" in words(panel, "accuracy")


def test_smoothing_is_off_and_says_its_window(panel):
    show_short_search(panel)
    assert not len(panel.charts["accuracy"].smooth.getData()[0])
    panel.smoothing.setCurrentIndex(1)
    panel.redraw_now()
    assert panel.charts["accuracy"].smooth.getData()[1].tolist() == [60.0, 60.0]
    assert panel.charts["accuracy"].points.getData()[1].tolist() == [60.0, 60.0]
    assert "mean of 10" in words(panel, "accuracy")


def test_the_table_has_every_evaluation(panel):
    assert panel.table() is None
    show_short_search(panel)
    table = panel.table()
    assert table.header[:3] == ("evaluation", "seconds", "macs_kept")
    assert table.rows[1] == (2, 5.0, 0.5, 0.6, 1.0, -1.0, 0.5, 1)


def test_arrow_keys_move_the_cursor(panel, qtbot):
    show_short_search(panel)
    plot = panel.charts["accuracy"].plot
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert panel.readout.text().startswith("Evaluation 1:")
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert panel.readout.text().startswith("Evaluation 2:")
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.cursor.value() == 2
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.cursor.value() == 1
    qtbot.keyClick(plot, Qt.Key.Key_End)
    assert plot.cursor.value() == 2


def test_where_there_is_little_room_the_legend_ends_in_an_ellipsis(panel):
    for event in (STARTED, criterion("l1_uniform", 0.9, 0.3), candidate(1)):
        panel.show_event(event)
    panel.redraw_now()
    assert "unpruned" in words(panel, "accuracy") and "…" not in words(panel, "accuracy")
    panel.resize(400, 420)
    panel.redraw_now()
    assert "mask" in words(panel, "accuracy") and "…" in words(panel, "accuracy")
    header = panel.charts["accuracy"].header
    assert header.sizeHint().width() <= panel.charts["accuracy"].plot.width()


def test_the_datas_share_of_the_lowest_plot_does_not_pay_for_the_axis(panel):
    panel.show_event(STARTED)
    panel.show_event(candidate(1))
    panel.resize(800, 600)
    panel.redraw_now()
    heights = [plot.getPlotItem().getViewBox().height() for plot in plots(panel)]
    assert heights[0] == pytest.approx(heights[2], abs=6)  # MACs and reward


def test_the_learned_price_of_the_budget_can_be_shown(panel):
    panel.plot_actions["multiplier"].trigger()
    show_short_search(panel)
    panel.show_event(MultiplierUpdated(1, 0.25))
    panel.redraw_now()
    chart = panel.charts["multiplier"]
    assert [values.tolist() for values in chart.points.getData()] == [[2.0], [0.25]]
    assert "policy, after an update" in words(panel, "multiplier")


def test_pretraining_has_an_axis_of_its_own(panel):
    panel.plot_actions["pretraining"].trigger()
    show_short_search(panel)
    before = panel.charts["reward"].plot.getPlotItem().getViewBox().viewRange()[0]
    for epoch, loss in enumerate((0.9, 0.5, 0.4), start=1):
        panel.show_event(PretrainingAdvanced(epoch, edge_loss=loss, feature_loss=0.1))
    panel.redraw_now()
    plot = panel.charts["pretraining"].plot.getPlotItem()
    points = panel.charts["pretraining"].points.getData()
    assert points[0].tolist() == [1.0, 2.0, 3.0]
    assert points[1] == pytest.approx([1.0, 0.6, 0.5])
    assert plot.getViewBox().viewRange()[0] == pytest.approx([-0.045, 3.045])
    assert "epochs" in plot.getAxis("bottom").labelText
    assert panel.charts["reward"].plot.getPlotItem().getViewBox().viewRange()[0] == before
    panel.show_place(2.0)
    assert panel.charts["reward"].plot.cursor.isVisible()
    assert not panel.charts["pretraining"].plot.cursor.isVisible()


def test_pretraining_may_stand_alone(panel):
    panel.plot_actions["pretraining"].trigger()
    for name in ("macs", "accuracy", "reward"):
        panel.plot_actions[name].trigger()
    assert panel.shown == ("pretraining",)
    show_short_search(panel)
    panel.show_event(PretrainingAdvanced(1, 0.5, 0.1))
    panel.redraw_now()
    assert len(panel.charts["pretraining"].points.getData()[0]) == 1
