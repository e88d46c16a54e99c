"""The comparison panel: masks and scores go in, a sentence, bars and strips come out."""

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from app.panels.compare import ComparePanel
from app.panels.compare_strip import paint_strip
from app.saving import panel_image
from app.selection import NO_CHANNEL, LoadedMask
from app.theme import DARK, LIGHT
from core.comparison_rows import BOTH, NEITHER, ONLY_CRITERION, ONLY_LEARNED
from core.events import CriterionEvaluated, ImportancesMeasured, PolicyUpdated
from tests.app import samples
from tests.app.panels.feeding import feed, small_panel

FIRST = np.linspace(0, 1, 12).astype(np.float32)


@pytest.fixture
def panel(qtbot) -> ComparePanel:
    return small_panel(qtbot, ComparePanel, 700, 320)


@pytest.fixture
def compared(panel) -> ComparePanel:
    return feed(panel, samples.network_opened(), samples.best_changed(12))


def choose(panel: ComparePanel, criterion: str | None = None, mode: int | None = None) -> None:
    if criterion is not None:
        panel.criterion.setCurrentIndex(panel.criterion.findData(criterion))
    if mode is not None:
        panel.mode.setCurrentIndex(mode)
    panel.redraw_now()


def policy(probability: np.ndarray = FIRST) -> PolicyUpdated:
    return PolicyUpdated(1, probability, samples.BEST, 0.1, 0.0, 0.6, 0.01, 0.1)


def criterion(name: str, keep: np.ndarray, cross_entropy: float = 0.9) -> CriterionEvaluated:
    return CriterionEvaluated(name, keep, 0.49, 0.7, cross_entropy)


def test_an_empty_panel_says_what_will_appear(panel):
    feed(panel, samples.network_opened())
    assert not panel.chart.isVisible()
    assert panel.table() is None


def test_before_anything_is_measured_l1_is_known(compared):
    assert [compared.criterion.itemText(i) for i in range(compared.criterion.count())] == ["L1"]
    assert compared.legend.texts[:4] == [
        "both keep: 5", "only the agent: 1", "only L1: 1", "neither: 5",
    ]  # fmt: skip


def test_the_sentence_says_what_the_agent_keeps_and_what_chance_would_do(compared):
    # Random masks of 3 of 4 and 3 of 8 share 2.25 + 1.125 channels.
    assert compared.sentence.text() == (
        "Over all 2 layers the agent keeps 1 low-weight channel that L1 would remove, of 6 that it "
        "keeps. The two are no more alike than chance: they share 5 kept channels of 6, random "
        "masks would share 3."
    )
    assert compared.caption.text() == (
        "Above: best so far, evaluation 12 (49.8 % of MACs). "
        "Below: L1, keeping as many channels in each layer."
    )


def test_the_same_mask_is_called_the_same(compared):
    feed(compared, ImportancesMeasured({"taylor": samples.BEST.astype(np.float32)}))
    assert compared.sentence.text() == (
        "The agent keeps exactly the channels that Taylor would keep."
    )


def test_an_unpruned_network_has_nothing_to_compare(compared):
    compared.selection.choose_mask(LoadedMask("all", samples.ALL, 1.0))
    compared.redraw_now()
    assert compared.sentence.text() == "Every channel is kept, so there is nothing to compare."


def test_at_the_same_macs_the_criterions_best_mask_is_taken(compared):
    keep = np.array([1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0], dtype=np.bool_)
    feed(compared, criterion("l1_global", samples.ALL, 2.0), criterion("l1_uniform", keep, 0.5))
    choose(compared, mode=1)
    assert compared.caption.text().endswith("Below: l1_uniform (49.0 % of MACs).")
    assert compared.legend.texts[:4] == [
        "both keep: 3", "only the agent: 3", "only L1: 3", "neither: 3",
    ]  # fmt: skip
    assert compared._counts() == ["3/4 (+2)", "3/8 (−2)"]


def test_where_the_agent_keeps_more_is_said(panel):
    opened = samples.network_opened()
    rows = [dataclasses.replace(opened.groups.groups[0], id=i, start=i, stop=i + 1) for i in (0, 1)]
    rest = dataclasses.replace(opened.groups.groups[0], id=2, start=2, stop=4)
    inner = dataclasses.replace(opened.groups.groups[1], id=3)
    groups = dataclasses.replace(opened.groups, groups=(*rows, rest, inner))
    feed(panel, dataclasses.replace(opened, groups=groups), samples.best_changed(12))
    everything = samples.ALL
    feed(panel, criterion("l1_uniform", everything))
    choose(panel, mode=1)
    # The inner layer is the last row: 3 of 8 channels against all of them.
    assert panel.sentence.text().startswith(
        "In the last layer the agent keeps 5 channels fewer than L1: 3 against 8 of 8."
    )


def test_a_criterion_without_a_mask_says_so(compared):
    choose(compared, mode=1)
    assert compared.sentence.text() == "No mask of L1 within the budget is known yet."
    assert compared.table() is None


def test_a_mask_that_is_a_criterions_is_not_called_the_agents(compared):
    feed(compared, criterion("l1_uniform", samples.BEST.copy()))
    assert "the mask keeps 1 low-weight channel" in compared.sentence.text()
    assert compared.legend.texts[1] == "only the mask: 1"


