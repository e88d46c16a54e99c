"""The window: it puts panels, actions and the session together, and decides nothing else."""

import argparse
import os
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QMainWindow,
    QMessageBox,
)

from app.actions import Actions
from app.appearance import Appearance
from app.command_line import names_something, run_config
from app.dialogs import ExportDialog, OpenDialog, about_box, close_question, exported_box
from app.dialogs_error import ErrorQueue
from app.icons import app_icon
from app.panels.source import Source, source_of_drop
from app.session import Session
from app.session_state import SessionState
from app.theme import Palette
from app.window_layout import WindowLayout
from core.config import RunConfig, load_run_config, to_toml
from core.errors import ConfigError
from core.events import Event, ExportFinished, NetworkOpened, RecordingFailed

# A thread deep in a conversion hears nothing for a while; the person need not wait for it.
CLOSE_PATIENCE_MS = 1500


class MainWindow(QMainWindow):
    """Everything on the screen.

    Signals:
        first_painted(): the window is on the screen.
        closed(): the window is gone; if the session is not quiet, its thread hears nothing.
    """

    first_painted = Signal()
    closed = Signal()

    def __init__(self, session: Session, appearance: Appearance, settings: QSettings) -> None:
        super().__init__()
        self.session = session
        self.appearance = appearance
        self.commands = Actions(self._slots(), self)
        self.parts = WindowLayout(self, self.commands, settings)
        self.panels = self.parts.panels
        self.errors = ErrorQueue(self)
        self.dialog: QDialog | None = None
        self._settings = settings
        self._is_painted = False
        self._export_folder: Path | None = None
        self._patience = QTimer(self, interval=CLOSE_PATIENCE_MS, singleShot=True)
        self._patience.timeout.connect(self._leave)
        self.setAcceptDrops(True)
        self._connect()
        self.use_palette(appearance.palette)
        self.commands[f"theme_{appearance.choice}"].setChecked(True)
        self._show_state(session.state)

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything that paints itself."""
        self.commands.use_palette(palette)
        for panel in self.panels:
            panel.use_palette(palette)

    def show_error(self, message: str, details: str = "") -> None:
        """Tell what went wrong, in the log and in a dialog."""
        self.parts.log.write_error(message)
        self.errors.show_error(message, details, self.appearance.palette)

    def open_source(self, source: Source) -> None:
        """Ask what to open, filled in with `source`."""
        dialog = OpenDialog(source, self.parts.settings.source, self)
        dialog.accepted.connect(lambda: self._on_open_accepted(dialog))
        self._show_dialog(dialog)

    def start(self, config: RunConfig) -> None:
        """Show the settings and search with them."""
        self.parts.settings.set_config(config)
        self._on_start()

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._is_painted:
            self._is_painted = True
            self.first_painted.emit()
        return handled

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.is_quiet:
            event.accept()
            self._leave()
            return
        event.ignore()
        if self.session.state.is_run and not self.session.is_shutting_down:
            box = close_question(self)
            box.button(QMessageBox.StandardButton.Discard).clicked.connect(self._shut_down)
            self._show_dialog(box)
        else:
            self._shut_down()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped_source(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        source = self._dropped_source(event)
        if source is not None:
            event.acceptProposedAction()
            self.open_source(source)

    def _slots(self) -> dict[str, object]:
        return {
            "open": self._on_open,
            "demo": self._on_demo,
            "load_settings": self._on_load_settings,
            "save_settings": self._on_save_settings,
            "export": self._on_export,
            "run_folder": self._on_run_folder,
            "quit": self.close,
            "start": self._on_start,
            "pause": self._on_pause,
            "stop": self.session.stop,
            "fit": lambda: self.parts.graph.fit(),
            "zoom_in": lambda: self.parts.graph.zoom_in(),
            "zoom_out": lambda: self.parts.graph.zoom_out(),
            "theme_system": lambda: self.appearance.choose("system"),
            "theme_light": lambda: self.appearance.choose("light"),
            "theme_dark": lambda: self.appearance.choose("dark"),
            "about": lambda: self._show_dialog(about_box(self)),
        }

    def _connect(self) -> None:
        layout = self.parts
        for panel in self.panels:
            self.session.event_received.connect(panel.show_event)
        self.session.event_received.connect(self._on_event)
        self.session.state_changed.connect(self._show_state)
        self.session.failed.connect(self.show_error)
        self.session.choices_listed.connect(layout.settings.set_choices)
        self.session.shut_down_finished.connect(self.close)
        self.appearance.palette_changed.connect(self.use_palette)
        layout.graph.layer_selected.connect(layout.inspect_layer)
        layout.inspector.layer_selected.connect(layout.graph.select_layer)

    def _show_state(self, state: SessionState) -> None:
        has_run_folder = self.session.run_folder is not None
        self.commands.show_state(state, has_run_folder=has_run_folder)
        self.parts.show_state(state)

    def _on_event(self, event: Event) -> None:
        match event:
            case NetworkOpened():
                self.setWindowTitle(self.tr("{} – Espalier").format(event.network))
            case RecordingFailed():
                self.errors.show_error(event.message, "", self.appearance.palette)
            case ExportFinished() if self._export_folder is not None:
                self._show_dialog(exported_box(self, self._export_folder, event))

    def _on_open(self) -> None:
        self.open_source(self.parts.settings.source.source)

    def _on_open_accepted(self, dialog: OpenDialog) -> None:
        form = self.parts.settings.source
        form.set_source(dialog.form.source)
        form.consent.setChecked(dialog.form.consent.isChecked())
        if (config := self._config()) is not None:
            self.session.open(config, allow_download=form.may_download)

    def _on_demo(self) -> None:
        config = self._config() or RunConfig()
        self.start(Source.of(RunConfig()).put_into(config))

    def _on_start(self) -> None:
        if (config := self._config()) is not None:
            self._export_folder = None
            form = self.parts.settings.source
            self.session.start(config, allow_download=form.may_download)

    def _on_pause(self) -> None:
        if self.session.state is SessionState.PAUSED:
            self.session.resume()
        else:
            self.session.pause()

    def _on_export(self) -> None:
        folder = self._export_folder or Path.home() / "espalier-export"
        dialog = ExportDialog(folder, self)
        dialog.accepted.connect(lambda: self._on_export_accepted(dialog))
        self._show_dialog(dialog)

    def _on_export_accepted(self, dialog: ExportDialog) -> None:
        self._export_folder = dialog.chosen_folder
        self.session.export(dialog.chosen_folder, dialog.chosen_formats)

    def _on_run_folder(self) -> None:
        folder = self.session.run_folder
        if folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.show_error(self.tr("Cannot show {}. Open it in a file manager.").format(folder))

    def _on_load_settings(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Load settings"), "", self.tr("Settings (*.toml);;All files (*)")
        )
        if not path:
            return
        try:
            self.parts.settings.set_config(load_run_config(Path(path)))
        except ConfigError as error:
            self.show_error(str(error), error.details)

    def _on_save_settings(self) -> None:
        config = self._config()
        if config is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save settings"), "espalier.toml", self.tr("Settings (*.toml)")
        )
        if not path:
            return
        try:
            Path(path).write_text(to_toml(config), encoding="utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = self.tr("Cannot write settings to {}: {}. Choose another place.")
            self.show_error(sentence.format(path, reason))

    def _config(self) -> RunConfig | None:
        try:
            return self.parts.settings.config()
        except ConfigError as error:
            self.show_error(str(error), error.details)
            return None

    def _shut_down(self) -> None:
        self.errors.close()
        self._patience.start()
        self.session.shut_down()

    def _leave(self) -> None:
        self._patience.stop()
        self.parts.save()
        self.hide()
        self.closed.emit()

    def _show_dialog(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog = dialog
        dialog.open()

    def _dropped_source(self, event: QDropEvent) -> Source | None:
        urls = event.mimeData().urls()
        if self.session.state.is_busy or len(urls) != 1 or not urls[0].isLocalFile():
            return None
        form = self.parts.settings.source
        return source_of_drop(Path(urls[0].toLocalFile()), form.networks, form.source)


def run_window(arguments: argparse.Namespace) -> int:
    """Show the window, then do what the command line says; returns the exit code."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Espalier")
    app.setOrganizationName("Espalier")
    app.setDesktopFileName("espalier")
    app.setWindowIcon(app_icon())
    settings = QSettings()
    session = Session()
    window = MainWindow(session, Appearance(app, settings), settings)
    window.closed.connect(app.quit)
    window.first_painted.connect(
        lambda: _begin(window, arguments), Qt.ConnectionType.QueuedConnection
    )
    window.show()
    exit_code = app.exec()
    if not session.is_quiet:
        # Destroying a running QThread aborts the program. Files are written whole or not at
        # all, so what is on the disk is good.
        settings.sync()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    return exit_code


def _begin(window: MainWindow, arguments: argparse.Namespace) -> None:
    """Load the heavy libraries and open what was asked for, now that the window is visible."""
    window.session.prepare()
    if not names_something(arguments):
        return
    config = run_config(arguments)
    if arguments.start:
        window.start(config)
    else:
        window.parts.settings.set_config(config)
        window.session.open(config)
