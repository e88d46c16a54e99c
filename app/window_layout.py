"""Where the panels stand in the window: graph in the middle, docks right and below."""

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Actions
from app.panels.graph import GraphPanel
from app.panels.inspector import InspectorPanel
from app.panels.log import LogPanel
from app.panels.results import ResultsPanel
from app.panels.settings import SettingsPanel
from app.panels.status import StatusPanel
from app.panels.trajectory import TrajectoryPanel
from app.panels.welcome import WelcomePanel
from app.session_state import SessionState
from app.theme import SPACE_M

WINDOW_PX = (1280, 800)
RIGHT_WIDTH_PX = 340
BOTTOM_HEIGHT_PX = 300
TOOL_ICON_PX = 18
# The usual style puts the words right at the icon and draws a gradient behind them.
TOOLBAR_STYLE = "QToolBar { border: none; padding: 3px 6px; spacing: 2px; }"
ICON_ONLY = ("fit", "zoom_out", "zoom_in")
# Layouts of another version are not restored: the docks were others.
LAYOUT_VERSION = 1
GEOMETRY_SETTING, STATE_SETTING = "window/geometry", "window/state"


class WindowLayout:
    """Makes the panels and places them; remembers where the person moved them."""

    def __init__(self, window: QMainWindow, actions: Actions, settings: QSettings) -> None:
        self._window = window
        self._settings = settings
        self._is_working = False  # the docks show as soon as something is opened
        self.welcome = WelcomePanel(actions["open"], actions["demo"])
        self.graph = GraphPanel(settings=settings)
        self.results = ResultsPanel()
        self.trajectory = TrajectoryPanel()
        self.inspector = InspectorPanel()
        self.settings = SettingsPanel()
        self.log = LogPanel()
        self.status = StatusPanel()
        self.panels = (
            self.welcome,
            self.graph,
            self.results,
            self.trajectory,
            self.inspector,
            self.settings,
            self.log,
            self.status,
        )
        self._place_middle(actions)
        self._place_docks()
        self._place_bars(actions)
        window.setWindowTitle(window.tr("Espalier"))
        window.resize(*WINDOW_PX)
        if geometry := self._stored(GEOMETRY_SETTING):
            window.restoreGeometry(geometry)

    def show_state(self, state: SessionState) -> None:
        """Show the invitation or the work, and lock the settings while a run goes on."""
        self.status.show_state(state)
        self.settings.set_editable(not state.is_busy)
        if state is not SessionState.EMPTY and not self._is_working:
            self._begin_working()

    def inspect_layer(self, name: str) -> None:
        """Bring the inspector to the front with that layer."""
        self.inspector.select_layer(name)
        if name and not self._docks["inspector"].isHidden():
            self._docks["inspector"].raise_()

    def save(self) -> None:
        """Remember the window's place, and the docks' if they were in use."""
        self._settings.setValue(GEOMETRY_SETTING, self._window.saveGeometry())
        if self._is_working:
            self._settings.setValue(STATE_SETTING, self._window.saveState(LAYOUT_VERSION))

    def _begin_working(self) -> None:
        self._is_working = True
        self._middle.setCurrentIndex(1)
        for dock in self._docks.values():
            dock.show()
        state = self._stored(STATE_SETTING)
        if state is None or not self._window.restoreState(state, LAYOUT_VERSION):
            self._arrange_docks()

    def _arrange_docks(self) -> None:
        # Only now that they show: of hidden docks Qt leaves a stray tab bar in the corner.
        window, docks = self._window, self._docks
        window.tabifyDockWidget(docks["trajectory"], docks["log"])
        window.tabifyDockWidget(docks["settings"], docks["inspector"])
        window.resizeDocks([docks["settings"]], [RIGHT_WIDTH_PX], Qt.Orientation.Horizontal)
        window.resizeDocks([docks["trajectory"]], [BOTTOM_HEIGHT_PX], Qt.Orientation.Vertical)
        docks["trajectory"].raise_()
        docks["settings"].raise_()

    def _place_middle(self, actions: Actions) -> None:
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self.graph, 1)
        layout.addWidget(self.results)
        for name in ("export", "run_folder"):
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.results.add_button(button)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.welcome)
        self._middle.addWidget(work)
        self._window.setCentralWidget(self._middle)

    def _place_docks(self) -> None:
        window, right, bottom = (
            self._window,
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self._docks = {
            "trajectory": self._dock("trajectory", window.tr("Trajectory"), self.trajectory),
            "log": self._dock("log", window.tr("Log"), self.log),
            "settings": self._dock("settings", window.tr("Settings"), self.settings),
            "inspector": self._dock("inspector", window.tr("Layer"), self.inspector),
        }
        window.setCorner(Qt.Corner.BottomRightCorner, right)
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for name, area in (
            ("trajectory", bottom),
            ("log", bottom),
            ("settings", right),
            ("inspector", right),
        ):
            window.addDockWidget(area, self._docks[name])
        for dock in self._docks.values():
            dock.hide()

    def _dock(self, name: str, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setWidget(panel)
        dock.setTitleBarWidget(QWidget(dock))  # the tab says the same already
        return dock

    def _place_bars(self, actions: Actions) -> None:
        window = self._window
        actions.fill_menus(
            window.menuBar(), [dock.toggleViewAction() for dock in self._docks.values()]
        )
        bar = QToolBar(window.tr("Tools"))
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(TOOL_ICON_PX, TOOL_ICON_PX))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        actions.fill_toolbar(bar)
        bar.setStyleSheet(TOOLBAR_STYLE)
        for name in ICON_ONLY:
            button = bar.widgetForAction(actions[name])
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        window.addToolBar(bar)
        window.statusBar().setSizeGripEnabled(False)
        window.statusBar().addWidget(self.status, 1)

    def _stored(self, setting: str) -> QByteArray | None:
        value = self._settings.value(setting)
        return value if isinstance(value, QByteArray) else None
