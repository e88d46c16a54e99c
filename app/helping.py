"""What the Help menu shows: any action, the guide, the sheet of shortcuts."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from app.action_finder import ActionFinder
from app.guide import Guide, guide_pages
from app.menu_entries import menu_actions
from app.shortcut_sheet import ShortcutSheet

if TYPE_CHECKING:
    from app.main_window import MainWindow


class Helping(QObject):
    """Opens the windows of the Help menu; the guide is there once and stays open beside work."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window

    def find_action(self) -> None:
        """Ask for a few letters and offer the actions that fit."""
        window = self._window
        finder = ActionFinder(
            menu_actions(window.menuBar()),
            window.commands.why_not,
            window.appearance.palette,
            window,
        )
        window.show_dialog(finder)
        finder.line.setFocus()

    def show_shortcuts(self) -> None:
        """Show all keys on one sheet."""
        self._window.show_dialog(ShortcutSheet(menu_actions(self._window.menuBar()), self._window))

    def show_guide(self) -> None:
        """Open the guide beside the window, or bring it to the front."""
        guide = self._window.findChild(Guide)
        if guide is None:
            guide = Guide(guide_pages(menu_actions(self._window.menuBar())), self._window)
            guide.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        guide.show()
        guide.raise_()
        guide.activateWindow()
