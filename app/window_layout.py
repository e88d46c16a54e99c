"""Where the panels stand in the window: graph in the middle, docks right and below."""

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Actions
from app.panels.docks import DOCKS
from app.panels.filters import FiltersPanel
from app.panels.finetune import FinetunePanel
from app.panels.graph import GraphPanel
from app.panels.inspector import InspectorPanel
from app.panels.log import LogPanel
from app.panels.masks import MasksPanel
from app.panels.panel import Panel
from app.panels.results import ResultsPanel
from app.panels.settings import SettingsPanel
from app.panels.status import StatusPanel
from app.panels.trajectory import TrajectoryPanel
from app.panels.welcome import WelcomePanel
from app.sealed import sealed, unsealed
from app.selection import Selection
from app.session_state import SessionState
from app.theme import SPACE_M, Palette
from app.window_docks import WindowDocks

WINDOW_PX = (1280, 800)
TOOL_ICON_PX = 18
# The usual style puts the words right at the icon and draws a gradient behind them.
TOOLBAR_STYLE = "QToolBar { border: none; padding: 3px 6px; spacing: 2px; }"
ICON_ONLY = ("fit", "zoom_out", "zoom_in")
GEOMETRY_SETTING, STATE_SETTING = "window/geometry", "window/state"


class WindowLayout:
    """Makes the panels and places them; remembers where the person moved them."""

    def __init__(
        self, window: QMainWindow, actions: Actions, settings: QSettings, selection: Selection
    ) -> None:
        self._window = window
        self._settings = settings
        self._is_working = False  # the docks show as soon as something is opened
        self.welcome = WelcomePanel(actions["open"], actions["demo"])
        self.graph = GraphPanel(selection, settings=settings)
        self.results = ResultsPanel()
        self.status = StatusPanel()
        self.docked: dict[str, Panel] = {
            name: dock.panel(selection) for name, dock in DOCKS.items()
        }
        self.panels = (
            self.welcome,
            self.graph,
            self.results,
            *self.docked.values(),
            self.status,
        )
        self._place_middle(actions)
        self.docks = WindowDocks(window, self.docked)
        self._place_bars(actions)
        window.setWindowTitle(window.tr("Espalier"))
        window.resize(*WINDOW_PX)
        if geometry := self._stored(GEOMETRY_SETTING):
            window.restoreGeometry(geometry)

    @property
    def settings(self) -> SettingsPanel:
        """The settings of a run."""
        panel = self.docked["settings"]
        assert isinstance(panel, SettingsPanel)
        return panel

    @property
    def inspector(self) -> InspectorPanel:
        """Everything about the selected layer."""
        panel = self.docked["inspector"]
        assert isinstance(panel, InspectorPanel)
        return panel

    @property
    def masks(self) -> MasksPanel:
        """All channels; holds the pins."""
        panel = self.docked["masks"]
        assert isinstance(panel, MasksPanel)
        return panel

    @property
    def filters(self) -> FiltersPanel:
        """A layer's filters on images, and the images whose class changed."""
        panel = self.docked["filters"]
        assert isinstance(panel, FiltersPanel)
        return panel

    @property
    def finetune(self) -> FinetunePanel:
        """What becomes of the pruned network in training."""
        panel = self.docked["finetune"]
        assert isinstance(panel, FinetunePanel)
        return panel

    @property
    def trajectory(self) -> TrajectoryPanel:
        """The course of the search."""
        panel = self.docked["trajectory"]
        assert isinstance(panel, TrajectoryPanel)
        return panel

    @property
    def log(self) -> LogPanel:
        """What happened."""
        panel = self.docked["log"]
        assert isinstance(panel, LogPanel)
        return panel

    def use_palette(self, palette: Palette) -> None:
        """Recolour all panels and the docks' titles."""
        self.docks.use_palette(palette)
        for panel in self.panels:
            panel.use_palette(palette)

    def show_state(self, state: SessionState) -> None:
        """Show the invitation or the work, and lock the settings while a run goes on."""
        self.status.show_state(state)
        self.filters.show_state(state)
        self.trajectory.show_state(state)
        self.finetune.show_state(state)
        self.settings.set_editable(not state.is_busy)
        if state is not SessionState.EMPTY and not self._is_working:
            self._is_working = True
            self._middle.setCurrentIndex(1)
            # A page that is hidden would still ask for its height, and take it from the docks.
            self.welcome.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            self.docks.restore(self._stored(STATE_SETTING))

    def inspect_layer(self, name: str) -> None:
        """Bring the selected layer's panel to the front."""
        if name and self._is_working:
            self.docks.bring_forward("inspector")

    def save(self) -> None:
        """Remember the window's place, and the docks' if they were in use."""
        self._settings.setValue(GEOMETRY_SETTING, sealed(self._window.saveGeometry()))
        if self._is_working:
            self._settings.setValue(STATE_SETTING, sealed(self.docks.state()))

    def _place_middle(self, actions: Actions) -> None:
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self.graph, 1)
        layout.addWidget(self.results)
        for name in ("export", "round", "run_folder"):
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.results.add_button(button)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.welcome)
        self._middle.addWidget(work)
        self._window.setCentralWidget(self._middle)

    def _place_bars(self, actions: Actions) -> None:
        window = self._window
        actions.fill_menus(window.menuBar(), self.docks.actions.values())
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
        return unsealed(self._settings.value(setting))
