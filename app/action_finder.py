"""Ctrl+K: a few letters find any action of the menus, and Return does it."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QBrush, QColor, QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.action_search import Entry, rank
from app.menu_entries import keys_text, plain_text
from app.theme import SPACE_M, SPACE_S, Palette

SIZE_PX = (640, 420)
ROOMY_ROWS = f"QAbstractItemView::item {{ padding: {SPACE_S}px {SPACE_M}px; }}"
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class ActionFinder(QDialog):
    """A line to type into and the actions that fit, with keys and, greyed, why not now."""

    def __init__(
        self,
        actions: Iterable[tuple[str, QAction]],
        why_not: Callable[[QAction], str],
        palette: Palette,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Find any action"))
        self._colours = palette
        self._actions: list[QAction] = []
        self._entries: list[Entry] = []
        for place, action in actions:
            self._actions.append(action)
            self._entries.append(_entry(place, action, why_not(action)))
        self._shown: list[int] = []
        self.line = QLineEdit()
        self.line.setPlaceholderText(self.tr("What do you want to do?"))
        self.line.setAccessibleName(self.tr("What do you want to do?"))
        self.line.setClearButtonEnabled(True)
        self.line.installEventFilter(self)
        self.list = self._make_list()
        self.line.textChanged.connect(self._show_matches)
        self.line.returnPressed.connect(self._do_current)
        self.list.activated.connect(self._do_current)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        self.resize(*SIZE_PX)
        self._show_matches("")

    @property
    def titles(self) -> list[str]:
        """The actions that are listed, best first."""
        return [self._entries[place].title for place in self._shown]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The keys that walk the list work while the line keeps the focus.
        is_press = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if not is_press or event.key() not in MOVES:
            return False
        self.list.keyPressEvent(event)
        return True

    def _make_list(self) -> QTreeView:
        view = QTreeView()
        view.setModel(QStandardItemModel(0, 3, self))
        view.setStyleSheet(ROOMY_ROWS)
        view.setHeaderHidden(True)
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        view.setAccessibleName(self.tr("Actions that fit"))
        header = view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        return view

    def _show_matches(self, query: str) -> None:
        self._shown = rank(query, self._entries)
        model = self.list.model()
        assert isinstance(model, QStandardItemModel)
        model.removeRows(0, model.rowCount())
        for place in self._shown:
            model.appendRow(self._row(self._entries[place]))
        self.list.setCurrentIndex(model.index(0, 0))

    def _row(self, entry: Entry) -> list[QStandardItem]:
        words = (entry.title, entry.why_not or entry.place, entry.keys)
        row = [QStandardItem(text) for text in words]
        muted = QBrush(QColor(self._colours.muted_text))
        for item in row[1:] if not entry.why_not else row:
            item.setForeground(muted)
        for item in row:
            item.setToolTip(entry.why_not or entry.help)
        spoken = self.tr("{}, not now: {}") if entry.why_not else "{}, {}"
        row[0].setAccessibleText(spoken.format(entry.title, words[1]))
        row[2].setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return row

    def _do_current(self) -> None:
        row = self.list.currentIndex().row()
        if row < 0 or self._entries[self._shown[row]].why_not:
            return
        action = self._actions[self._shown[row]]
        self.accept()  # first: the action may open a dialog
        action.trigger()


def _entry(place: str, action: QAction, why_not: str) -> Entry:
    return Entry(plain_text(action), place, keys_text(action), action.toolTip(), why_not)
