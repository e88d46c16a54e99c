"""What can be done with every panel: copy it, save it, and its menu."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QSettings, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from app.panels.panel import Panel
from app.saving import FORMATS, copy_picture, copy_table, file_name, save_panel
from core.errors import ExportError

if TYPE_CHECKING:
    from app.main_window import MainWindow

FOLDER_SETTING = "folders/pictures"


class PanelDeeds(QObject):
    """Copies and saves panels; knows which one is in use."""

    def __init__(self, window: "MainWindow", settings: QSettings) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._in_use = ""  # of the docks; "" for the graph
        QApplication.instance().focusChanged.connect(self._on_focus_changed)

    def slots(self) -> dict[str, Callable[[], object]]:
        """What the actions about the panel in use do."""
        return {
            "copy_picture": lambda: self.copy_picture(self.in_use),
            "copy_table": lambda: self.copy_table(self.in_use),
            "save_panel": lambda: self.save(self.in_use),
        }

    @property
    def in_use(self) -> Panel:
        """The panel that had the keys last, if it can be seen; else the graph."""
        panel = self._window.parts.docked.get(self._in_use)
        return panel if panel is not None and panel.isVisible() else self._window.parts.graph

    def copy_picture(self, panel: Panel) -> None:
        """Put a picture of the panel onto the clipboard."""
        copy_picture(panel)
        self._say(self.tr("{} is on the clipboard as a picture.").format(panel.title()))

    def copy_table(self, panel: Panel) -> None:
        """Put the panel's numbers onto the clipboard, or tell that it has none."""
        try:
            copy_table(panel)
        except ExportError as error:
            self._window.show_error(str(error), error.details)
        else:
            self._say(self.tr("{} is on the clipboard as a table.").format(panel.title()))

    def save(self, panel: Panel, suffix: str = ".png") -> None:
        """Ask for a file and write the panel into it."""
        run = self._window.session.run_name
        folder = Path(str(self._settings.value(FOLDER_SETTING, Path.home())))
        names = {".png": self.tr("PNG (*.png)"), ".svg": self.tr("SVG (*.svg)")}
        names[".csv"] = self.tr("CSV (*.csv)")
        path, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save {}").format(panel.title()),
            str(folder / file_name(panel, run, suffix)),
            ";;".join([names.pop(suffix), *names.values()]),
        )
        if not path:
            return
        self._settings.setValue(FOLDER_SETTING, str(Path(path).parent))
        try:
            save_panel(panel, Path(path))
        except ExportError as error:
            self._window.show_error(str(error), error.details)
        else:
            self._say(self.tr("Wrote {}.").format(path))

    def show_menu(self, name: str, point: QPoint) -> None:
        """Show the menu of a dock's panel at a point of the screen."""
        self.menu(name).popup(point)

    def menu(self, name: str) -> QMenu:
        """Make the menu of a dock's panel."""
        docks = self._window.parts.docks
        dock = docks.docks[name]
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.add_to_menu(menu, dock.panel)
        menu.addSeparator()
        words = self.tr("Put back") if dock.isFloating() else self.tr("Float")
        menu.addAction(words, dock.float_button.click)
        menu.addAction(self.tr("Close"), dock.close)
        return menu

    def add_to_menu(self, menu: QMenu, panel: Panel) -> None:
        """Offer to copy and save a panel."""
        menu.addAction(self.tr("Copy as picture"), partial(self.copy_picture, panel))
        copy = menu.addAction(self.tr("Copy as table"), partial(self.copy_table, panel))
        menu.addSeparator()
        for suffix in FORMATS:
            words = self.tr("Save as {}…").format(suffix[1:].upper())
            last = menu.addAction(words, partial(self.save, panel, suffix))
            if suffix == ".csv":
                last.setEnabled(panel.table() is not None)
        copy.setEnabled(panel.table() is not None)

    def _say(self, words: str) -> None:
        self._window.parts.status.say(words)

    def _on_focus_changed(self, _: QWidget | None, now: QWidget | None) -> None:
        if now is None:
            return
        docked = self._window.parts.docked
        self._in_use = next((name for name, p in docked.items() if p.isAncestorOf(now)), "")
