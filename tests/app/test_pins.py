"""Pins are set, undone, written as settings and read from them."""

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack

from app.pins import Pins
from core.errors import ConfigError
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE
from tests.app import samples


@pytest.fixture
def pins(qapp) -> Pins:
    pins = Pins()
    pins.show_event(samples.network_opened())
    return pins


def test_channels_are_pinned_and_written_as_settings(qtbot, pins):
    with qtbot.waitSignal(pins.changed):
        pins.pin("stem", [0, 1], PIN_KEEP)
    pins.pin("block.inner", [4], PIN_REMOVE)
    assert pins.lines() == (("stem:0-1",), ("block.inner:0",))
    assert pins.pinned.tolist() == [1, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0]


def test_pins_are_undone_and_done_again(pins):
    pins.pin("stem", [0, 1, 2], PIN_KEEP)
    assert isinstance(pins.undo_stack, QUndoStack)
    assert pins.undo_stack.undoText() == "Pin 3 channels of stem to stay"
    pins.pin("stem", [1, 3], NO_PIN)
    assert pins.undo_stack.undoText() == "Unpin 1 channel of stem"
    pins.undo_stack.undo()
    assert pins.lines() == (("stem:0-2",), ())
    pins.undo_stack.undo()
    assert pins.lines() == ((), ())
    pins.undo_stack.redo()
    assert pins.lines() == (("stem:0-2",), ())


def test_a_pin_that_is_there_is_no_new_step(pins):
    pins.pin("stem", [0], PIN_KEEP)
    pins.pin("stem", [0], PIN_KEEP)
    assert pins.undo_stack.count() == 1


def test_the_last_channel_of_a_layer_cannot_be_pinned_to_go(qtbot, pins):
    pins.pin("stem", [0, 1, 2], PIN_REMOVE)
    with qtbot.waitSignal(pins.refused) as refused:
        pins.pin("stem", [3], PIN_REMOVE)
    assert refused.args == ["stem must keep at least one channel, so they cannot all be removed."]
    assert pins.lines() == ((), ("stem:0-2",))


def test_settings_are_read_and_cannot_be_undone(pins):
    pins.pin("stem", [0], PIN_KEEP)
    pins.set_lines(["block.back:2"], ["block.inner:5-7"])
    assert pins.lines() == (("stem:2",), ("block.inner:5-7",))
    assert not pins.undo_stack.canUndo()


def test_settings_that_do_not_fit_change_nothing(pins):
    pins.pin("stem", [0], PIN_KEEP)
    with pytest.raises(ConfigError):
        pins.set_lines(["stem:9"], [])
    assert pins.lines() == (("stem:0",), ())


def test_settings_wait_for_their_network(qapp):
    pins = Pins()
    pins.set_lines(["stem:1"], [])
    assert pins.lines() == (("stem:1",), ())
    pins.show_event(samples.network_opened())
    assert np.flatnonzero(pins.pinned == PIN_KEEP).tolist() == [1]


def test_settings_of_another_network_are_refused_with_a_word(qtbot, qapp):
    pins = Pins()
    pins.set_lines(["conv1:1"], [])
    with qtbot.waitSignal(pins.refused) as refused:
        pins.show_event(samples.network_opened())
    assert "there is no layer 'conv1'" in refused.args[0]
    assert pins.lines() == ((), ())


def test_the_same_network_opened_again_keeps_its_pins(pins):
    pins.pin("stem", [0], PIN_KEEP)
    pins.show_event(samples.network_opened())
    assert pins.lines() == (("stem:0",), ())
