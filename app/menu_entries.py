"""Every action of the menus with the way to it: for finding actions and for the sheet of keys."""

from collections.abc import Iterator

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

PATH_SIGN = " › "


def menu_actions(bar: QMenuBar) -> Iterator[tuple[str, QAction]]:
    """Yield every action of a menu bar with its place: "View › Panels"."""
    for top in bar.actions():
        menu = top.menu()
        if isinstance(menu, QMenu):
            yield from _actions_of(menu, plain_text(top))


def plain_text(action: QAction) -> str:
    """What an action is called, without the sign for its mnemonic."""
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")


def keys_text(action: QAction) -> str:
    """Its shortcut as it is written on this system, "" for none."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def _actions_of(menu: QMenu, place: str) -> Iterator[tuple[str, QAction]]:
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _actions_of(inner, f"{place}{PATH_SIGN}{plain_text(action)}")
        elif not action.isSeparator() and action.text():
            yield place, action
