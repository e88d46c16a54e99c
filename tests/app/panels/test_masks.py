"""The mask matrix: events go in, pixels, words, a selection and pins come out."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.panels.masks import MasksPanel
from app.panels.masks_cells import cell_codes, cell_looks
from app.saving import panel_image
from app.selection import NO_CHANNEL, LoadedMask
from app.theme import DARK, LIGHT
from core.events import ImportancesMeasured, PolicyUpdated
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE
from tests.app import samples
from tests.app.panels.feeding import feed, small_panel

FIRST = np.linspace(0, 1, 12).astype(np.float32)


def policy(update: int, keep: np.ndarray, probability: np.ndarray = FIRST) -> PolicyUpdated:
    return PolicyUpdated(update, probability, keep, 0.1, 0.0, 0.6, 0.01, 0.1)


@pytest.fixture
def panel(qtbot) -> MasksPanel:
    return small_panel(qtbot, MasksPanel, 500, 300)


@pytest.fixture
def opened(panel) -> MasksPanel:
    return feed(panel, samples.network_opened())


def colour_at(panel: MasksPanel, channel: int, share: float = 0.5) -> str:
    """The colour in a cell; `share` 0 is its upper left corner."""
    area = panel.matrix.area_of(channel)
    side = (area.width() - 1) * share
    image = panel.matrix.viewport().grab().toImage()
    scale = image.devicePixelRatio()
    x, y = (area.left() + side) * scale, (area.top() + side) * scale
    return image.pixelColor(int(x), int(y)).name()


def click(qtbot, panel, point, button=Qt.MouseButton.LeftButton, modifier=None):
    modifier = modifier or Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(panel.matrix.viewport(), button, modifier, point.toPoint())


def press(qtbot, panel, *keys):
    for key in keys:
        qtbot.keyClick(panel.matrix, key)


def test_an_empty_panel_says_what_will_appear(panel):
    assert not panel.matrix.isVisible()
    assert panel.table() is None


def test_before_a_mask_every_channel_is_kept(opened):
    assert opened.caption.text() == "No mask yet: every channel is kept."
    assert {colour_at(opened, channel) for channel in range(12)} == {LIGHT.kept}


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_kept_channels_are_squares_and_removed_ones_dots(opened, palette):
    opened.use_palette(palette)
    feed(opened, samples.best_changed(12))
    for channel in range(12):
        corner = palette.kept if samples.BEST[channel] else palette.surface
        assert colour_at(opened, channel, 0.1) == corner
        assert colour_at(opened, channel) != palette.surface


def test_the_mask_is_named_with_its_scores(opened):
    feed(opened, samples.best_changed(12))
    assert opened.caption.text() == (
        "Mask: best so far, evaluation 12 · 49.8 % of MACs · 91.0 % accuracy"
        " · 0 flipped since the mask before"
    )


def test_a_chosen_mask_is_shown_and_its_flips_are_framed(opened):
    feed(opened, samples.best_changed(12))
    other = samples.BEST.copy()
    other[[3, 4]] = True, False
    opened.selection.choose_mask(LoadedMask("l1_uniform", other, 0.5))
    opened.redraw_now()
    assert opened.caption.text().startswith("Mask: l1_uniform · 50.0 % of MACs · 2 flipped")
    framed = [c for c in range(12) if colour_at(opened, c, 0.0) == LIGHT.text]
    assert framed == [3, 4]


def test_the_policy_is_shaded_by_its_probability(opened):
    feed(opened, policy(1, samples.ALL), policy(2, samples.ALL))
    opened.view.setCurrentIndex(1)
    opened.redraw_now()
    assert opened.caption.text() == (
        "The policy's likeliest mask after update 2 · 0 flipped since the update before"
    )
    lightness = [QColor(colour_at(opened, c)).lightness() for c in range(4, 12)]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) > 4
    assert "keep probability 0 to 1" in opened.legend.texts


def test_flips_of_the_policy_are_those_of_its_last_update(opened):
    feed(opened, policy(1, samples.ALL), policy(2, samples.BEST), policy(3, samples.BEST))
    assert not opened.facts.decision("policy").has_flipped.any()
    feed(opened, policy(4, samples.ALL))
    assert (opened.facts.decision("policy").has_flipped == ~samples.BEST).all()


def test_channels_are_sorted_within_their_row(opened):
    feed(opened, ImportancesMeasured({"l1": samples.MAGNITUDE, "taylor": FIRST}))
    names = [opened.sort.itemText(i) for i in range(opened.sort.count())]
    assert names == ["network order", "keep probability", "L1 score", "Taylor score"]
    opened.sort.setCurrentIndex(3)
    opened.redraw_now()
    assert opened.facts.order("taylor").tolist() == [3, 2, 1, 0, *range(11, 3, -1)]
    assert opened.matrix.cell_of(11).place == 0


def test_the_chosen_order_stays_when_more_criteria_are_known(opened):
    opened.sort.setCurrentIndex(2)
    feed(opened, ImportancesMeasured({"taylor": FIRST, "l1": samples.MAGNITUDE}))
    assert opened.sort.currentData() == "l1"


def test_a_click_selects_layer_and_channel(qtbot, opened):
    click(qtbot, opened, opened.matrix.area_of(6).center())
    assert (opened.selection.layer, opened.selection.channel) == ("block.inner", 6)
    assert opened.readout.text().startswith("block.inner · channel 2 · kept · L1 score 6, rank 3")


def test_a_click_on_a_label_selects_the_layer(qtbot, opened):
    row = opened.matrix.area_of(0)
    click(qtbot, opened, QPointF(20, row.center().y()))
    assert (opened.selection.layer, opened.selection.channel) == ("stem", NO_CHANNEL)


def test_a_selection_from_elsewhere_is_outlined(opened):
    opened.selection.select_channel("block.back", 2)
    area = opened.matrix.area_of(2)
    image = opened.matrix.viewport().grab().toImage()
    y = int(area.center().y())
    assert image.pixelColor(int(area.left()) - 1, y).name() == LIGHT.accent
    assert image.pixelColor(1, y).name() == LIGHT.accent  # the bar of the row


def test_a_selected_row_is_scrolled_to(opened):
    opened.resize(500, 160)
    opened.matrix._chosen_size = 24
    opened.resize(300, 150)
    opened.selection.select_layer("block.inner")
    area = opened.matrix.area_of(4)
    assert 0 <= area.top() < opened.matrix.viewport().height()


def test_arrows_move_and_enter_selects(qtbot, opened):
    opened.matrix.setFocus()
    press(qtbot, opened, Qt.Key.Key_Right, Qt.Key.Key_Down)
    assert opened.selection.layer == ""
    press(qtbot, opened, Qt.Key.Key_Return)
    assert (opened.selection.layer, opened.selection.channel) == ("block.inner", 5)
    press(qtbot, opened, Qt.Key.Key_End, Qt.Key.Key_Return)
    assert opened.selection.channel == 11


def test_keys_pin_and_unpin(qtbot, opened):
    opened.selection.select_channel("stem", 1)
    press(qtbot, opened, Qt.Key.Key_K)
    assert opened.pins.lines() == (("stem:1",), ())
    press(qtbot, opened, Qt.Key.Key_R)
    assert opened.pins.lines() == ((), ("stem:1",))
    press(qtbot, opened, Qt.Key.Key_U)
    assert opened.pins.lines() == ((), ())
    opened.pins.undo_stack.undo()
    assert opened.pins.lines() == ((), ("stem:1",))


def test_shift_marks_several_channels_of_a_row(qtbot, opened):
    click(qtbot, opened, opened.matrix.area_of(4).center())
    shift = Qt.KeyboardModifier.ShiftModifier
    click(qtbot, opened, opened.matrix.area_of(6).center(), modifier=shift)
    assert opened.matrix.marked() == [4, 5, 6]
    opened.pin(PIN_REMOVE)
    assert opened.pins.undo_stack.undoText() == "Pin 3 channels of block.inner to go"


def test_the_menu_pins_the_marked_channels_or_their_row(qtbot, opened):
    click(qtbot, opened, opened.matrix.area_of(4).center())
    actions = [action for action in opened.make_menu().actions() if not action.isSeparator()]
    assert [action.text() for action in actions] == [
        "Pin to stay\tK", "Pin to go\tR", "Unpin\tU", "Pin to stay", "Pin to go", "Unpin",
    ]  # fmt: skip
    assert [action.isEnabled() for action in actions] == [True, True, False, True, True, False]
    actions[3].trigger()
    assert opened.pins.lines() == (("block.inner:0-7",), ())


def test_what_cannot_be_pinned_is_said(opened):
    opened.pins.pin("stem", range(4), PIN_REMOVE)
    assert "must keep at least one channel" in opened.readout.text()


def test_pointing_at_a_channel_tells_about_it(qtbot, opened):
    feed(opened, policy(1, samples.ALL))
    qtbot.mouseMove(opened.matrix.viewport(), opened.matrix.area_of(5).center().toPoint())
    assert opened.readout.text() == (
        "block.inner · channel 1 · kept · keep probability 0.45 · L1 score 7, rank 2 of 8"
    )
    tip = opened.matrix._tooltip(opened.matrix.area_of(5).center())
    assert tip.startswith("<b>block.inner</b><br>channel 1<br>kept")
    row = opened.matrix._tooltip(QPointF(5, opened.matrix.area_of(0).center().y()))
    assert row.endswith("Shares its channels with: block.back")


def test_the_table_has_a_row_for_each_channel(opened):
    feed(opened, samples.best_changed(12), policy(1, samples.ALL))
    opened.pins.pin("stem", [3], PIN_KEEP)
    table = opened.table()
    assert table.header == (
        "layer", "channel", "is_kept", "has_flipped", "pin", "keep_probability", "score_l1",
    )  # fmt: skip
    assert len(table.rows) == 12
    assert table.rows[3] == ("stem", 3, 0, 0, 1, pytest.approx(3 / 11), 9.0)


def test_another_network_forgets_everything(qtbot, opened):
    feed(opened, samples.best_changed(12))
    opened.selection.select_channel("stem", 1)
    feed(opened, samples.network_opened())
    assert opened.caption.text() == "No mask yet: every channel is kept."
    assert opened.matrix.marked() == []


def test_a_mask_of_another_network_is_not_shown(opened):
    feed(opened, samples.best_changed(12))
    opened.selection.choose_mask(LoadedMask("evaluation 3", np.ones(7, dtype=np.bool_), 0.5))
    opened.redraw_now()
    assert opened.caption.text() == "No mask yet: every channel is kept."


def test_a_low_panel_leaves_its_legend_out(qtbot, opened):
    assert opened.legend.isVisible()
    opened.resize(500, 150)
    assert not opened.legend.isVisible()


def test_a_picture_shows_all_rows_whatever_is_seen(opened):
    feed(opened, samples.best_changed(12))
    whole = panel_image(opened)
    opened.resize(500, 110)
    assert panel_image(opened).height() >= whole.height() - 2 * 40  # smaller cells at most
    colours = {whole.pixelColor(x, whole.height() // 2).name() for x in range(whole.width())}
    assert LIGHT.kept in colours


def test_cells_grow_and_shrink(qtbot, opened):
    before = opened.matrix.cell_px
    opened.matrix.zoom(1)
    assert opened.matrix.cell_px > before
    opened.matrix.zoom(0)
    assert opened.matrix.cell_px == before


@pytest.mark.parametrize("cell", [8, 12, 28])
def test_no_two_looks_are_alike_without_colour(cell):
    kinds = [
        (keep, flipped, pin)
        for keep in (True, False)
        for flipped in (True, False)
        for pin in (NO_PIN, PIN_KEEP, PIN_REMOVE)
    ]
    keep, flipped, pins = (np.array(column) for column in zip(*kinds, strict=True))
    looks = cell_looks(cell, LIGHT)[cell_codes(keep, None, flipped, pins)]
    surface = np.uint32(QColor(LIGHT.surface).rgb())
    shapes = {((look != surface).tobytes(), look[0, 0]) for look in looks}
    assert len(shapes) == len(kinds)
