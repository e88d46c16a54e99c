"""For keys and screen readers: every control has a name, and Tab reaches all of them."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QTabBar,
    QWidget,
)

from app.main_window import MainWindow
from app.panels.docks import DOCKS
from app.theme import contrast
from tests.app.windows import describe, lasting_window, let_rest, show_run

MOST_STOPS = 400  # of a walk by Tab; more means that it does not come round


@pytest.fixture(scope="module")
def one_window(qapp, tmp_path_factory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        show_run(window)
        yield window


@pytest.fixture
def window(one_window) -> Iterator[MainWindow]:
    yield one_window
    let_rest(one_window)


def spoken_name(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    return "" if interface is None else interface.text(QAccessible.Text.Name).strip()


def is_part_of_a_control(widget: QWidget) -> bool:
    """Whether the keys that go to it are those of the control that it is in."""
    parent = widget.parentWidget()
    if widget.objectName().startswith("qt_") or widget.focusProxy() is not None:
        return True
    if isinstance(widget, QLineEdit) and isinstance(parent, QComboBox | QAbstractSpinBox):
        return bool(parent.accessibleName())
    return isinstance(parent, QAbstractScrollArea) and widget is parent.viewport()


def controls(window: QWidget) -> list[QWidget]:
    found = window.findChildren(QWidget)
    return [
        widget
        for widget in found
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.window() is window
        and not is_part_of_a_control(widget)
        and not (isinstance(widget, QLabel) and not widget.text())
    ]


def test_every_control_has_a_name(window):
    nameless = [describe(w) for w in controls(window) if not spoken_name(w)]
    assert nameless == [], "\n".join(nameless)


@pytest.mark.parametrize("action", ["open", "export", "any_action", "shortcuts", "about"])
def test_every_control_of_a_dialog_has_a_name(window, action):
    window.commands[action].trigger()
    dialog = window.dialog
    found = controls(dialog)
    nameless = [describe(w) for w in found if not spoken_name(w)]
    window.dialogs.close()
    assert found
    assert nameless == [], "\n".join(nameless)


@pytest.mark.parametrize("name", DOCKS)
def test_tab_walks_through_every_panel_and_comes_round(qtbot, window, name):
    window.parts.graph.view.setFocus()  # a panel without controls takes no keys
    window.parts.docks.show_panel(name)
    QApplication.processEvents()
    dock = window.parts.docks.docks[name]
    wanted = {w for w in controls(dock.window()) if dock.isAncestorOf(w) and can_be_reached(w)}
    start = QApplication.focusWidget()
    assert start is not None, "no control of the panel takes the keys"
    reached, at = set(), start
    for _ in range(MOST_STOPS):
        reached.add(at)
        qtbot.keyClick(at, Qt.Key.Key_Tab)
        at = QApplication.focusWidget()
        if at is start:
            break
    assert at is start, f"Tab does not come round from {describe(start)}: {describe(at)}"
    missed = [describe(w) for w in wanted if not ({w, *w.findChildren(QWidget)} & reached)]
    assert missed == []


def can_be_reached(widget: QWidget) -> bool:
    is_tab_stop = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    # A slider and its number are one value; the number takes the keys.
    is_slider = isinstance(widget, QAbstractSlider)
    in_sight = widget.isVisible() and widget.isEnabled()
    return is_tab_stop and in_sight and not is_slider and not isinstance(widget, QTabBar)


def test_the_whole_window_is_walked_by_tab_and_back(qtbot, window):
    window.parts.docks.show_panel("inspector")
    window.parts.graph.view.setFocus()
    start = at = QApplication.focusWidget()
    forwards = [start]
    for _ in range(MOST_STOPS):
        qtbot.keyClick(at, Qt.Key.Key_Tab)
        at = QApplication.focusWidget()
        if at is start:
            break
        forwards.append(at)
    homes = {home_of(window, widget) for widget in forwards}
    assert {"graph", "inspector"} <= homes
    fronts = {name for name, dock in window.parts.docks.docks.items() if dock.is_in_front}
    assert homes - {"", "graph"} == fronts
    qtbot.keyClick(start, Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is forwards[-1]


def home_of(window: MainWindow, widget: QWidget) -> str:
    panels = {"graph": window.parts.graph, **window.parts.docks.docks}
    found = (name for name, panel in panels.items() if panel.isAncestorOf(widget))
    return next(found, "")


def test_menus_open_by_alt_and_letter(qtbot, window):
    file_menu = window.menuBar().actions()[0].menu()
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.AltModifier)
    assert file_menu.isVisible()
    qtbot.keyClick(file_menu, Qt.Key.Key_Escape)
    assert not file_menu.isVisible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_the_screen_has_contrast(window, theme):
    """The colours of every label's letters and of what is behind it, as Qt will draw them."""
    window.commands[f"theme_{theme}"].trigger()
    try:
        weak = []
        for label in window.findChildren(QLabel):
            if not label.text() or not label.isEnabled():
                continue
            colours = label.palette()
            ratio = contrast(
                colours.color(label.foregroundRole()).name(),
                colours.color(label.backgroundRole()).name(),
            )
            if ratio < 4.5:
                weak.append(f"{describe(label)}: {label.text()[:30]} {ratio:.1f}")
        assert weak == []
    finally:
        window.commands["theme_light"].trigger()
