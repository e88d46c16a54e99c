"""Pinned channels in the graph: a plus or a cross in the strip's cells, and in the legend."""

import numpy as np
import pytest

from app.panels.graph import GraphPanel
from app.panels.graph_strip import LayerChannels, StripState, paint_strip, strip_shape
from app.panels.pin_marks import cross, plus
from app.selection import Selection
from app.theme import DARK, LIGHT, contrast
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE
from tests.app import samples


def strip(keep: list[bool], pins: list[int], cell: int = 12, palette=LIGHT):
    count = len(keep)
    state = StripState(
        np.array(keep),
        np.ones(count, np.float32),
        np.zeros(count, np.bool_),
        np.array(pins, np.int8),
    )
    return paint_strip(state, strip_shape(count, 12.0 * count, 12.0), cell, palette)


def colour(image, cell: int, x: int, y: int) -> str:
    pixel = image.pixelColor(12 * cell + x, y)
    return pixel.name() if pixel.alpha() == 255 else ""


def test_a_plus_covers_the_middle_of_the_sides_and_a_cross_the_corners():
    upright, slanted = plus(12, 11), cross(12, 11)
    assert upright[5, 5] == slanted[5, 5] == 1.0
    assert upright[5, 3] > 0.9 and slanted[5, 2] == 0.0
    assert slanted[3, 3] > 0.9 and upright[3, 3] == 0.0
    assert np.array_equal(upright, upright.T) and np.array_equal(slanted, slanted.T)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_kept_and_removed_channels_show_their_pins_by_shape(palette):
    image = strip([True, True, False, False], [PIN_KEEP, PIN_REMOVE] * 2, palette=palette)
    for cell in (0, 1):
        assert colour(image, cell, 5, 5) == palette.surface
        assert colour(image, cell, 0, 5) == palette.kept
    assert [colour(image, cell, 5, 5) for cell in (2, 3)] == [palette.text] * 2
    assert colour(image, 2, 5, 3) == palette.text and colour(image, 3, 5, 3) == ""
    assert contrast(palette.kept, palette.surface) >= 3.0


def test_channels_that_are_not_pinned_look_as_before():
    plain = StripState(np.array([True, False]), np.ones(2, np.float32), np.zeros(2, np.bool_))
    before = paint_strip(plain, strip_shape(2, 24.0, 12.0), 12, LIGHT)
    assert strip([True, False], [NO_PIN, NO_PIN]) == before
    assert strip([True, False], [NO_PIN, PIN_KEEP]) != before


@pytest.mark.parametrize("cell", [1, 2, 3, 4, 5, 24])
def test_marks_are_painted_in_cells_of_every_size(cell):
    image = strip([True, False], [PIN_KEEP, PIN_REMOVE], cell)
    assert (image.width(), image.height()) == (2 * cell, cell)
    if cell > 2:
        assert image != strip([True, False], [NO_PIN, NO_PIN], cell)


def test_only_layers_whose_pins_changed_are_painted_again():
    event = samples.network_opened()
    channels = LayerChannels(event.graph.layers)
    keep = np.ones(event.groups.channel_count, np.bool_)
    pins = np.zeros(event.groups.channel_count, np.int8)
    assert len(channels.states(keep, None, pins)) > 1
    assert channels.states(keep, None, pins) == []
    pinned = pins.copy()
    pinned[4] = PIN_KEEP
    ((name, state),) = channels.states(keep, None, pinned)
    assert name == "block.inner"
    assert state.pinned.tolist() == [PIN_KEEP, 0, 0, 0, 0, 0, 0, 0]


@pytest.fixture
def panel(qtbot) -> GraphPanel:
    panel = GraphPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(900, 500)
    panel.show()
    return panel


def test_pins_are_shown_whether_they_come_before_the_network_or_after_it(panel):
    pins = np.zeros(12, np.int8)
    pins[[0, 5]] = PIN_KEEP, PIN_REMOVE
    panel.show_pins(pins)
    panel.show_event(samples.network_opened())
    assert panel.scene.nodes["stem"]._state.pinned.tolist() == [PIN_KEEP, 0, 0, 0]
    assert "1 to stay, 0 to go" in panel.scene.tooltip("stem")
    assert "0 to stay, 1 to go" in panel.scene.tooltip("block.inner")
    assert "pinned to go" in [words for words, _, _ in panel.legend._entries()]
    panel.show_pins(np.zeros(12, np.int8))
    assert "to stay" not in panel.scene.tooltip("stem")
    assert not panel.scene.nodes["stem"]._state.pinned.any()
    assert "pinned to go" not in [words for words, _, _ in panel.legend._entries()]


def test_pins_of_another_network_are_not_shown(panel):
    panel.show_event(samples.network_opened())
    panel.show_pins(np.ones(5, np.int8))
    assert not panel.scene.nodes["stem"]._state.pinned.any()


def test_the_window_marks_what_is_pinned(opened):
    opened.pins.pin("stem", [1], PIN_KEEP)
    assert opened.parts.graph.scene.nodes["stem"]._state.pinned.tolist() == [0, PIN_KEEP, 0, 0]
    opened.pins.undo_stack.undo()
    assert not opened.parts.graph.scene.nodes["stem"]._state.pinned.any()
