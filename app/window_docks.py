"""The docks round the graph: they move, float, close and come back."""

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QCoreApplication, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

from app.icons import icon
from app.panels.docks import DOCKS, Area
from app.panels.panel import Panel
from app.theme import SPACE_M, SPACE_XS, Palette

AREAS: dict[Area, Qt.DockWidgetArea] = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
SIDE_WIDTH_PX = 340
BOTTOM_HEIGHT_PX = 300
TITLE_HEIGHT_PX = 24
TITLE_ICON_PX = 14
# Layouts of another version are not restored: the docks were others.
LAYOUT_VERSION = 2


class PanelDock(QDockWidget):
    """A panel in a dock, with a slim title that has its buttons.

    Signals:
        menu_requested(str, QPoint): the buttons' menu of this panel, at a point of the screen.
        closed_or_opened(): whether it is open may have changed.
    """

    menu_requested = Signal(str, QPoint)
    closed_or_opened = Signal()

    def __init__(self, name: str, panel: Panel, window: QMainWindow) -> None:
        super().__init__(panel.title(), window)
        self.setObjectName(name)
        self.setWidget(panel)
        self.panel = panel
        self._label = QLabel(panel.title())
        self._label.setProperty("role", "caption")
        words = panel.title()
        self.menu_button = self._button(self.tr("Save and copy {}").format(words))
        self.float_button = self._button(self.tr("Float or put back {}").format(words))
        self.close_button = self._button(self.tr("Close {}").format(words))
        self.setTitleBarWidget(self._title_bar())
        self.menu_button.clicked.connect(self._on_menu)
        self.float_button.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self.close_button.clicked.connect(self.close)
        self.toggleViewAction().toggled.connect(self.closed_or_opened)
        self.is_in_front = False  # open, and no other tab covers it
        self.visibilityChanged.connect(self._on_visibility_changed)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()  # else the window would offer its list of docks
        self.menu_requested.emit(self.objectName(), event.globalPos())

    def use_palette(self, palette: Palette) -> None:
        """Draw the buttons in other colours."""
        for button, name in (
            (self.menu_button, "more"),
            (self.float_button, "float"),
            (self.close_button, "close"),
        ):
            button.setIcon(icon(name, palette, palette.muted_text))

    def show_title(self, *, is_shown: bool) -> None:
        """Say what the panel is, unless a tab says so already."""
        self._label.setText(self.windowTitle() if is_shown else "")

    def _on_visibility_changed(self, is_in_front: bool) -> None:
        """Let a panel behind another tab neither draw nor take the keys: Qt calls it visible."""
        self.is_in_front = is_in_front
        self.panel.setVisible(is_in_front)
        focus = Qt.FocusPolicy.TabFocus if is_in_front else Qt.FocusPolicy.NoFocus
        for button in (self.menu_button, self.float_button, self.close_button):
            button.setFocusPolicy(focus)

    def _on_menu(self) -> None:
        corner = self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height()))
        self.menu_requested.emit(self.objectName(), corner)

    def _button(self, words: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setFixedSize(TITLE_HEIGHT_PX - 2, TITLE_HEIGHT_PX - 2)
        button.setIconSize(QSize(TITLE_ICON_PX, TITLE_ICON_PX))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _title_bar(self) -> QWidget:
        bar = QWidget()
        bar.setFixedHeight(TITLE_HEIGHT_PX)
        bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(SPACE_M, 0, SPACE_XS, 0)
        layout.setSpacing(SPACE_XS)
        layout.addWidget(self._label, 1)
        for button in (self.menu_button, self.float_button, self.close_button):
            layout.addWidget(button)
        return bar


class WindowDocks:
    """Makes a dock for every entry of DOCKS, arranges them, and has an action for each."""

    def __init__(self, window: QMainWindow, panels: Mapping[str, Panel]) -> None:
        self._window = window
        self.docks = {name: PanelDock(name, panel, window) for name, panel in panels.items()}
        self.actions = {name: self._action(name) for name in self.docks}
        # Its menu of docks and toolbars would be a second one beside View > Panels.
        window.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        window.setCorner(Qt.Corner.BottomRightCorner, AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, AREAS["left"])
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._settle_timer = QTimer(window, singleShot=True, interval=0)
        self._settle_timer.timeout.connect(self._settle)
        for name, dock in self.docks.items():
            window.addDockWidget(AREAS[DOCKS[name].area], dock)
            dock.hide()
            for signal in (dock.dockLocationChanged, dock.topLevelChanged, dock.closed_or_opened):
                signal.connect(self._settle_soon)

    def use_palette(self, palette: Palette) -> None:
        """Draw the titles' buttons in other colours."""
        for dock in self.docks.values():
            dock.use_palette(palette)

    def arrange(self) -> None:
        """Put every dock where it stands at first."""
        window = self._window
        for name, dock in self.docks.items():
            dock.setFloating(False)
            window.addDockWidget(AREAS[DOCKS[name].area], dock)
            # Only shown docks become tabs: of hidden ones Qt leaves a stray bar in the corner.
            dock.setVisible(DOCKS[name].is_open)
        for area in AREAS:
            docks = [
                dock
                for name, dock in self.docks.items()
                if DOCKS[name].area == area and DOCKS[name].is_open
            ]
            for dock in docks[1:]:
                window.tabifyDockWidget(docks[0], dock)
            for dock in docks[:1]:
                dock.raise_()
                self._resize(dock, area)

    def _resize(self, dock: PanelDock, area: Area) -> None:
        is_bottom = area == "bottom"
        way = Qt.Orientation.Vertical if is_bottom else Qt.Orientation.Horizontal
        size = BOTTOM_HEIGHT_PX if is_bottom else SIDE_WIDTH_PX
        self._window.resizeDocks([dock], [size], way)

    def restore(self, state: QByteArray | None) -> None:
        """Put the docks where they stood; where they stand at first if that is not known."""
        self.arrange()
        if state is not None:
            self._window.restoreState(state, LAYOUT_VERSION)
        self._settle_soon()

    def state(self) -> QByteArray:
        """Where the docks stand, for `restore`."""
        return self._window.saveState(LAYOUT_VERSION)

    def show_panel(self, name: str) -> None:
        """Open a panel and bring it to the front; the keys go to it."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        dock.panel.show()  # the keys can only go to what is shown
        first = _first_control(dock.panel)
        if first is not None:
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def bring_forward(self, name: str) -> None:
        """Show a panel that is open, unless the keys go to one that it would cover."""
        dock = self.docks[name]
        covered = self._window.tabifiedDockWidgets(dock)
        if not dock.isHidden() and not any(_has_focus(other) for other in covered):
            dock.raise_()

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
        question = QCoreApplication.translate("docks", DOCKS[name].question)
        written = keys.toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{question} ({written})" if written else question)
        action.triggered.connect(lambda: self._on_triggered(name))
        return action

    def _settle_soon(self, *_: object) -> None:
        self._settle_timer.start()

    def _settle(self) -> None:
        """Follow what the person did with the docks: titles, tabs and check marks."""
        for name, dock in self.docks.items():
            is_tab = bool(self._window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            dock.show_title(is_shown=not is_tab)
            self.actions[name].setChecked(not dock.isHidden())
        for bar in self._window.findChildren(
            QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            bar.setVisible(self._is_in_use(bar))
            bar.setUsesScrollButtons(False)  # narrow tabs shorten their words instead
            bar.setElideMode(Qt.TextElideMode.ElideRight)
            bar.setAccessibleName(_translate("Panels"))

    def _is_in_use(self, bar: QTabBar) -> bool:
        """Whether a bar has the tabs of docks as they stand; Qt leaves old ones about."""
        titles = {bar.tabText(tab) for tab in range(bar.count())}
        first = next((dock for dock in self.docks.values() if dock.windowTitle() in titles), None)
        if first is None:
            return False
        others = self._window.tabifiedDockWidgets(first)
        return titles == {dock.windowTitle() for dock in (first, *others) if not dock.isHidden()}


def _first_control(panel: QWidget) -> QWidget | None:
    """The first control of a panel that Tab would reach, or the one it names itself."""
    if panel.focusProxy() is not None:
        return panel.focusProxy()
    control = panel.nextInFocusChain()
    while control is not panel:
        is_stop = bool(control.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if is_stop and panel.isAncestorOf(control) and control.isVisible() and control.isEnabled():
            return control
        control = control.nextInFocusChain()
    return None


def _has_focus(dock: QDockWidget) -> bool:
    focused = QApplication.focusWidget()
    return focused is not None and dock.isAncestorOf(focused)


def _translate(text: str) -> str:
    return QCoreApplication.translate("docks", text)
