"""The graph panel is fed events; then its items, words and pixels are looked at."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem

from app.graph_shown import group_letters
from app.panels.graph import GraphPanel
from app.panels.graph_card import CardItem
from app.panels.graph_items import PillItem, SymbolItem
from app.panels.graph_strip import StripState, paint_strip, strip_shape
from app.panels.graph_text import count_text, shape_text, split_name
from app.selection import Selection
from app.theme import DARK, LIGHT, blend
from core.events import (
    BestChanged,
    CandidateEvaluated,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
)
from tests.app.layer_graphs import GraphBuilder, always_kept, residual_network, small_network

# small_network: ids 0-3 are the stream of stem and body, 4-9 the channels of head.
KEEP = np.array([1, 0, 1, 1, 0, 1, 0, 1, 0, 1], dtype=np.bool_)
PROBABILITY = np.array([0.9, 0.1, 0.8, 0.7, 0.3, 0.6, 0.2, 1.0, 0.0, 0.5], dtype=np.float32)


def candidate(keep: np.ndarray, evaluation: int = 1) -> CandidateEvaluated:
    return CandidateEvaluated(evaluation, 0, keep, 0.498, 0.6, 1.1, -1.1, 0.55, True, 1.0)


def policy(update: int = 12) -> PolicyUpdated:
    return PolicyUpdated(update, PROBABILITY, KEEP, 0.1, 0.1, 0.3, 0.01, 0.1)


def finished(keep: np.ndarray) -> SearchFinished:
    return SearchFinished(keep, 0.496, 0.972, 0.1, 300, {}, {"total": 1.0}, False)


@pytest.fixture
def panel(qtbot):
    panel = GraphPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(1000, 420)
    panel.show()
    return panel


@pytest.fixture
def opened(panel):
    panel.show_event(small_network().opened("tiny", {"classifier": "it is the output"}))
    return panel


def pixel(panel: GraphPanel, layer: str, channel: int) -> QColor:
    """Colour on the screen in the middle of a channel's cell."""
    card = panel.scene.nodes[layer]
    point = panel.view.mapFromScene(card.mapToScene(card.channel_point(channel)))
    return panel.view.grab().toImage().pixelColor(point)


def near(colour: QColor, wanted: QColor | str, tolerance: int = 14) -> bool:
    wanted = QColor(wanted)
    pairs = zip(colour.getRgb()[:3], wanted.getRgb()[:3], strict=True)
    return all(abs(a - b) <= tolerance for a, b in pairs)


def test_an_empty_panel_says_what_will_be_there(panel):
    assert "appear here" in panel._empty.text()
    assert panel._empty.isVisible()
    assert panel.caption.isHidden()
    assert panel.scene.nodes == {}


def test_every_kind_of_layer_has_its_item(opened):
    layers = opened.scene.nodes
    assert list(layers) == ["input", "stem", "body", "sum", "head", "classifier", "output"]
    assert isinstance(layers["stem"], CardItem)
    assert isinstance(layers["classifier"], CardItem)
    assert isinstance(layers["sum"], SymbolItem)
    assert isinstance(layers["input"], PillItem)


def test_an_opened_network_is_fitted_and_whole(opened):
    page = opened.scene.page
    corners = [opened.view.mapFromScene(QPointF(*c)) for c in ((0, 0), (page.width, page.height))]
    assert all(opened.view.viewport().rect().contains(corner) for corner in corners)
    assert "all channels kept" in opened.caption.text()


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_kept_and_removed_channels_have_their_pixels(opened, palette):
    opened.use_palette(palette)
    opened.show_event(candidate(KEEP))
    opened.redraw()
    assert near(pixel(opened, "stem", 0), palette.kept)
    assert not near(pixel(opened, "stem", 1), palette.kept)
    assert near(pixel(opened, "head", 1), palette.kept)
    assert not near(pixel(opened, "head", 0), palette.kept)


def test_coupled_layers_change_together(opened):
    opened.show_event(candidate(KEEP))
    opened.redraw()
    layers = opened.scene.nodes
    assert [layers[name].kept for name in ("stem", "body", "head")] == [3, 3, 3]
    assert layers["stem"].group_label == layers["body"].group_label == "A"
    assert layers["head"].group_label == ""


def test_the_keep_probability_is_the_shade(opened):
    opened.show_event(policy())
    opened.redraw()
    sure, unsure = pixel(opened, "head", 3), pixel(opened, "head", 5)  # 1.0 and 0.5
    assert near(sure, LIGHT.kept)
    assert unsure.lightness() > sure.lightness() + 20
    assert opened.caption.text() == "tiny · policy after update 12"


def test_a_candidate_keeps_the_shade_of_the_last_policy(opened):
    opened.show_event(SearchStarted(300, 0.5, 100, 100, 0.9, 0.3, 0.1))
    opened.show_event(policy(2))
    opened.show_event(candidate(KEEP, 37))
    opened.redraw()
    words = opened.caption.text()
    assert words == "tiny · mask 37 of 300 · 49.8 % of MACs · shade: policy after update 2"


