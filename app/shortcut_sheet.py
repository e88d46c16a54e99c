"""Help > Keyboard shortcuts: all keys of the menus and of the graph on one sheet."""

from collections.abc import Iterable

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.menu_entries import PATH_SIGN, keys_text, plain_text
from app.panels.parts import heading_label, scrolled
from app.theme import SPACE_L, SPACE_S, SPACE_XL

SIZE_PX = (780, 600)
COLUMNS = 2
IN_THE_GRAPH = QT_TRANSLATE_NOOP("shortcuts", "In the graph")
# What the graph does with keys of its own.
GRAPH_KEYS = (
    ("← ↑ → ↓", QT_TRANSLATE_NOOP("shortcuts", "Select the next layer that way")),
    ("Home, End", QT_TRANSLATE_NOOP("shortcuts", "Select the first or the last layer")),
    ("Return", QT_TRANSLATE_NOOP("shortcuts", "Unfold the selected block")),
    ("Backspace", QT_TRANSLATE_NOOP("shortcuts", "Fold the block round the selected layer")),
    ("+ −", QT_TRANSLATE_NOOP("shortcuts", "Zoom in or out")),
    ("F", QT_TRANSLATE_NOOP("shortcuts", "Show the whole network")),
)

Row = tuple[str, str]  # keys, what they do


class ShortcutSheet(QDialog):
    """Groups of keys in two columns."""

    def __init__(self, actions: Iterable[tuple[str, QAction]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.groups = shortcut_groups(actions)
        body = QWidget()
        columns = QHBoxLayout(body)
        columns.setSpacing(2 * SPACE_XL)
        for column in _balanced(self.groups):
            stack = QVBoxLayout()
            stack.setSpacing(SPACE_L)
            for title in column:
                stack.addWidget(_group(title, self.groups[title]))
            stack.addStretch(1)
            columns.addLayout(stack, 1)
        scroll = scrolled(body, self.windowTitle())
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing in it takes keys that scroll
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addWidget(buttons)
        self.resize(*SIZE_PX)


def shortcut_groups(actions: Iterable[tuple[str, QAction]]) -> dict[str, list[Row]]:
    """Gather the keys of all actions by menu: title to rows."""
    groups: dict[str, list[Row]] = {}
    for place, action in actions:
        if keys := keys_text(action):
            groups.setdefault(place.split(PATH_SIGN)[-1], []).append((keys, plain_text(action)))
    groups[_translate(IN_THE_GRAPH)] = [(keys, _translate(words)) for keys, words in GRAPH_KEYS]
    return groups


def _balanced(groups: dict[str, list[Row]]) -> list[list[str]]:
    """Divide the groups among the columns, in order, so that none is much longer."""
    heights = {title: len(rows) + 2 for title, rows in groups.items()}  # with heading and gap
    per_column = sum(heights.values()) / COLUMNS
    columns: list[list[str]] = [[] for _ in range(COLUMNS)]
    above = 0.0
    for title, height in heights.items():
        columns[min(COLUMNS - 1, int((above + height / 2) / per_column))].append(title)
        above += height
    return columns


def _group(title: str, rows: list[Row]) -> QWidget:
    group = QWidget()
    layout = QGridLayout(group)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(SPACE_S)
    layout.setHorizontalSpacing(SPACE_L)
    layout.addWidget(heading_label(title), 0, 0, 1, 2)
    for line, (keys, words) in enumerate(rows, start=1):
        label = QLabel(keys)
        label.setProperty("role", "caption")
        layout.addWidget(QLabel(words), line, 0)
        layout.addWidget(label, line, 1, Qt.AlignmentFlag.AlignRight)
    layout.setColumnStretch(0, 1)
    return group


def _translate(text: str) -> str:
    return QCoreApplication.translate("shortcuts", text)
