"""The docks of a whole window: what they leave behind when they are moved about."""

import random

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QTabBar, QToolButton

from app.main_window import MainWindow
from tests.app import samples
from tests.app.windows import WINDOW_PX, window_with_run

STEPS = 40


@pytest.fixture
def window(qtbot, tmp_path):
    with window_with_run(qtbot, tmp_path) as window:
        yield window


def settle() -> None:
    """Let waiting events come; those that delete come to an event loop only, or if told to."""
    for _ in range(4):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def shown_bars(window: MainWindow) -> list[set[str]]:
    """The titles in every tab bar that can be seen in the window itself."""
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    # Qt moves the bar of a single tab out of the window.
    seen = [bar for bar in bars if bar.isVisible() and bar.geometry().intersects(window.rect())]
    return [{bar.tabText(tab) for tab in range(bar.count())} for bar in seen]


def tabbed(window: MainWindow) -> list[set[str]]:
    """The titles of the docks that stand behind each other, by group."""
    groups: list[set[str]] = []
    for dock in window.parts.docks.docks.values():
        others = [other for other in window.tabifiedDockWidgets(dock) if not other.isHidden()]
        titles = {one.windowTitle() for one in (dock, *others)}
        is_there = others and not dock.isHidden() and not dock.isFloating()
        if is_there and titles not in groups:
            groups.append(titles)
    return groups


def test_panels_outlive_the_figures_that_stood_beside_them(window):
    docks = window.parts.docks
    for name in docks.docks:
        docks.show_panel(name)  # looks for the panel's first control
    window.session.event_received.emit(samples.run_reported())  # takes the figures before away
    settle()
    widgets = [window, *docks.docks.values(), *window.parts.panels]
    assert all(shiboken6.isValid(widget) for widget in widgets)
    actions = window.parts.docked["trajectory"].plot_actions.values()
    assert all(shiboken6.isValid(action) for action in actions)


def test_the_keys_go_to_a_panels_first_control(window):
    runs = window.parts.docked["runs"]
    window.parts.docks.show_panel("runs")
    settle()
    focused = QApplication.focusWidget()
    assert focused is not None and runs.isAncestorOf(focused)
    assert not isinstance(focused, QToolButton)


def test_docks_moved_about_leave_no_tab_bar_and_never_widen_the_window(window):
    chance, docks = random.Random(7), window.parts.docks
    deeds = (
        lambda name: docks.docks[name].float_button.click(),
        lambda name: docks.docks[name].close_button.click(),
        lambda name: docks.actions[name].trigger(),
        docks.show_panel,
        docks.bring_forward,
        lambda _: window.commands["reset_layout"].trigger(),
    )
    at_first = tabbed(window)
    for _ in range(STEPS):
        chance.choice(deeds)(chance.choice(list(docks.docks)))
        settle()
        assert window.size().toTuple() == WINDOW_PX
        assert sorted(map(sorted, shown_bars(window))) == sorted(map(sorted, tabbed(window)))
    window.commands["reset_layout"].trigger()
    settle()
    assert tabbed(window) == at_first
    assert len(at_first) == len(shown_bars(window)) > 0


def test_a_dock_says_its_question_or_what_it_is_where_no_tab_says_so(window):
    masks, layers = window.parts.docks.docks["masks"], window.parts.docks.docks["layers"]
    for name in ("masks", "layers"):
        window.parts.docks.show_panel(name)
    settle()
    assert masks.label.text() == "Which channels go, layer by layer?"
    assert layers.label.text() == "Layers"
