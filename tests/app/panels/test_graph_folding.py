"""Blocks of the graph panel fold and unfold; layers are found; the data may flow down."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QColor, QContextMenuEvent

from app.panels.graph import GraphPanel
from app.panels.graph_block import BlockItem, paint_profile
from app.panels.graph_overview import is_crowded
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import CandidateEvaluated
from tests.app.layer_graphs import chain_network, nested_network, residual_network

BLOCK = "layer1.0.*"  # of ResNet-56: conv1, conv2, add


@pytest.fixture
def settings(tmp_path):
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def panel(qtbot, settings):
    panel = GraphPanel(Selection(), settings=settings)
    qtbot.addWidget(panel)
    panel.resize(1100, 500)
    panel.show()
    return panel


@pytest.fixture
def opened(panel):
    panel.show_event(residual_network(9).opened("resnet56", {"linear": "it is the output"}))
    return panel


def candidate(keep: np.ndarray) -> CandidateEvaluated:
    return CandidateEvaluated(1, 0, keep, 0.498, 0.6, 1.1, -1.1, 0.55, True, 1.0)


def middle(panel: GraphPanel, node: str) -> QPoint:
    item = panel.scene.nodes[node]
    return panel.view.mapFromScene(item.mapToScene(QPointF(*item.size) / 2))


def double_click(panel: GraphPanel, qtbot, point: QPoint) -> None:
    qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point)


def test_a_large_network_is_first_shown_folded_and_readable(opened):
    assert len(opened.scene.nodes) <= 44
    card = opened.scene.nodes[BLOCK]
    assert isinstance(card, BlockItem)
    assert opened.view.zoom * card.size[0] > 32


def test_a_block_shows_its_summed_kept_share_live(opened):
    # conv1 of the block has 16 channels of its own, conv2 those of the stream: ids 0-15.
    keep = np.ones(opened.scene.shown.groups.channel_count, dtype=np.bool_)
    keep[:4] = False
    opened.show_event(candidate(keep))
    opened.redraw()
    card = opened.scene.nodes[BLOCK]
    assert card.counts.tolist() == [16, 12]
    assert card.kept_share == pytest.approx(28 / 32)
    opened.show_event(candidate(~keep))
    opened.redraw()
    assert card.kept_share == pytest.approx(4 / 32)


def test_what_is_unfolded_shows_the_mask_that_came_before(opened):
    keep = np.ones(opened.scene.shown.groups.channel_count, dtype=np.bool_)
    keep[:4] = False
    opened.show_event(candidate(keep))
    opened.redraw()
    opened.view.unfold(BLOCK)
    assert opened.scene.nodes["layer1.0.conv2"].kept == 12


def test_a_double_click_unfolds_and_one_on_the_frame_folds(opened, qtbot):
    double_click(opened, qtbot, middle(opened, BLOCK))
    assert "layer1.0.conv1" in opened.scene.nodes
    assert BLOCK not in opened.scene.nodes
    frame = next(frame for frame in opened.scene.frames if frame.block == BLOCK)
    corner = QPointF(frame.left + 2, frame.bottom - 2)
    double_click(opened, qtbot, opened.view.mapFromScene(corner))
    assert BLOCK in opened.scene.nodes


def test_a_click_on_the_plus_unfolds(opened, qtbot):
    opened.view.zoom_by(1 / opened.view.zoom)
    card = opened.scene.nodes[BLOCK]
    opened.view.centerOn(card)
    point = opened.view.mapFromScene(card.mapToScene(card.sign_rect.center()))
    qtbot.mouseClick(opened.view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert "layer1.0.conv1" in opened.scene.nodes


def test_enter_unfolds_and_backspace_folds_again(opened, qtbot):
    opened.scene.select(BLOCK)
    qtbot.keyClick(opened.view, Qt.Key.Key_Return)
    assert opened.scene.selected == "layer1.0.conv1"
    qtbot.keyClick(opened.view, Qt.Key.Key_Backspace)
    assert opened.scene.selected == BLOCK


def test_all_unfold_and_all_collapse(opened):
    opened.unfold_all()
    assert list(opened.scene.nodes) == list(opened.scene.shown.network.nodes)
    assert not any(isinstance(item, BlockItem) for item in opened.scene.nodes.values())
    opened.fold_all()
    folded = [name for name, item in opened.scene.nodes.items() if isinstance(item, BlockItem)]
    assert folded == ["layer1.*", "layer2.*", "layer3.*"]
    seen = {
        item.name for item in opened.scene.items() if hasattr(item, "name") and item.isVisible()
    }
    assert seen == set(opened.scene.nodes)


def test_folding_keeps_the_whole_in_sight_when_it_was(opened):
    opened.unfold_all()
    page = opened.scene.page
    corner = opened.view.mapFromScene(QPointF(page.width, page.height))
    assert opened.view.viewport().rect().contains(corner)


def test_what_is_unfolded_stays_under_the_cursor_when_zoomed_in(opened):
    opened.view.zoom_by(3.0)
    opened.view.centerOn(opened.scene.nodes["layer2.3.*"])
    before = middle(opened, "layer2.3.*")
    opened.view.unfold("layer2.3.*")
    after = middle(opened, "layer2.3.conv1")
    assert (after - before).manhattanLength() <= 4


def test_selecting_a_folded_block_selects_no_layer(opened, qtbot):
    with qtbot.waitSignal(opened.layer_selected) as signal:
        opened.scene.select(BLOCK)
    assert signal.args == [""]


def test_coupled_layers_light_up_through_folded_blocks(opened):
    opened.scene.hover("conv1")
    lit = {name for name, item in opened.scene.nodes.items() if item.is_lit}
    assert {"conv1", BLOCK, "layer1.8.*"} <= lit
    assert "linear" not in lit
    assert opened.scene.wires[BLOCK].isVisible()
    opened.scene.hover("")
    assert not any(item.is_lit for item in opened.scene.nodes.values())


def test_a_tooltip_of_a_block_tells_layers_share_and_locks(panel):
    reasons = dict.fromkeys(["layer1.0.conv1", "layer1.0.conv2"], "a reason")
    panel.show_event(residual_network(9).opened("resnet56", reasons))
    words = panel.scene.tooltip(BLOCK)
    assert "layer1.0" in words
    assert "3 layers" in words
    assert "32 of 32 channels (100 %)" in words
    assert "2 layers: a reason" in words
    assert panel.scene.nodes[BLOCK].is_frozen


def test_a_run_says_how_many_blocks_it_is(panel):
    panel.show_event(nested_network(60).opened("nested"))
    run = panel.scene.nodes["body.1–59.*"]
    assert run.block.repeats == 59
    assert "59 blocks of the same structure, 177 layers" in panel.scene.tooltip(run.name)


def test_a_layer_inside_a_folded_block_is_unfolded_selected_and_in_sight(opened, qtbot):
    opened.fold_all()
    with qtbot.waitSignal(opened.layer_selected) as signal:
        opened.select_layer("layer3.5.conv2")
    assert signal.args == ["layer3.5.conv2"]
    assert opened.view.viewport().rect().contains(middle(opened, "layer3.5.conv2"))
    assert opened.scene.nodes["layer3.5.conv2"].style.is_legible(opened.view.zoom)


def test_a_neighbour_out_of_sight_comes_to_the_middle(opened):
    opened.unfold_all()
    opened.view.zoom_by(6.0)
    opened.select_layer("layer3.8.conv2")
    distance = middle(opened, "layer3.8.conv2") - opened.view.viewport().rect().center()
    assert distance.manhattanLength() <= 4


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("is_vertical", [False, True], ids=["right", "down"])
@pytest.mark.parametrize("zoom", [0.1, 0.45, 1.0])
def test_blocks_paint_at_every_zoom(opened, palette, is_vertical, zoom):
    keep = np.zeros(opened.scene.shown.groups.channel_count, dtype=np.bool_)
    opened.set_vertical(is_vertical)
    opened.use_palette(palette)
    opened.view.zoom_by(zoom / opened.view.zoom)
    opened.view.centerOn(opened.scene.nodes["layer2.3.*"])

    def paint_count() -> int:
        opened.redraw()
        picture = opened.view.grab().toImage()
        kept = QColor(palette.kept).rgb()
        columns, rows = range(0, picture.width(), 2), range(0, picture.height(), 2)
        return sum(picture.pixel(x, y) == kept for x in columns for y in rows)

    everything = paint_count()
    opened.show_event(candidate(keep))
    assert everything > 0
    assert paint_count() == 0


def test_bars_are_as_high_as_kept_shares():
    shares = np.array([0.25, 1.0, 1.0])
    image = paint_profile(shares, np.array([True, True, False]), (30, 20), LIGHT)
    kept = QColor(LIGHT.kept).name()
    heights = [sum(image.pixelColor(x, y).name() == kept for y in range(20)) for x in (4, 14, 24)]
    assert heights == [5, 20, 0]
    assert image.pixelColor(9, 10).alpha() == 0  # a hairline


def test_a_thousand_layers_are_painted_at_once(panel):
    panel.show_event(chain_network(1000).opened("chain"))
    assert is_crowded(panel.scene.page, panel.scene.sceneRect(), panel.view.zoom)
    picture = panel.view.grab().toImage()
    kept = QColor(LIGHT.kept).rgb()
    samples = [picture.pixel(x, y) for x in range(0, 1000, 3) for y in range(0, 400, 5)]
    assert samples.count(kept) > len(samples) // 10
    panel.select_layer("conv500")
    assert not is_crowded(panel.scene.page, panel.scene.sceneRect(), panel.view.zoom)


def search(panel: GraphPanel, qtbot, text: str) -> None:
    qtbot.keyClick(panel.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    panel.find.field.setText(text)


def matches(panel: GraphPanel) -> set[str]:
    return {name for name, item in panel.scene.nodes.items() if item.is_match}


def test_control_f_finds_layers_and_marks_what_hides_them(opened, qtbot):
    search(opened, qtbot, "layer2.3.conv")
    assert opened.find.isVisible()
    assert matches(opened) == {"layer2.3.*"}
    assert opened.find.count.text() == "– of 2"


def test_enter_goes_from_match_to_match_and_unfolds(opened, qtbot):
    search(opened, qtbot, "layer2.3.conv")
    field = opened.find.field
    visited = []
    opened.layer_selected.connect(visited.append)
    for _ in range(3):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert visited == ["layer2.3.conv1", "layer2.3.conv2", "layer2.3.conv1", "layer2.3.conv2"]
    assert matches(opened) == {"layer2.3.conv1", "layer2.3.conv2"}
    assert opened.find.count.text() == "2 of 2"


def test_escape_closes_the_search_and_nothing_stays_marked(opened, qtbot):
    search(opened, qtbot, "conv")
    assert matches(opened)
    qtbot.keyClick(opened.find.field, Qt.Key.Key_Escape)
    assert opened.find.isHidden()
    assert matches(opened) == set()


def test_a_name_that_is_not_there_is_said_so(opened, qtbot):
    search(opened, qtbot, "lstm")
    assert opened.find.count.text() == "no layer"
    assert not opened.find.next.isEnabled()
    qtbot.keyClick(opened.find.field, Qt.Key.Key_Return)
    assert opened.scene.selected == ""


def test_without_a_network_there_is_nothing_to_find(panel):
    panel.open_find()
    assert panel.find.isHidden()


def test_the_data_flows_down_if_wanted_and_that_is_remembered(opened, qtbot, settings):
    opened.set_vertical(True)
    boxes = opened.scene.page.boxes
    assert boxes["input"].centre[0] == pytest.approx(boxes["conv1"].centre[0])
    assert boxes["input"].y < boxes["conv1"].y
    again = GraphPanel(Selection(), settings=settings)
    qtbot.addWidget(again)
    assert again.is_vertical
    again.set_vertical(False)
    assert settings.value("graph/is_vertical", True, bool) is False


def test_downwards_the_arrow_keys_walk_downwards(opened, qtbot):
    opened.set_vertical(True)
    walked = []
    opened.layer_selected.connect(walked.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(opened.view, key)
    assert walked == ["input", "conv1", "input"]


def words(menu) -> list[str]:
    return [action.text() for action in menu.actions() if action.text()]


def test_the_menu_offers_what_can_be_done_here(opened, qtbot):
    menu = opened.make_menu(BLOCK)
    qtbot.addWidget(menu)
    assert words(menu)[:3] == ["Unfold layer1.0", "Fold layer1", "Collapse all"]
    menu.actions()[0].trigger()
    assert "layer1.0.conv1" in opened.scene.nodes
    inner = opened.make_menu("layer1.0.conv1")
    qtbot.addWidget(inner)
    assert words(inner)[:2] == ["Fold layer1.0", "Fold layer1"]
    inner.actions()[0].trigger()
    assert BLOCK in opened.scene.nodes


def test_the_menu_asks_the_window_to_save_a_picture(opened, qtbot):
    menu = opened.make_menu()
    qtbot.addWidget(menu)
    assert "Unfold all" in words(menu)
    with qtbot.waitSignal(opened.picture_requested):
        menu.actions()[-1].trigger()
    flow = next(action for action in menu.actions() if action.isCheckable())
    flow.trigger()
    assert opened.is_vertical


def test_a_context_menu_knows_where_it_was_asked_for(opened, qtbot):
    asked = []
    opened.view.menu_requested.disconnect()
    opened.view.menu_requested.connect(lambda *what: asked.append(what[1:]))
    point = middle(opened, BLOCK)
    reason = QContextMenuEvent.Reason
    opened.view.contextMenuEvent(QContextMenuEvent(reason.Mouse, point, point))
    opened.scene.select("conv1")
    opened.view.contextMenuEvent(QContextMenuEvent(reason.Keyboard, QPoint(0, 0), QPoint(0, 0)))
    assert asked == [(BLOCK, ""), ("conv1", "")]
