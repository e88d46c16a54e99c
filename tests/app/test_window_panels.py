"""Panels beside each other in one window: what is selected, docks, theme and layout."""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from app.appearance import Appearance
from app.panels.docks import DOCKS
from app.selection import LoadedMask
from app.theme import DARK, LIGHT
from core.config import RunConfig
from tests.app import samples


def test_layers_are_found_and_the_graph_is_turned_from_the_menu(opened):
    opened.commands["find"].trigger()
    assert opened.parts.graph.find.isVisible()
    opened.commands["turn"].trigger()
    assert opened.parts.graph.is_vertical
    opened.commands["turn"].trigger()
    assert not opened.parts.graph.is_vertical


def test_a_layer_chosen_in_the_graph_is_inspected(qtbot, opened):
    opened.parts.graph.select_layer("stem")
    opened.parts.docked["inspector"].redraw_now()
    assert opened.parts.docked["inspector"].name.text() == "stem"
    qtbot.waitUntil(lambda: opened.parts.docked["inspector"].isVisible())


def test_a_link_in_the_inspector_selects_in_the_graph(qtbot, opened):
    opened.parts.graph.select_layer("stem")
    opened.parts.docked["inspector"].coupled.linkActivated.emit("block.back")
    assert opened.parts.graph.scene.selected == "block.back"
    assert opened.selection.layer == "block.back"


def test_a_loaded_mask_is_shown_by_graph_and_layer_and_taken_back(searched):
    graph, inspector = searched.parts.graph, searched.parts.docked["inspector"]
    searched.selection.select_layer("block.inner")
    keep = samples.ALL.copy()
    keep[4] = False
    mask = LoadedMask("evaluation 7", keep, 0.9, 0.95, is_chosen=True)
    searched.selection.choose_mask(mask)
    inspector.redraw_now()
    assert graph.caption.text() == (
        "tiny · Loaded mask: evaluation 7 · 90.0 % of MACs · 95.0 % accuracy"
    )
    assert graph.choice.currentText() == "Loaded mask"
    assert inspector.kept.text() == "7 of 8 channels kept"
    assert inspector.mask_source.text().startswith("Above: loaded mask, evaluation 7.")
    graph.choice.setCurrentIndex(graph.choice.findData("best"))
    graph.choice.activated.emit(graph.choice.currentIndex())
    assert not searched.selection.mask.is_chosen
    graph.choice.setCurrentIndex(graph.choice.findData("loaded"))
    graph.choice.activated.emit(graph.choice.currentIndex())
    assert searched.selection.mask is mask


def test_docks_float_close_and_come_back_and_the_layout_is_reset(qtbot, opened):
    docks = opened.parts.docks
    docks.docks["trajectory"].setFloating(True)
    docks.docks["log"].close_button.click()
    qtbot.waitUntil(lambda: not docks.actions["log"].isChecked())
    docks.actions["log"].trigger()
    assert docks.docks["log"].isVisible()
    docks.docks["log"].close()
    opened.commands["reset_layout"].trigger()
    assert not docks.docks["trajectory"].isFloating()
    assert not docks.docks["log"].isHidden()
    qtbot.waitUntil(lambda: docks.actions["log"].isChecked())


def test_every_dock_has_an_entry_with_a_shortcut_that_brings_it_forward(qtbot, opened):
    actions = opened.parts.docks.actions
    assert set(actions) == set(DOCKS)
    keys = [action.shortcut().toString() for action in actions.values()]
    assert all(keys) and len(set(keys)) == len(keys)
    for name, action in actions.items():
        action.trigger()
        assert opened.parts.docked[name].isVisible()


def test_the_theme_is_changed_and_remembered(window, settings):
    window.commands["theme_dark"].trigger()
    assert window.appearance.palette is DARK
    assert settings.value("theme") == "dark"
    again = Appearance(QApplication.instance(), settings, window)
    assert again.palette is DARK


def test_the_layout_is_remembered(qtbot, opened, make_window):
    opened.parts.docks.docks["log"].hide()
    assert opened.close()
    window = make_window()
    with qtbot.waitSignal(window.session.state_changed):
        window.session.open(RunConfig())
    assert window.parts.docks.docks["log"].isHidden()
    assert not window.parts.docks.docks["settings"].isHidden()


def worn(window) -> set[str]:
    """The colours behind the window, the graph and every plot, each brought to the front."""
    colours = {
        QApplication.palette().color(QPalette.ColorRole.Window).name(),
        window.parts.graph.view.scene().backgroundBrush().color().name(),
    }
    for name, panel in window.parts.docked.items():
        window.parts.docks.show_panel(name)
        panel.redraw_now()
        plots = panel.findChildren(pg.PlotWidget)
        colours |= {plot.backgroundBrush().color().name() for plot in plots}
        assert panel.colours is window.appearance.palette
    return colours


def test_the_window_follows_the_desktop_while_it_runs(searched):
    searched.commands["theme_system"].trigger()
    changed = QApplication.styleHints().colorSchemeChanged
    for scheme, palette in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
        changed.emit(scheme)
        assert worn(searched) == {palette.window, palette.surface}
    changed.emit(Qt.ColorScheme.Dark)
    changed.emit(Qt.ColorScheme.Unknown)
    assert worn(searched) == {DARK.window, DARK.surface}
    searched.commands["theme_light"].trigger()
    changed.emit(Qt.ColorScheme.Dark)
    assert worn(searched) == {LIGHT.window, LIGHT.surface}