def test_the_user_chooses_between_newest_policy_and_best(opened):
    only_first = np.zeros(10, dtype=np.bool_)
    only_first[[0, 4]] = True
    opened.show_event(policy())
    opened.show_event(BestChanged(9, only_first, 0.4, 0.81, 0.5))
    opened.show_event(candidate(~KEEP))
    opened.redraw()
    assert opened.scene.nodes["stem"].kept == 1
    opened.choice.setCurrentIndex(opened.choice.findData("policy"))
    assert opened.scene.nodes["stem"].kept == 3
    opened.choice.setCurrentIndex(opened.choice.findData("best"))
    assert opened.scene.nodes["head"].kept == 1
    assert "best mask so far, evaluation 9" in opened.caption.text()
    assert "81.0 % accuracy" in opened.caption.text()


def test_the_final_mask_is_shown_as_such(opened):
    opened.show_event(finished(KEEP))
    opened.redraw()
    words = opened.caption.text()
    assert words == "tiny · final mask · 49.6 % of MACs · 97.2 % held-out accuracy"


def test_a_new_search_forgets_the_old_masks(opened):
    opened.show_event(finished(KEEP))
    opened.show_event(SearchStarted(300, 0.5, 100, 100, 0.9, 0.3, 0.1))
    opened.redraw()
    assert opened.scene.nodes["stem"].kept == 4


def test_the_timer_runs_only_while_something_is_new(opened, qtbot):
    opened.redraw()
    assert not opened._redraw_timer.isActive()
    opened.show_event(NoticeRaised("nothing to draw"))
    assert not opened._redraw_timer.isActive()
    opened.show_event(candidate(KEEP))
    assert opened._redraw_timer.isActive()
    qtbot.waitUntil(lambda: not opened._redraw_timer.isActive(), timeout=5000)
    assert opened.scene.nodes["stem"].kept == 3


def test_selecting_lights_up_the_coupled_layers_and_tells(opened, qtbot):
    with qtbot.waitSignal(opened.layer_selected) as signal:
        opened.select_layer("body")
    assert signal.args == ["body"]
    lit = {name for name, item in opened.scene.nodes.items() if item.is_lit}
    assert lit == {"stem", "body", "sum"}
    assert {name for name, wire in opened.scene.wires.items() if wire.isVisible()} == lit
    assert opened.scene.nodes["body"].is_selected


def test_selecting_twice_tells_once(opened):
    told = []
    opened.layer_selected.connect(told.append)
    opened.select_layer("head")
    opened.select_layer("head")
    opened.select_layer("no such layer")
    assert told == ["head"]


def test_a_click_selects_a_layer_and_a_drag_does_not(opened, qtbot):
    view, card = opened.view, opened.scene.nodes["head"]
    point = view.mapFromScene(card.mapToScene(QPointF(*card.size) / 2))
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseMove(view.viewport(), point + QPoint(40, 0))
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=point + QPoint(40, 0))
    assert opened.scene.selected == ""
    assert not view.is_fitted
    view.fit()
    point = view.mapFromScene(card.mapToScene(QPointF(*card.size) / 2))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert opened.scene.selected == "head"


def test_arrow_keys_walk_along_the_wires(opened, qtbot):
    walked = []
    opened.layer_selected.connect(walked.append)
    for key in (Qt.Key.Key_Right,) * 4 + (Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(opened.view, key)
    assert walked == ["input", "stem", "body", "sum", "body", "output", "input"]


def test_down_goes_to_the_next_row(panel, qtbot):
    panel.show_event(residual_network(3).opened("resnet"))
    assert panel.scene.page.row_count > 1
    panel.select_layer("conv1")
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel.scene.page.boxes[panel.scene.selected].row == 1


def test_zoom_keeps_the_point_under_the_cursor_and_f_fits_again(opened, qtbot):
    view, anchor = opened.view, QPoint(300, 120)
    before, fitted = view.mapToScene(anchor), view.zoom
    view.zoom_by(2.0, anchor)
    after = view.mapToScene(anchor)
    assert view.zoom == pytest.approx(2 * fitted)
    assert abs(after.x() - before.x()) < 2
    assert abs(after.y() - before.y()) < 2
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert view.zoom == pytest.approx(fitted)


def is_written(card: CardItem, zoom: float) -> bool:
    """Whether there are letters above the channels when a card is painted at a zoom."""
    width, height = (round(zoom * side) for side in card.size)
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(LIGHT.surface))
    with QPainter(image) as painter:
        painter.scale(zoom, zoom)
        card.paint(painter, QStyleOptionGraphicsItem())
    line = [image.pixelColor(x, y) for x in range(3, width - 3) for y in range(3, 10)]
    # Cells are green, or of a light grey.
    return any(colour.lightness() < 140 and colour.saturation() < 100 for colour in line)


