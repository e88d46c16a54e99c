"""Every action once: for the menus, the toolbar, the shortcuts and the tests."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar

from app.icons import icon
from app.session_state import SessionState
from app.theme import Palette

ALWAYS = frozenset(SessionState)
IDLE = frozenset(state for state in SessionState if not state.is_busy)
STOPPABLE = frozenset(state for state in SessionState if state.is_busy)
PAUSABLE = frozenset({SessionState.SEARCHING, SessionState.PAUSED})
OPENED = ALWAYS - {SessionState.EMPTY}
FINISHED = frozenset({SessionState.FINISHED})


@dataclass(frozen=True)
class ActionWords:
    """How an action is shown, and in which states it makes sense."""

    text: str  # in menus, with an ellipsis if it asks further
    icon_text: str  # on buttons
    tooltip: str
    shortcut: str = ""
    icon: str = ""
    states: frozenset[SessionState] = ALWAYS


class Actions(QObject):
    """All actions by name; whoever owns the window says what each does."""

    def __init__(self, slots: Mapping[str, Callable[[], object]], parent: QObject) -> None:
        """Make every action of ACTIONS; KeyError if one has no slot."""
        super().__init__(parent)
        self._actions = {name: self._make(words) for name, words in ACTIONS.items()}
        for name, action in self._actions.items():
            action.setObjectName(name)
            action.triggered.connect(slots[name])
        themes = QActionGroup(self)
        for name in THEMES:
            self._actions[name].setCheckable(True)
            themes.addAction(self._actions[name])
        self.show_state(SessionState.EMPTY)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def show_state(self, state: SessionState, *, has_run_folder: bool = False) -> None:
        """Enable what makes sense now."""
        for name, words in ACTIONS.items():
            self._actions[name].setEnabled(state in words.states)
        self._actions["run_folder"].setEnabled(has_run_folder)
        pause = self._actions["pause"]
        is_paused = state is SessionState.PAUSED
        pause.setText(self.tr("&Resume") if is_paused else self.tr("&Pause"))
        pause.setIconText(self.tr("Resume") if is_paused else self.tr("Pause"))

    def use_palette(self, palette: Palette) -> None:
        """Draw all icons in other colours."""
        for name, words in ACTIONS.items():
            if words.icon:
                colour = palette.accent if name == "start" else palette.text
                self._actions[name].setIcon(icon(words.icon, palette, colour))

    def fill_menus(self, bar: QMenuBar, panels: Iterable[QAction]) -> None:
        """Put every action into its menu; `panels` show and hide the docks."""
        for title, names in MENUS.items():
            menu = bar.addMenu(_translate(title))
            menu.setToolTipsVisible(True)
            self._add(menu, names)
            if title == VIEW_MENU:
                menu.addSeparator()
                self._panels_menu(menu, panels)
                self._add(menu.addMenu(self.tr("&Theme")), THEMES)

    def fill_toolbar(self, bar: QToolBar) -> None:
        """Put the usual actions on the toolbar."""
        self._add(bar, TOOLBAR)

    def _add(self, target: QMenu | QToolBar, names: Iterable[str]) -> None:
        for name in names:
            if name == SEPARATOR:
                target.addSeparator()
            else:
                target.addAction(self._actions[name])

    def _panels_menu(self, menu: QMenu, panels: Iterable[QAction]) -> None:
        inner = menu.addMenu(self.tr("&Panels"))
        inner.setToolTipsVisible(True)
        inner.addActions(list(panels))
        inner.addSeparator()
        inner.addAction(self._actions["reset_layout"])

    def _make(self, words: ActionWords) -> QAction:
        action = QAction(_translate(words.text), self)
        action.setIconText(_translate(words.icon_text))
        shortcut = QKeySequence(words.shortcut)
        action.setShortcut(shortcut)
        tooltip = _translate(words.tooltip)
        keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{tooltip} ({keys})" if keys else tooltip)
        return action


def _translate(text: str) -> str:
    return QCoreApplication.translate("actions", text)


SEPARATOR = ""
VIEW_MENU = QT_TRANSLATE_NOOP("actions", "&View")
THEMES = ("theme_system", "theme_light", "theme_dark")
TOOLBAR = (
    "open",
    "demo",
    SEPARATOR,
    "start",
    "pause",
    "stop",
    SEPARATOR,
    "export",
    "run_folder",
    SEPARATOR,
    "fit",
    "zoom_out",
    "zoom_in",
)
MENUS = {
    QT_TRANSLATE_NOOP("actions", "&File"): (
        "open",
        "demo",
        SEPARATOR,
        "load_settings",
        "save_settings",
        SEPARATOR,
        "export",
        "run_folder",
        SEPARATOR,
        "quit",
    ),
    QT_TRANSLATE_NOOP("actions", "&Search"): ("start", "pause", "stop"),
    VIEW_MENU: (
        "fit",
        "zoom_in",
        "zoom_out",
        SEPARATOR,
        "find",
        "fold_all",
        "unfold_all",
        "turn",
        "picture",
    ),
    QT_TRANSLATE_NOOP("actions", "&Help"): ("about",),
}
ACTIONS = {
    "open": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Open a network…"),
        QT_TRANSLATE_NOOP("actions", "Open"),
        QT_TRANSLATE_NOOP("actions", "Open a network with its weights and images"),
        "Ctrl+O",
        "open",
        IDLE,
    ),
    "demo": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Try the &demo"),
        QT_TRANSLATE_NOOP("actions", "Try the demo"),
        QT_TRANSLATE_NOOP("actions", "Prune a small network that reads handwritten digits"),
        "Ctrl+D",
        "demo",
        IDLE,
    ),
    "load_settings": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Load settings…"),
        QT_TRANSLATE_NOOP("actions", "Load"),
        QT_TRANSLATE_NOOP("actions", "Read all settings from a file, such as a run's config.toml"),
        "Ctrl+L",
        "load",
        IDLE,
    ),
    "save_settings": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Save settings…"),
        QT_TRANSLATE_NOOP("actions", "Save"),
        QT_TRANSLATE_NOOP("actions", "Write all settings into a file"),
        "Ctrl+S",
        "save",
    ),
    "export": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Export the pruned network…"),
        QT_TRANSLATE_NOOP("actions", "Export"),
        QT_TRANSLATE_NOOP("actions", "Write the pruned network for PyTorch and ONNX"),
        "Ctrl+E",
        "export",
        FINISHED,
    ),
    "run_folder": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Open the &run's folder"),
        QT_TRANSLATE_NOOP("actions", "Run folder"),
        QT_TRANSLATE_NOOP("actions", "Show the files of the last run"),
        "Ctrl+Shift+O",
        "folder",
    ),
    "quit": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Quit"),
        QT_TRANSLATE_NOOP("actions", "Quit"),
        QT_TRANSLATE_NOOP("actions", "Close Espalier"),
        "Ctrl+Q",
        "quit",
    ),
    "start": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Start"),
        QT_TRANSLATE_NOOP("actions", "Start"),
        QT_TRANSLATE_NOOP("actions", "Search a mask with the settings on the right"),
        "Ctrl+R",
        "start",
        IDLE - {SessionState.EMPTY},
    ),
    "pause": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Pause"),
        QT_TRANSLATE_NOOP("actions", "Pause"),
        QT_TRANSLATE_NOOP("actions", "Hold the search after this mask, or go on"),
        "Ctrl+P",
        "pause",
        PAUSABLE,
    ),
    "stop": ActionWords(
        QT_TRANSLATE_NOOP("actions", "S&top"),
        QT_TRANSLATE_NOOP("actions", "Stop"),
        QT_TRANSLATE_NOOP("actions", "Finish with the best mask so far; again: end at once"),
        "Ctrl+.",
        "stop",
        STOPPABLE,
    ),
    "fit": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Fit"),
        QT_TRANSLATE_NOOP("actions", "Fit"),
        QT_TRANSLATE_NOOP("actions", "Show the whole network"),
        "Ctrl+0",
        "fit",
        OPENED,
    ),
    "zoom_in": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Zoom &in"),
        QT_TRANSLATE_NOOP("actions", "Zoom in"),
        QT_TRANSLATE_NOOP("actions", "Show the layers larger"),
        "Ctrl++",
        "zoom_in",
        OPENED,
    ),
    "zoom_out": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Zoom &out"),
        QT_TRANSLATE_NOOP("actions", "Zoom out"),
        QT_TRANSLATE_NOOP("actions", "Show more of the network"),
        "Ctrl+-",
        "zoom_out",
        OPENED,
    ),
    "find": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Find a &layer…"),
        QT_TRANSLATE_NOOP("actions", "Find"),
        QT_TRANSLATE_NOOP("actions", "Search a layer in the graph by its name"),
        "Ctrl+F",
        states=OPENED,
    ),
    "fold_all": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Collapse all"),
        QT_TRANSLATE_NOOP("actions", "Collapse"),
        QT_TRANSLATE_NOOP("actions", "Show every block of the graph as one card"),
        "Ctrl+Shift+C",
        states=OPENED,
    ),
    "unfold_all": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Unfold all"),
        QT_TRANSLATE_NOOP("actions", "Unfold"),
        QT_TRANSLATE_NOOP("actions", "Show every layer of the graph"),
        "Ctrl+Shift+U",
        states=OPENED,
    ),
    "turn": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Turn the graph"),
        QT_TRANSLATE_NOOP("actions", "Turn"),
        QT_TRANSLATE_NOOP("actions", "Draw the graph from left to right or from top to bottom"),
        "Ctrl+Shift+T",
        states=OPENED,
    ),
    "picture": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Save the graph as a &picture…"),
        QT_TRANSLATE_NOOP("actions", "Picture"),
        QT_TRANSLATE_NOOP("actions", "Write the whole graph into an SVG, PNG or PDF file"),
        "Ctrl+Shift+P",
        states=OPENED,
    ),
    "reset_layout": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Reset layout"),
        QT_TRANSLATE_NOOP("actions", "Reset layout"),
        QT_TRANSLATE_NOOP("actions", "Put every panel where it stood at first"),
        "Ctrl+Shift+0",
        states=OPENED,
    ),
    "theme_system": ActionWords(
        QT_TRANSLATE_NOOP("actions", "As the &system"),
        QT_TRANSLATE_NOOP("actions", "System"),
        QT_TRANSLATE_NOOP("actions", "Follow the desktop's colours"),
    ),
    "theme_light": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Light"),
        QT_TRANSLATE_NOOP("actions", "Light"),
        QT_TRANSLATE_NOOP("actions", "Dark on light"),
    ),
    "theme_dark": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Dark"),
        QT_TRANSLATE_NOOP("actions", "Dark"),
        QT_TRANSLATE_NOOP("actions", "Light on dark"),
    ),
    "about": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&About Espalier"),
        QT_TRANSLATE_NOOP("actions", "About"),
        QT_TRANSLATE_NOOP("actions", "What Espalier is"),
        icon="about",
    ),
}