def test_the_chosen_criterion_stays_when_more_are_known(compared):
    feed(compared, ImportancesMeasured({"taylor": FIRST, "l1": samples.MAGNITUDE, "random": FIRST}))
    choose(compared, "random")
    assert "that chance would remove" in compared.sentence.text()
    feed(compared, ImportancesMeasured({"random": FIRST, "l1": samples.MAGNITUDE}))
    assert compared.criterion.currentData() == "random"


def test_the_table_has_all_numbers_of_every_layer(compared):
    feed(compared, policy())
    table = compared.table()
    assert table.rows[0] == ("stem", 4, 3, 0, 0, 1, 1.0, pytest.approx(0.625), -1.0)
    assert table.rows[1][:7] == ("block.inner", 8, 2, 1, 1, 4, 0.5)
    assert table.rows[2] == ("all layers", 12, 5, 1, 1, 5, pytest.approx(5 / 7), None, None)
    assert len(table.header) == len(table.rows[0])


def test_a_click_selects_the_layer_or_its_channel(qtbot, compared):
    y = int(compared.chart.row_area(1).center().y())
    press = Qt.MouseButton.LeftButton
    qtbot.mouseClick(compared.chart.viewport(), press, pos=QPoint(10, y))
    assert (compared.selection.layer, compared.selection.channel) == ("block.inner", NO_CHANNEL)
    strip = compared.chart.columns().strip
    last = QPoint(int(strip.right()) - 2, y)
    qtbot.mouseClick(compared.chart.viewport(), press, pos=last)
    assert compared.selection.channel == 11  # the lowest L1 score of the layer


def test_keys_walk_through_the_layers(qtbot, compared):
    qtbot.keyClick(compared.chart, Qt.Key.Key_Down)
    assert compared.selection.layer == "stem"
    qtbot.keyClick(compared.chart, Qt.Key.Key_Down)
    qtbot.keyClick(compared.chart, Qt.Key.Key_Down)
    assert compared.selection.layer == "block.inner"
    qtbot.keyClick(compared.chart, Qt.Key.Key_Up)
    assert compared.selection.layer == "stem"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_the_strip_shows_the_states_in_the_order_of_the_scores(compared, palette):
    compared.use_palette(palette)
    compared.selection.select_layer("block.back")  # cut with the stem
    compared.redraw_now()
    image = compared.chart.viewport().grab().toImage()
    area, strip = compared.chart.row_area(1), compared.chart.columns().strip
    # By L1 the inner layer's channels come as 4 to 11; the mask keeps 4, 5 and 11, L1 4, 5, 6.
    upper, lower = area.top() + 6, area.bottom() - 6
    colours = [
        [image.pixelColor(int(strip.left() + (i + 0.5) * strip.width() / 8), int(y)).name()
         for i in range(8)]
        for y in (upper, lower)
    ]  # fmt: skip
    kept, off = palette.kept, palette.raised
    assert colours[0] == [kept, kept, off, off, off, off, off, palette.accent]
    assert colours[1] == [kept, kept, palette.criteria, off, off, off, off, off]
    marked = compared.chart.row_area(0).center()
    assert image.pixelColor(1, int(marked.y())).name() == palette.accent


def test_the_four_states_differ_by_place_not_only_by_colour():
    shapes = {
        tuple((paint_strip(np.array([state], np.int8), 9, 10, LIGHT)[[2, 7], 4]
               != 0xFF000000 + int(LIGHT.raised[1:], 16)).tolist())
        for state in (BOTH, ONLY_LEARNED, ONLY_CRITERION, NEITHER)
    }  # fmt: skip
    assert len(shapes) == 4


def test_channels_that_share_a_pixel_show_their_mean():
    states = np.array([BOTH, NEITHER] * 50, dtype=np.int8)
    pixels = paint_strip(states, 10, 10, LIGHT)
    assert len(np.unique(pixels[1])) == 1
    green = (int(pixels[1, 0]) >> 8) & 255
    both, none = int(LIGHT.kept[3:5], 16), int(LIGHT.raised[3:5], 16)
    assert green == pytest.approx((both + none) / 2, abs=1)


def test_a_tip_tells_all_numbers_of_a_row(compared):
    feed(compared, policy())
    assert compared._describe(0) == (
        "<b>stem</b><br>both keep 3, only the shown mask 0, only L1 0, neither 1<br>"
        "Jaccard 1.00, by chance 0.62<br>rank correlation of keep probability and score −1.00<br>"
        "Shares its channels with: block.back"
    )


def test_a_mask_of_another_network_is_not_compared(compared):
    compared.selection.choose_mask(LoadedMask("evaluation 3", np.ones(7, dtype=np.bool_), 0.5))
    compared.redraw_now()
    assert compared.table() is None


def test_a_picture_shows_all_layers_whatever_is_seen(compared):
    compared.resize(700, 150)
    size = compared.picture_size()
    assert size.height() > compared.chart.whole_height > compared.chart.viewport().height()
    image = panel_image(compared)
    below = compared.chart.whole_height - 10  # in the last row, whose strip begins with both
    x = int(compared.chart.columns().strip.left() + 20)
    column = {image.pixelColor(2 * x, y).name() for y in range(int(2 * below), image.height())}
    assert LIGHT.kept in column


def test_another_network_forgets_the_comparison(compared):
    feed(compared, samples.network_opened())
    assert not compared.chart.isVisible()
    assert compared.table() is None


def test_the_chosen_criterion_is_told_to_all_panels(compared):
    feed(compared, ImportancesMeasured({"l1": FIRST, "fpgm": -FIRST}))
    choose(compared, "fpgm")
    assert compared.selection.criterion == "fpgm"
