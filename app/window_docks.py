"""The docks round the graph: they move, float, close and come back."""

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QCoreApplication, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QTabBar,
    QTabWidget,
    QWidget,
)

from app.panel_dock import PanelDock
from app.panels.docks import DOCKS, Area
from app.panels.panel import Panel
from app.theme import Palette

AREAS: dict[Area, Qt.DockWidgetArea] = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
SIDE_WIDTH_PX, LEFT_WIDTH_PX = 340, 230
BOTTOM_SHARE = 0.45  # of the window's height: plots over each other need it
# Layouts of another version are not restored: the docks were others.
LAYOUT_VERSION = 2


class WindowDocks:
    """Makes a dock for every entry of DOCKS, arranges them, and has an action for each."""

    def __init__(self, window: QMainWindow, panels: Mapping[str, Panel]) -> None:
        self._window = window
        self.docks = {
            name: PanelDock(name, panel, _translate(DOCKS[name].question), window)
            for name, panel in panels.items()
        }
        self.actions = {name: self._action(name) for name in self.docks}
        # Its menu of docks and toolbars would be a second one beside View > Panels.
        window.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        window.setCorner(Qt.Corner.BottomRightCorner, AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, AREAS["left"])
        window.setDockNestingEnabled(True)
        window.setAnimated(False)  # a panel that is asked for stands there at once
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._widths: dict[str, int] = {}  # of the sides, once what was opened is laid out
        self._is_arranged = False
        self._settle_timer = QTimer(window, singleShot=True, interval=0)
        self._settle_timer.timeout.connect(self._settle)
        for name, dock in self.docks.items():
            dock.hide()
            window.addDockWidget(AREAS[DOCKS[name].area], dock)
            for signal in (dock.dockLocationChanged, dock.topLevelChanged, dock.closed_or_opened):
                signal.connect(self._settle_soon)

    def use_palette(self, palette: Palette) -> None:
        """Draw the titles' buttons in other colours."""
        for dock in self.docks.values():
            dock.use_palette(palette)

    def _arrange(self) -> None:
        """Put every dock where it stands at first."""
        fronts: dict[Area, PanelDock] = {}
        for area, place in AREAS.items():
            names = [name for name in self.docks if DOCKS[name].area == area]
            first: PanelDock | None = None
            for name in names:
                dock = self.docks[name]
                dock.setFloating(False)
                # One by one into the tabs: side by side they would make the window grow.
                if first is None:
                    self._window.addDockWidget(place, dock)
                else:
                    self._window.tabifyDockWidget(first, dock)
                dock.setVisible(DOCKS[name].is_open)
                if first is None and DOCKS[name].is_open:
                    first = dock
            if first is not None:
                fronts[area] = first
        for area, front in fronts.items():
            front.raise_()
            self._resize(front, area)

    def _resize(self, dock: PanelDock, area: Area) -> None:
        is_bottom = area == "bottom"
        way = Qt.Orientation.Vertical if is_bottom else Qt.Orientation.Horizontal
        size = round(BOTTOM_SHARE * self._window.height()) if is_bottom else SIDE_WIDTH_PX
        self._window.resizeDocks([dock], [size], way)

    def restore(self, state: QByteArray | None) -> None:
        """Put the docks where they stood; where they stand at first if that is not known."""
        if state is None or not self._is_arranged:
            self._arrange()
            self._is_arranged = True
        if state is not None:  # of docks that were moved about Qt restores none: it may crash
            self._window.restoreState(state, LAYOUT_VERSION)
        self._settle_soon()

    def state(self) -> QByteArray:
        """Where the docks stand, for `restore`."""
        return self._window.saveState(LAYOUT_VERSION)

    def let_go(self) -> None:
        """Follow the docks no more: Qt still tells of them while it destroys them."""
        for dock in self.docks.values():
            dock.blockSignals(True)
            dock.toggleViewAction().blockSignals(True)

    def show_panel(self, name: str) -> None:
        """Open a panel and bring it to the front; the keys go to it."""
        dock = self.docks[name]
        self._plan_widths(name)
        dock.show()
        dock.raise_()
        first = _first_control(dock.panel)
        if first is not None:
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _plan_widths(self, opened: str) -> None:
        """Before a panel opens a side: Qt would take that room from the other side."""
        area, areas = DOCKS[opened].area, {name: dock.area for name, dock in DOCKS.items()}
        fronts = [name for name, dock in self.docks.items() if dock.is_in_front]
        if area != "bottom" and area not in [areas[name] for name in fronts]:
            sides = [name for name in fronts if areas[name] != "bottom"]
            self._widths = {name: self.docks[name].width() for name in sides}
            self._widths[opened] = LEFT_WIDTH_PX if area == "left" else SIDE_WIDTH_PX

    def bring_forward(self, name: str) -> None:
        """Show a panel that is open, unless the keys go to one that it would cover."""
        dock = self.docks[name]
        covered = self._window.tabifiedDockWidgets(dock)
        if not dock.isHidden() and not any(_has_focus(other) for other in covered):
            dock.raise_()

    def is_covered(self, widget: QWidget) -> bool:
        """Whether a widget is in a dock that another tab covers."""
        docks = self.docks.values()
        return any(not dock.is_in_front and dock.isAncestorOf(widget) for dock in docks)

    def focused(self) -> PanelDock | None:
        """The dock that the keys go to."""
        return next((dock for dock in self.docks.values() if _has_focus(dock)), None)

    def _on_triggered(self, name: str) -> None:
        dock = self.docks[name]
        if dock.is_in_front and _has_focus(dock):
            dock.close()
        else:
            self.show_panel(name)
        self._settle_soon()

    def _action(self, name: str) -> QAction:
        title, keys = self.docks[name].windowTitle(), QKeySequence(DOCKS[name].shortcut)
        action = QAction(title, self._window)
        action.setObjectName(f"panel_{name}")
        action.setCheckable(True)
        action.setShortcut(keys)
        question = _translate(DOCKS[name].question)
        written = keys.toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{question} ({written})" if written else question)
        action.triggered.connect(lambda: self._on_triggered(name))
        return action

    def _settle_soon(self, *_: object) -> None:
        self._settle_timer.start()

    def _resize_planned(self) -> None:
        widths, self._widths = self._widths, {}
        sized = {self.docks[name]: width for name, width in widths.items()}
        docks = [dock for dock in sized if dock.is_in_front and not dock.isFloating()]
        if docks:
            self._window.resizeDocks(
                docks, [sized[dock] for dock in docks], Qt.Orientation.Horizontal
            )

    def _settle(self) -> None:
        """Follow what the person did with the docks: widths, titles, tabs and check marks."""
        self._resize_planned()
        for name, dock in self.docks.items():
            is_tab = bool(self._window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            dock.show_title(is_shown=not is_tab)
            self.actions[name].setChecked(not dock.isHidden())
        for bar in self._window.findChildren(
            QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            bar.setUsesScrollButtons(False)  # narrow tabs shorten their words instead
            bar.setElideMode(Qt.TextElideMode.ElideRight)
            bar.setAccessibleName(_translate("Panels"))


def _first_control(panel: QWidget) -> QWidget | None:
    """The control nearest to a panel's top left, or the one that it names itself."""
    if panel.focusProxy() is not None:
        return panel.focusProxy()
    # Not by nextInFocusChain: PySide then takes the next widget for a child of this one, round to
    # the window itself, and when one of them is deleted the window counts as deleted, too.
    controls = [control for control in panel.findChildren(QWidget) if _is_tab_stop(control)]

    def from_corner(control: QWidget) -> int:
        return control.mapTo(panel, QPoint()).manhattanLength()

    return min(controls, key=from_corner, default=None)


def _is_tab_stop(control: QWidget) -> bool:
    is_stop = bool(control.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return is_stop and control.isVisible() and control.isEnabled()


def _has_focus(dock: QDockWidget) -> bool:
    focused = QApplication.focusWidget()
    return focused is not None and dock.isAncestorOf(focused)


def _translate(text: str) -> str:
    return QCoreApplication.translate("docks", text)
