"""The filters panel asks for what it shows, and shows where every channel stands."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from app.panels.filters import CHANGED_VIEW, FiltersPanel
from app.panels.filters_tiles import (
    HEADING_PX,
    LABEL_PX,
    Strips,
    TileSheet,
    colour_codes,
    colour_table,
)
from app.saving import panel_image, save_panel
from app.selection import LoadedMask, Selection
from app.session_state import SessionState
from app.theme import DARK, LIGHT
from tests.app.samples import (
    ALL,
    BEST,
    best_changed,
    changed_images_found,
    layer_looked_into,
    network_opened,
    search_finished,
)


class Asked:
    def __init__(self, panel: FiltersPanel) -> None:
        self.layers: list[str] = []
        self.masks: list[LoadedMask] = []
        panel.look_requested.connect(self.layers.append)
        panel.changes_requested.connect(self.masks.append)


@pytest.fixture
def panel(qtbot):
    panel = FiltersPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(900, 400)
    panel.selection.show_event(network_opened())
    panel.show_event(network_opened())
    panel.show_state(SessionState.READY)
    return panel


def with_mask(panel: FiltersPanel) -> FiltersPanel:
    panel.selection.show_event(best_changed())
    panel.show_state(SessionState.FINISHED)
    return panel


def test_it_asks_once_for_the_selected_layer_while_it_is_seen(panel):
    asked = Asked(panel)
    panel.selection.select_layer("block.inner")
    panel.redraw_now()
    assert asked.layers == []  # nobody looks
    panel.show()
    panel.redraw_soon()
    panel.redraw_now()
    assert asked.layers == ["block.inner"]
    assert panel._empty.text() == "Looking into block.inner …"
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    assert panel._contents.currentIndex() == 0
    panel.selection.select_layer("stem")
    panel.redraw_now()
    panel.selection.select_layer("block.inner")  # remembered
    panel.redraw_now()
    assert asked.layers == ["block.inner", "stem"]


@pytest.mark.parametrize("state", [SessionState.SEARCHING, SessionState.PAUSED])
def test_it_says_so_and_asks_for_nothing_while_a_search_runs(panel, state):
    asked = Asked(panel)
    panel.show_state(state)
    panel.selection.select_layer("stem")
    panel.show()
    assert asked.layers == []
    assert "Images are looked at when it has ended." in panel._empty.text()
    panel.show_state(SessionState.FINISHED)
    panel.redraw_now()
    assert asked.layers == ["stem"]


def test_a_request_that_was_given_up_is_made_again(panel):
    asked = Asked(panel)
    panel.selection.select_layer("stem")
    panel.show()
    for state in (SessionState.SEARCHING, SessionState.FINISHED):
        panel.show_state(state)
        panel.redraw_now()
    assert asked.layers == ["stem", "stem"]


def test_a_layer_without_filters_says_so(panel):
    asked = Asked(panel)
    panel.show()
    assert "Select a layer" in panel._empty.text()
    panel.selection.select_layer("block.add")
    panel.redraw_now()
    assert panel._empty.text().startswith("block.add has no filters of its own.")
    assert asked.layers == []
    assert panel.table() is None


def test_kept_channels_stand_above_removed_ones(panel):
    with_mask(panel).selection.select_layer("block.inner")
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    strips = panel.canvas.strips
    assert strips.kept == (0, 1, 7)  # of channels 4 to 11
    assert strips.removed == (2, 3, 4, 5, 6)
    assert strips.area(7).bottom() < strips.top_of_removed < strips.area(2).top()
    assert "block.inner: 3 of 8 channels kept (best so far, evaluation 1)" in panel.caption.text()


def test_a_click_selects_the_channel_everywhere(panel, qtbot):
    with_mask(panel).selection.select_layer("block.inner")
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    at = panel.canvas.strips.tile_area(7, 1).center()
    at += QPointF(0, panel.canvas._header_height)
    qtbot.mouseClick(panel.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert panel.selection.channel == 11
    assert panel.readout.text().startswith("Channel 7 · kept · weights 0.77 to 1 · activations −")
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Right)
    assert panel.selection.channel == 6  # the first of the removed ones
    assert "Channel 2 · removed" in panel.readout.text()


def test_the_pointer_reads_a_channel_without_selecting_it(panel):
    with_mask(panel).selection.select_layer("block.inner")
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    panel.canvas.pointed.emit(3)
    assert panel.readout.text().startswith("Channel 3 · removed")
    assert panel.selection.channel == -1
    panel.canvas.pointed.emit(-1)
    assert panel.readout.text() == ""


def test_layer_rows_have_decisions_and_mean_activations(panel):
    with_mask(panel).selection.select_layer("block.inner")
    seen = layer_looked_into()
    panel.show_event(seen)
    table = panel.table()
    assert table.header[:4] == ("channel", "id", "decision", "weight_least")
    assert table.header[5:] == ("activation_1_cat", "activation_2_dog", "activation_3_ship")
    assert [row[2] for row in table.rows] == ["kept"] * 2 + ["removed"] * 5 + ["kept"]
    assert table.rows[0][1] == 4
    assert table.rows[0][5] == pytest.approx(float(seen.activations[0, 0].mean()))


def test_changed_images_are_asked_for_and_remembered_by_their_mask(panel):
    asked = Asked(panel)
    panel.view.setCurrentIndex(CHANGED_VIEW)
    panel.show()
    assert "as soon as there is a mask" in panel._empty.text()
    with_mask(panel)
    panel.redraw_now()
    assert [mask.keep.tolist() for mask in asked.masks] == [BEST.tolist()]
    panel.show_event(changed_images_found())
    panel.redraw_now()
    assert panel.caption.text() == (
        "30 of 1,000 held-out images (3.0 %) get another class from the network pruned by "
        "best so far, evaluation 1. The 2 surest changes are shown."
    )
    assert panel.changed.lines(1) == ("is: cat", "before: ✓ cat, 93.0 %", "after: ✗ dog, 61.0 %")
    panel.selection.choose_mask(LoadedMask("all", ALL, 1.0))
    panel.redraw_now()
    assert len(asked.masks) == 2
    panel.selection.choose_mask(None)
    panel.redraw_now()
    assert len(asked.masks) == 2
    assert panel.table().rows[0] == pytest.approx(("cat", "cat", 0.93, "dog", 0.61))


def test_an_answer_belongs_to_the_mask_that_was_asked_for(panel):
    panel.view.setCurrentIndex(CHANGED_VIEW)
    with_mask(panel).show()
    panel.selection.choose_mask(LoadedMask("all", ALL, 1.0))  # while the job runs
    panel.show_event(changed_images_found())
    asked = Asked(panel)
    panel.redraw_now()
    assert [mask.name for mask in asked.masks] == ["all"]
    panel.selection.choose_mask(None)
    panel.redraw_now()
    assert panel._found is not None


def test_another_network_forgets_everything(panel):
    panel.selection.select_layer("block.inner")
    panel.show_event(layer_looked_into())
    panel.show_event(network_opened())
    assert panel.table() is None


def test_colours_of_values_by_hand():
    values = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, np.nan], dtype=np.float32)
    assert colour_codes(values, 1.0).tolist() == [1, 1, 128, 192, 255, 0]
    table = colour_table(DARK)
    assert [f"#{table[code] & 0xFFFFFF:06x}" for code in (0, 1, 128, 255)] == [
        DARK.window,
        DARK.budget,
        DARK.surface,
        DARK.accuracy,
    ]


def test_every_tile_is_found_in_the_sheet():
    values = np.zeros((2, 3, 4, 5), dtype=np.float32)
    values[1, 2, 3, 4] = 1.0
    sheet = TileSheet(values)
    sheet.limit = 1.0
    sheet.use_palette(LIGHT)
    area = sheet.area(1, 2)
    assert (area.left(), area.top(), area.width(), area.height()) == (5, 8, 5, 4)
    assert sheet.image.pixelIndex(area.right(), area.bottom()) == 255
    assert sheet.image.pixelIndex(area.left(), area.bottom()) == 128


def test_strips_fit_the_width_and_show_fewer_images_where_it_is_narrow():
    channels = tuple(range(30))
    wide = Strips.fit(1200, 300, 6, channels, ())
    assert (wide.tile, wide.images, wide.columns) == (40, 6, 3)
    narrow = Strips.fit(300, 300, 6, channels, ())
    assert (narrow.images, narrow.columns) == (4, 1)
    roomy = Strips.fit(1200, 900, 6, channels[:8], ())
    assert roomy.tile == 72


def test_places_and_areas_are_each_others_inverse():
    strips = Strips.fit(800, 200, 6, (0, 2, 5), (1, 3, 4, 6))
    for place in range(7):
        centre = strips.area(place).center()
        assert strips.place_at(centre.x(), centre.y()) == place
    assert strips.place_at(LABEL_PX, HEADING_PX / 2) is None
    assert strips.place_at(-5, HEADING_PX + 5) is None
    assert strips.neighbour(5, 1, 0) == 1


def test_the_picture_shows_marks_of_kept_and_removed_channels(panel):
    with_mask(panel).selection.select_layer("block.inner")
    panel.use_palette(LIGHT)
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    picture = panel.canvas.viewport().grab().toImage()
    scale = picture.devicePixelRatio()

    def mark(place: int) -> str:
        area = panel.canvas.strips.area(place)
        x, y = area.left() + 8, area.center().y() + panel.canvas._header_height
        return picture.pixelColor(int(x * scale), int(y * scale)).name()

    assert mark(0) == LIGHT.kept
    assert mark(2) == LIGHT.surface  # hollow


def test_the_end_of_a_search_changes_the_mask(panel):
    panel.selection.select_layer("block.inner")
    panel.show()
    panel.show_event(layer_looked_into())
    panel.selection.show_event(search_finished())
    panel.redraw_now()
    assert "(the search's winner)" in panel.caption.text()


def test_what_failed_is_not_asked_for_again(panel):
    asked = Asked(panel)
    panel.selection.select_layer("stem")
    panel.show()
    panel.forget_request()
    panel.redraw_now()
    assert panel._empty.text() == "stem could not be looked into."
    with_mask(panel).view.setCurrentIndex(CHANGED_VIEW)
    panel.redraw_now()
    panel.forget_request()
    panel.redraw_now()
    assert panel._empty.text() == "The networks could not be compared."
    assert (len(asked.layers), len(asked.masks)) == (1, 1)


def test_a_saved_picture_has_all_channels_not_only_those_in_sight(panel):
    with_mask(panel).selection.select_layer("block.inner")
    panel.resize(300, 250)
    panel.use_palette(LIGHT)
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    picture = panel_image(panel)
    size = picture.deviceIndependentSize().toSize()
    assert size == panel.picture_size()
    assert size.height() > panel.height()
    area = panel.canvas.strips.area(7)  # the last one that is kept
    corner = panel.canvas.pos()  # on the board
    x = corner.x() + area.left() + 8
    y = corner.y() + panel.canvas._header_height + area.center().y()
    scale = picture.devicePixelRatio()
    assert picture.pixelColor(int(x * scale), int(y * scale)).name() == LIGHT.kept


def test_a_saved_drawing_holds_each_tile_once(panel, tmp_path):
    with_mask(panel).selection.select_layer("block.inner")
    panel.show()
    panel.show_event(layer_looked_into())
    panel.redraw_now()
    save_panel(panel, tmp_path / "filters.svg")
    drawing = (tmp_path / "filters.svg").read_text(encoding="utf-8")
    tiles = 8 * (1 + panel.canvas.strips.images)
    assert drawing.count("<image") == tiles + 3 * panel.canvas.strips.columns
    assert len(drawing) < 2000 * drawing.count("<image")
