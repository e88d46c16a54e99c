"""Every action once: for the menus, the toolbar, the shortcuts and the tests."""

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar

from app.action_menus import MENUS, SEPARATOR, THEMES, TOOLBAR, VIEW_MENU
from app.action_table import ACTIONS, ActionWords, reason
from app.icons import icon
from app.session_state import SessionState
from app.theme import Palette


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
        self._state = SessionState.EMPTY
        self._lacking: dict[str, str] = {}  # action -> what it needs first
        self.show_state(SessionState.EMPTY)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all actions."""
        return tuple(self._actions)

    def why_not(self, action: QAction) -> str:
        """Say why an action cannot be done now; "" if it can."""
        if action.isEnabled():
            return ""
        name = action.objectName()
        lacking = self._lacking.get(name, "")
        if name not in ACTIONS or self._state in ACTIONS[name].states:
            return lacking or self.tr("Not possible now.")
        return _translate(reason(ACTIONS[name].states))

    def require(self, name: str, lacking: str) -> None:
        """Disable an action until what it needs first is there; "" if nothing is lacking."""
        self._lacking[name] = lacking
        self._actions[name].setEnabled(not lacking and self._state in ACTIONS[name].states)

    def show_state(self, state: SessionState, *, has_run_folder: bool = False) -> None:
        """Enable what makes sense now."""
        self._state = state
        for name in ("run_folder", "round"):
            self._lacking[name] = "" if has_run_folder else self.tr("Search first.")
        for name, words in ACTIONS.items():
            is_possible = state in words.states and not self._lacking.get(name)
            self._actions[name].setEnabled(is_possible)
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
                self._add(menu.addMenu(self.tr("Th&eme")), THEMES)

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
        inner = menu.addMenu(self.tr("P&anels"))
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