@pytest.mark.parametrize("zoom", [0.4, 0.47, 0.5, 0.55])
def test_cards_of_all_widths_have_their_names_or_none_has(panel, zoom):
    make = GraphBuilder()
    make.add("input", "input", always_kept(3), 8)
    make.conv("stem", make.new_channels(4), 8, "input")
    make.conv("projection", make.new_channels(4), 8, "stem")
    panel.show_event(make.opened("wide"))
    narrow, wide = (panel.scene.nodes[name] for name in ("stem", "projection"))
    assert narrow.size[0] < 0.9 * wide.size[0]
    assert is_written(narrow, zoom) == is_written(wide, zoom)


def test_zoom_has_limits(opened):
    for _ in range(60):
        opened.zoom_in()
    assert opened.view.zoom == pytest.approx(8.0)
    for _ in range(120):
        opened.zoom_out()
    assert opened.view.zoom > 0.05


def test_a_fitted_view_stays_fitted_when_resized(opened):
    opened.resize(500, 420)
    opened.view.resize(500, 360)
    width = opened.scene.page.width * opened.view.zoom
    assert width <= opened.view.viewport().width()


def test_tooltips_tell_what_is_known(opened):
    opened.show_event(candidate(KEEP))
    opened.redraw()
    stem, classifier = opened.scene.tooltip("stem"), opened.scene.tooltip("classifier")
    for words in ("Convolution 3×3", "3×8×8 → 4×8×8", "6,912", "3 of 4 channels (75 %)"):
        assert words in stem
    assert "2 layers, residual stream" in stem
    assert "it is the output" in classifier
    assert opened.scene.nodes["classifier"].is_frozen


def test_clear_removes_everything(opened):
    opened.clear()
    assert opened.scene.items() == []
    assert opened.caption.isHidden()
    opened.redraw()
    opened.fit()
    opened.zoom_in()
    assert opened.scene.nodes == {}


def test_another_network_replaces_the_first(opened):
    opened.select_layer("head")
    opened.show_event(residual_network(1).opened("resnet8"))
    assert "layer3.0.conv2" in opened.scene.nodes
    assert "head" not in opened.scene.nodes
    assert opened.scene.selected == ""


@pytest.mark.parametrize("zoom", [0.05, 0.4, 0.6, 1.0, 4.0])
def test_every_level_of_detail_paints(opened, zoom):
    opened.view.zoom_by(zoom)
    picture = opened.view.grab().toImage()
    middle = picture.height() // 2
    colours = {picture.pixelColor(x, middle).name() for x in range(picture.width())}
    assert len(colours) > 2


def test_removed_channels_have_another_shape_and_not_only_another_colour():
    shape = strip_shape(2, 24.0, 12.0)
    state = StripState(
        np.array([True, False]), np.array([1.0, 1.0], np.float32), np.array([False, False])
    )
    image = paint_strip(state, shape, 12, LIGHT)
    covered = [painted_share(image, cell * 12, 12) for cell in (0, 1)]
    assert covered[0] > 0.8
    assert 0.05 < covered[1] < 0.3


def painted_share(image: QImage, left: int, size: int) -> float:
    alpha = [image.pixelColor(left + x, y).alpha() for x in range(size) for y in range(size)]
    return sum(alpha) / (255 * size * size)


def test_channels_that_cannot_be_removed_are_grey():
    state = StripState(np.array([True]), np.array([1.0], np.float32), np.array([True]))
    image = paint_strip(state, strip_shape(1, 12.0, 12.0), 12, LIGHT)
    assert near(image.pixelColor(5, 5), blend(LIGHT.frozen, LIGHT.surface, 0.42), 3)


@pytest.mark.parametrize("channels", [1, 3, 10, 16, 17, 64, 100, 512, 1000, 2048])
def test_all_channels_fit_into_the_strip(channels):
    shape = strip_shape(channels, 50.0, 72.0)
    assert shape.columns * shape.rows >= channels
    assert shape.width <= 50.0 + 1e-9
    assert shape.height <= 72.0 + 1e-9
    assert shape.position(channels - 1)[1] == shape.rows - 1


def test_powers_of_two_have_full_rows():
    for channels in (16, 32, 64, 128, 256, 512):
        shape = strip_shape(channels, 50.0, 72.0)
        assert shape.columns * shape.rows == channels


def test_names_are_split_at_the_last_part_with_a_letter():
    assert split_name("layer1.0.conv1") == ("layer1.0", "conv1")
    assert split_name("features.3.conv.0.0") == ("features.3", "conv.0.0")
    assert split_name("features.0") == ("", "features.0")
    assert split_name("conv1") == ("", "conv1")


def test_numbers_are_short():
    assert count_text(41_300_000) == "41.3 M"
    assert count_text(2_359_296) == "2.36 M"
    assert count_text(464) == "464"
    assert count_text(4.1e9) == "4.1 G"
    assert shape_text((16, 32, 32)) == "16×32×32"
    assert [group_letters(index) for index in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]
