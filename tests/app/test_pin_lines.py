"""Pins in the settings' lines and in the panels are the same; lines wait for their network."""

from dataclasses import replace

import pytest

from app import jobs
from app.recent import Recent
from app.session_state import SessionState
from app.source import Source
from core.config import RunConfig, SearchConfig
from tests.app import samples
from tests.app.window_steps import reach

PINNED = RunConfig(search=SearchConfig(pinned_keep=("stem:0-1",), pinned_removed=("stem:3",)))


@pytest.fixture
def started(monkeypatch, window):
    configs = []
    monkeypatch.setattr(window.session, "start", lambda config, **_: configs.append(config))
    return configs


def write(window, name, text):
    """Type lines of pins, and go on to something else."""
    field = window.parts.settings.fields[f"search.{name}"]
    field.setPlainText(text)
    field.finished.emit()


def test_loaded_lines_wait_for_the_network_and_are_pinned_when_it_opens(qtbot, window):
    window.deeds._show_config(PINNED)
    assert not window.pins.pinned.size
    with reach(qtbot, window, SessionState.READY):
        window.opening.open(window.parts.settings.config())
    assert window.pins.pinned.tolist() == [1, 1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert window.parts.settings.config() == PINNED


def test_lines_of_the_command_line_are_pinned_when_the_network_opens(qtbot, window):
    with reach(qtbot, window, SessionState.READY):
        window.opening.open(PINNED)
    assert window.pins.lines() == (("stem:0-1",), ("stem:3",))


def test_lines_that_the_network_does_not_have_are_named_in_the_log(qtbot, window):
    search = replace(PINNED.search, pinned_keep=("stem:0", "conv9:1", "stem:77"))
    with reach(qtbot, window, SessionState.READY):
        window.opening.open(replace(PINNED, search=search))
    log = window.parts.log.view.toPlainText()
    assert "there is no layer 'conv9'" in log
    assert "layer 'stem' has no channels 77" in log
    assert window.pins.lines() == (("stem:0",), ("stem:3",))
    assert window.parts.settings.pin_lines == (("stem:0",), ("stem:3",))


def test_a_pin_that_is_refused_is_told_in_the_log(opened):
    opened.pins.pin("stem", range(4), -1)
    assert "stem must keep at least one channel" in opened.parts.log.view.toPlainText()


def test_pins_of_the_panels_appear_in_the_settings_and_the_other_way_round(opened):
    opened.pins.pin("stem", [0, 1, 3], 1)
    assert opened.parts.settings.pin_lines == (("stem:0-1,3",), ())
    write(opened, "pinned_removed", "block.inner:1\n\n block.inner:2 ")
    assert opened.pins.lines() == (("stem:0-1,3",), ("block.inner:1-2",))
    assert opened.parts.settings.pin_lines[1] == ("block.inner:1-2",)


def test_written_lines_that_do_not_fit_are_said_below_the_settings(opened, started):
    opened.pins.pin("stem", [0], 1)
    write(opened, "pinned_removed", "stem:0")
    assert "must also be kept" in opened.parts.settings.error.text()
    assert opened.pins.lines() == (("stem:0",), ())
    opened.commands["start"].trigger()
    assert "must also be kept" in opened.dialogs.error.message
    assert started == []


def test_pins_of_the_open_network_do_not_go_to_another_one(opened, started):
    opened.pins.pin("stem", [0], 1)
    opened.parts.settings.source.network.setEditText("resnet18")
    opened.commands["start"].trigger()
    assert started[0].network == "resnet18"
    assert started[0].search.pinned_keep == ()
    opened.parts.settings.source.network.setEditText("demo")
    opened.commands["start"].trigger()
    assert started[1].search.pinned_keep == ("stem:0",)


def test_pins_stay_where_the_same_network_is_started_with_other_images(qtbot, opened):
    opened.pins.pin("stem", [0], 1)
    opened.parts.settings.source.set_source(Source.of(RunConfig(data="cifar10")))
    opened.pins.pin("stem", [3], -1)
    wanted = (("stem:0",), ("stem:3",))
    assert opened.parts.settings.pin_lines == wanted
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.commands["start"].trigger()
    search = opened.session.search_config.search
    assert opened.session.search_config.data == "cifar10"
    assert (search.pinned_keep, search.pinned_removed) == wanted
    assert opened.pins.lines() == wanted


def test_what_is_pinned_while_the_settings_name_another_network_is_not_forgotten(opened, started):
    opened.pins.pin("stem", [0], 1)
    opened.parts.settings.source.network.setEditText("resnet18")
    opened.pins.pin("stem", [1], 1)
    assert opened.parts.settings.pin_lines == (("stem:0",), ())
    opened.commands["start"].trigger()
    assert started[0].search.pinned_keep == ()
    opened.parts.settings.source.network.setEditText("demo")
    assert opened.parts.settings.pin_lines == (("stem:0-1",), ())
    opened.commands["start"].trigger()
    assert started[1].search.pinned_keep == ("stem:0-1",)


def test_a_network_that_is_opened_again_as_a_recent_one_keeps_its_pins(qtbot, opened):
    opened.pins.pin("stem", [0], 1)
    (entry,) = opened.opening.recent.entries()
    with reach(qtbot, opened, SessionState.READY):
        opened.opening.open_recent(entry)
    assert opened.pins.lines() == (("stem:0",), ())
    assert opened.parts.settings.pin_lines == (("stem:0",), ())


def test_a_recent_network_that_is_not_open_gets_the_pins_of_then(qtbot, window):
    with reach(qtbot, window, SessionState.READY):
        window.opening.open_recent(Recent(PINNED))
    assert window.pins.lines() == (("stem:0-1",), ("stem:3",))


def test_pins_that_another_network_does_not_get_are_named_in_the_log(qtbot, opened, fakes):
    def open_other(config, *, allow_download):
        yield replace(samples.network_opened(), network="other")

    fakes.setattr(jobs, "open_network", open_other)
    opened.pins.pin("stem", [0], 1)
    opened.pins.pin("block.inner", [5, 6], -1)
    opened.parts.settings.source.network.setEditText("resnet18")
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.commands["start"].trigger()
    log = opened.parts.log.view.toPlainText()
    assert "these of tiny are gone: stem:0 to stay, block.inner:1-2 to go" in log
    assert not opened.pins.pinned.any()
    assert opened.parts.settings.pin_lines == ((), ())


def test_lines_loaded_for_another_network_go_with_it_even_if_they_read_the_same(opened, started):
    opened.pins.pin("stem", [0], 1)
    other = replace(RunConfig(network="resnet18"), search=SearchConfig(pinned_keep=("stem:0",)))
    opened.deeds._show_config(other)
    opened.commands["start"].trigger()
    assert started == [other]
    assert opened.pins.lines() == (("stem:0",), ())


def test_measuring_latency_or_not_leaves_the_same_network_open(opened, started):
    opened.pins.pin("stem", [0], 1)
    opened.parts.settings.fields["latency"].set_value(False)
    opened.commands["start"].trigger()
    assert started[0].search.pinned_keep == ("stem:0",)
    assert opened.session.has_open(started[0])
