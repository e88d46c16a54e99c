"""The tree of words: modules, layers and counts, linked with the selection."""

import pytest
from PySide6.QtCore import Qt

from app.panels.layers import LayersPanel
from app.selection import Selection
from tests.app import samples


@pytest.fixture
def panel(qtbot) -> LayersPanel:
    panel = LayersPanel(Selection())
    qtbot.addWidget(panel)
    panel.show()
    panel.show_event(samples.network_opened())
    panel.redraw_now()
    return panel


def test_without_a_network_it_says_what_will_be_here(qtbot):
    panel = LayersPanel(Selection())
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.view.isVisible()
    assert panel.table() is None


def test_layers_stand_under_their_modules(panel):
    model = panel.model
    roots = [model.item(row).text() for row in range(model.rowCount())]
    assert roots == ["input", "stem", "block", "classifier"]
    block = model.item(2)
    assert [block.child(row).text() for row in range(block.rowCount())] == ["inner", "back", "add"]


def test_kept_channels_follow_the_mask(panel):
    assert panel.row_text("block.inner")[1] == "8 / 8"
    panel.selection.show_event(samples.best_changed())
    panel.redraw_now()
    assert panel.row_text("block.inner")[1] == "3 / 8"
    assert panel.row_text("stem")[1] == "3 / 4"


@pytest.mark.parametrize("width", [160, 130, 400])
def test_the_numbers_are_seen_whole_however_narrow_the_panel_is(panel, width):
    header, view = panel.view.header(), panel.view
    panel.model.item(1).setText("a layer of a long name")
    view.measure()
    panel.resize(width, 300)
    assert header.sectionSize(1) >= view.sizeHintForColumn(1)
    assert header.sectionPosition(2) <= view.viewport().width()
    is_roomy = width == 400
    assert (header.sectionSize(0) >= view.sizeHintForColumn(0)) == is_roomy


def test_names_keep_the_width_that_a_person_gave_them(panel):
    panel.resize(400, 300)
    panel.view.header().resizeSection(0, 90)
    panel.resize(300, 300)
    assert panel.view.header().sectionSize(0) == 90


def test_a_row_is_read_out_with_its_full_name(panel):
    row = panel.model.item(2).child(0)
    assert row.accessibleText() == "block.inner: 8 / 8 channels kept, Convolution, 8×8×8"


def test_keys_select_a_layer_and_a_module_leaves_it(qtbot, panel):
    panel.selection.select_layer("stem")
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)  # the module
    assert panel.selection.layer == "stem"
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel.selection.layer == "block.inner"


def test_the_selection_moves_the_row(panel):
    panel.selection.select_layer("block.back")
    assert panel.view.currentIndex().data() == "back"
    panel.selection.select_layer("")
    assert not panel.view.selectionModel().hasSelection()


def test_rows_are_the_numbers_of_all_layers(panel):
    panel.selection.show_event(samples.best_changed())
    table = panel.table()
    assert table.header[:5] == ("layer", "kind", "output_shape", "kept", "channels")
    assert table.rows[2][:5] == ("block.inner", "conv", "8x8x8", 3, 8)


def test_a_list_that_gets_the_keys_selects_nothing_by_itself(panel):
    panel.selection.select_layer("")
    panel.view.clearFocus()
    panel.view.setFocus()
    assert panel.selection.layer == ""
