"""The trade-off panel is fed events; then its points, marks and what a click loads count."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from app.panels.tradeoff import CROSS_ENTROPY, TradeoffPanel
from app.selection import Selection
from app.theme import DARK
from core.events import BestChanged, CandidateEvaluated, CriterionEvaluated, SearchFinished
from tests.app import samples

FEW, SOME, MANY = (np.arange(12) < kept for kept in (4, 6, 9))


def candidate(
    evaluation: int, keep: np.ndarray, macs_kept: float, accuracy: float, is_in: bool = True
) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation, 1, keep, macs_kept, accuracy, 2 - accuracy, 0.0, 0.5, is_in, 1.0
    )


def show(panel: TradeoffPanel, *events: object) -> None:
    for event in events:
        panel.selection.show_event(event)
        panel.show_event(event)
    panel.redraw_now()


@pytest.fixture
def panel(qtbot):
    panel = TradeoffPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(640, 360)
    panel.show()
    show(
        panel,
        samples.network_opened(),
        samples.search_started(),
        CriterionEvaluated("random_uniform", ~FEW, 0.49, 0.1, 3.0),
        CriterionEvaluated("l1_uniform", FEW, 0.45, 0.55, 1.2),
        candidate(1, SOME, 0.47, 0.6),
        candidate(2, MANY, 0.49, 0.7),
        candidate(3, ~MANY, 0.52, 0.75, is_in=False),
        BestChanged(2, MANY, 0.49, 0.7, 1.3),
    )
    return panel


def test_an_empty_panel_says_what_will_be_there(qtbot):
    panel = TradeoffPanel(Selection())
    qtbot.addWidget(panel)
    panel.show()
    assert panel.table() is None
    assert panel.empty.isVisible()
    assert "accuracy against kept MACs" in panel.empty.text()


def test_every_mask_and_criterion_is_a_point(panel):
    assert panel.point_count == 6  # the unpruned network too
    assert panel.plot.drawn("criteria")[0] == pytest.approx([49.0, 45.0])
    assert panel.plot.drawn("masks")[1] == pytest.approx([60.0, 70.0])
    assert panel.plot.drawn("over_budget")[0] == pytest.approx([52.0])
    assert [values[0] for values in panel.plot.drawn("unpruned")] == pytest.approx([100.0, 98.0])
    assert "1 over budget" in panel.legend.text().replace("&nbsp;", " ")


def test_the_front_goes_from_the_cheapest_to_the_best(panel):
    assert [panel._masks[index].macs_kept for index in panel.front] == [0.45, 0.47, 0.49, 0.52]
    panel.value.setCurrentIndex(CROSS_ENTROPY)
    panel.redraw_now()
    # its 1.2 nats are the least, and nothing else costs less
    assert [panel._masks[index].name for index in panel.front] == ["l1_uniform"]


def test_weak_criteria_do_not_squeeze_the_masks_but_are_told(panel):
    (left, right), (low, high) = panel.plot.box.viewRange()
    assert low > 10 and right < 100 and left < 45 and high > 75
    assert panel.plot.edges.texts["bottom"] == "▼ 1 lower"
    assert panel.plot.edges.texts["top"] == "▲ 1 higher"
    panel.show_all.setChecked(True)
    panel.redraw_now()
    (_, right), (low, high) = panel.plot.box.viewRange()
    assert low < 10 and right > 100 and high > 98
    assert set(panel.plot.edges.texts.values()) == {""}


def test_a_click_on_a_point_loads_its_mask_everywhere(panel, qtbot):
    plot = panel.plot
    where = plot.mapFromScene(plot.box.mapViewToScene(QPointF(47.0, 60.0)))
    qtbot.mouseMove(plot.viewport(), where)
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=where)
    mask = panel.selection.mask
    assert (mask.name, mask.is_chosen) == ("evaluation 1", True)
    assert (mask.keep == SOME).all()
    assert mask.accuracy == pytest.approx(0.6)


def test_arrow_keys_step_along_the_points_and_return_loads(panel, qtbot):
    plot = panel.plot
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert panel._masks[plot.current].name == "l1_uniform"
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert panel._masks[plot.current].number == 1
    assert panel.readout.text().startswith("Evaluation 1: 47.0 % of MACs · accuracy 60.0 %")
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert panel.selection.mask.name == "evaluation 2"
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert "click to load" in plot.accessibleDescription()


def test_follow_the_search_gives_the_choice_back(panel, qtbot):
    assert not panel.follow.isEnabled()
    panel.load(4)
    panel.redraw_now()
    assert panel.follow.isEnabled()
    panel.follow.click()
    assert panel.selection.mask.name == "best so far, evaluation 2"
    panel.redraw_now()
    assert not panel.follow.isEnabled()


def test_best_and_loaded_mask_are_ringed(panel):
    panel.load(3)
    panel.redraw_now()
    assert panel.plot._best.getData()[0] == pytest.approx([49.0])
    assert panel.plot._loaded.getData()[0] == pytest.approx([47.0])


def test_the_winner_is_a_star_on_its_own_images(panel):
    show(panel, SearchFinished(SOME, 0.47, 0.66, 0.9, 3, {}, {}, False))
    assert panel.plot.drawn("winner")[1] == pytest.approx([66.0])
    index = panel.point_count - 1
    assert index not in panel.front
    panel.plot.set_current(index)
    assert "on held-out images" in panel.readout.text()


def test_it_is_said_on_which_images_the_numbers_were_taken(panel):
    assert panel.readout.text() == (
        "Masks and criteria: rotating batches of 1,000 reward images. "
        "Unpruned and winner: up to 300 held-out images."
    )


def test_the_table_has_a_row_for_every_point(panel):
    table = panel.table()
    assert len(table.rows) == 6
    assert table.rows[4][:4] == ("evaluation 2", "candidate", 0.49, 0.7)
    assert [row[-1] for row in table.rows] == [0, 0, 1, 1, 1, 1]


def test_a_new_search_starts_afresh_and_names_are_plain_text(panel):
    show(panel, samples.search_started())
    assert panel.point_count == 0
    show(panel, CriterionEvaluated("<b>x</b>", FEW, 0.4, 0.5, 1.0))
    panel.plot.set_current(1)
    assert panel.readout.text().startswith("<b>x</b>: 40.0 %")
    assert panel.readout.textFormat() == Qt.TextFormat.PlainText


def test_no_point_of_the_search_before_is_found_until_the_new_one_is_drawn(panel, qtbot):
    panel.show_event(samples.search_started())
    panel.show_event(candidate(1, SOME, 0.5, 0.5))  # known, not drawn yet
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Return):
        qtbot.keyClick(panel.plot, key)
    assert panel.plot.current == -1
    assert panel.selection.mask is None or not panel.selection.mask.is_chosen


def test_values_that_are_not_finite_do_no_harm(panel):
    show(panel, candidate(4, FEW, 0.4, float("nan")))
    assert panel.point_count == 7
    assert np.isfinite(panel.plot.box.viewRange()).all()


def test_the_person_s_zoom_stays_while_points_come(panel):
    panel.plot.box.setRange(xRange=(40, 60), yRange=(50, 60), padding=0)
    panel.plot.box.sigRangeChangedManually.emit([True, True])
    show(panel, candidate(5, FEW, 0.3, 0.2))
    assert panel.plot.box.viewRange()[1] == pytest.approx([50, 60])
    panel.plot.fit_requested.emit()
    panel.redraw_now()
    assert panel.plot.box.viewRange()[1][0] < 20


@pytest.mark.parametrize("size", [(754, 191), (1254, 402), (420, 150)])
def test_words_and_plot_do_not_lie_over_each_other(panel, qtbot, size):
    panel.resize(*size)
    parts = panel.legend, panel.plot, panel.readout

    def are_apart() -> bool:
        pairs = itertools.combinations(parts, 2)
        return not any(one.geometry().intersects(other.geometry()) for one, other in pairs)

    qtbot.waitUntil(are_apart)
    assert panel.plot.height() >= 120
    for label in (panel.legend, panel.readout):
        assert label.heightForWidth(label.width()) <= label.height()


def test_a_low_and_wide_panel_has_its_words_beside_the_plot(panel, qtbot):
    panel.resize(754, 191)  # of a window of 1100 x 700
    qtbot.waitUntil(lambda: panel.legend.x() > panel.plot.geometry().right())
    assert panel.plot.height() > 140
    assert panel._board.height() == panel._scroll.height()  # nothing is scrolled away
    panel.resize(754, 402)
    qtbot.waitUntil(lambda: panel.legend.geometry().bottom() < panel.plot.y())
    assert panel.readout.y() > panel.plot.geometry().bottom()


def test_another_palette_recolours_the_plot(panel):
    panel.use_palette(DARK)
    assert panel.plot.backgroundBrush().color().name() == DARK.surface


def test_a_hundred_thousand_points_draw_few(panel):
    generator = np.random.default_rng(0)
    keep = np.ones(12, dtype=np.bool_)
    for evaluation, (macs, accuracy) in enumerate(generator.random((100_000, 2)), start=5):
        panel.show_event(candidate(evaluation, keep, macs, accuracy))
    panel.redraw_now()
    assert panel.point_count == 100_006
    assert len(panel.plot.drawn("masks")[0]) < 60_000
