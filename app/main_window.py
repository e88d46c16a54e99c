"""The window: it puts panels, actions and the session together, and decides nothing else."""

import argparse
import os
import sys

from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QMainWindow,
    QMessageBox,
)

from app.actions import Actions
from app.appearance import Appearance
from app.command_line import names_something, run_config
from app.comparison_deeds import ComparisonDeeds
from app.deeds import Deeds
from app.dialog_queue import DialogQueue
from app.dialogs import close_question, exported_box
from app.helping import Helping
from app.icons import app_icon
from app.interrupts import Interrupts
from app.opening import Opening
from app.panel_deeds import PanelDeeds
from app.panels.health_words import NAMES, translated
from app.pin_lines import PinLinesSync
from app.run_deeds import RunDeeds
from app.selection import Selection
from app.session import Session
from app.session_state import SessionState
from app.theme import Palette
from app.window_layout import WindowLayout
from core.config import RunConfig
from core.events import Event, ExportFinished, HealthRaised, NetworkOpened, RecordingFailed

# A thread deep in a conversion hears nothing for a while; the person need not wait for it.
CLOSE_PATIENCE_MS = 1500
MOST_FOCUS_STEPS = 1000
SWITCH_INTERVAL_SECONDS = 0.001


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
        self.opening = Opening(self, session, settings)
        self.deeds = Deeds(self, session, settings)
        self.panel_deeds = PanelDeeds(self, settings)
        self.helping = Helping(self)
        self.commands = Actions(self.deeds.slots() | self.panel_deeds.slots(), self)
        self.selection = Selection(self)
        self.parts = WindowLayout(self, self.commands, settings, self.selection)
        self.panels = self.parts.panels
        self.pins = self.parts.masks.pins
        self.dialogs = DialogQueue(self)
        self.deeds.restore()
        self.run_deeds = RunDeeds(self, session)
        self.comparison_deeds = ComparisonDeeds(self, session, settings)
        self.comparison_deeds.connect_panel()
        self._patience = QTimer(self, interval=CLOSE_PATIENCE_MS, singleShot=True)
        self._patience.timeout.connect(self._leave)
        self.setAcceptDrops(True)
        self.installEventFilter(self)
        self._connect()
        self.use_palette(appearance.palette)
        self.commands[f"theme_{appearance.choice}"].setChecked(True)
        self._show_state(session.state)

    def use_palette(self, palette: Palette) -> None:
        """Recolour everything that paints itself."""
        self.commands.use_palette(palette)
        self.parts.use_palette(palette)

    def show_error(self, message: str, details: str = "") -> None:
        """Tell what went wrong, in the log and in a dialog."""
        self.parts.log.write_error(message)
        self.dialogs.show_error(message, details, self.appearance.palette)

    def start(self, config: RunConfig) -> None:
        """Show the settings and search with them."""
        self.deeds.start(config)

    @property
    def dialog(self) -> QDialog | None:
        """The dialog that was shown last and is no error; gone if it was closed."""
        return self.dialogs.asked

    def show_dialog(self, dialog: QDialog) -> None:
        """Show what the person asked for, in place of what they asked for before."""
        self.dialogs.show_wish(dialog)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self and event.type() == QEvent.Type.Paint:
            self.removeEventFilter(self)  # every event would pass through Python for ever
            self.first_painted.emit()
        return False

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """Let Tab pass over the panels that are behind another one's tab."""
        for _ in range(MOST_FOCUS_STEPS):
            if not super().focusNextPrevChild(forwards):
                return False
            now = QApplication.focusWidget()
            if now is None or not self.parts.docks.is_covered(now):
                return True
        return False

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.is_quiet:
            event.accept()
            self._leave()
            return
        event.ignore()
        if self.session.state.is_run and not self.session.is_shutting_down:
            box = close_question(self)
            box.button(QMessageBox.StandardButton.Discard).clicked.connect(self.shut_down)
            self.show_dialog(box)
        else:
            self.shut_down()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.opening.can_take(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        urls = event.mimeData().urls()
        if self.opening.can_take(urls):
            event.acceptProposedAction()
            self.opening.take_dropped(urls)

    def _connect(self) -> None:
        layout = self.parts
        # First, for panels look at the selection while they take an event.
        self.session.event_received.connect(self.selection.show_event)
        self.pin_lines = PinLinesSync(self, self.session)
        for panel in self.panels:
            self.session.event_received.connect(panel.show_event)
        self.session.event_received.connect(self._on_event)
        self.session.state_changed.connect(self._show_state)
        self.session.failed.connect(self.show_error)
        self.session.choices_listed.connect(layout.settings.set_choices)
        self.session.shut_down_finished.connect(self.close)
        self.opening.connect_window()
        self.appearance.palette_changed.connect(self.use_palette)
        self.pins.undo_stack.indexChanged.connect(self._show_undo)
        self._show_undo()
        self.pins.changed.connect(lambda: layout.graph.show_pins(self.pins.pinned))
        self.selection.layer_changed.connect(layout.inspect_layer)
        layout.filters.look_requested.connect(self.deeds.look_into_layer)
        layout.filters.changes_requested.connect(self.deeds.find_changed_images)
        self.session.failed.connect(layout.filters.forget_request)
        layout.finetune.finetune_requested.connect(self.commands["finetune"].trigger)
        layout.finetune.stop_requested.connect(self.session.stop)
        layout.settings.changed.connect(self.deeds.show_finetune_settings)
        layout.finetune.changed.connect(self.deeds.take_finetune_settings)
        layout.settings.groups.currentTextChanged.connect(layout.inspector.use_groups)
        layout.graph.menu_made.connect(lambda m: self.panel_deeds.add_to_menu(m, layout.graph))
        for dock in layout.docks.docks.values():
            dock.menu_requested.connect(self.panel_deeds.show_menu)
        layout.graph.picture_requested.connect(self.deeds.save_picture)

    def _show_state(self, state: SessionState) -> None:
        has_run_folder = self.session.run_folder is not None
        self.commands.show_state(state, has_run_folder=has_run_folder)
        self.parts.show_state(state)

    def _show_undo(self) -> None:
        stack = self.pins.undo_stack
        for name, is_possible in (("undo", stack.canUndo()), ("redo", stack.canRedo())):
            self.commands.require(name, "" if is_possible else self.tr("No pin was changed."))

    def _on_event(self, event: Event) -> None:
        match event:
            case NetworkOpened():
                self.setWindowTitle(self.tr("{} – Espalier").format(event.network))
                if (config := self.session.opened_config) is not None:
                    self.parts.settings.show_opened(config)
            case HealthRaised():
                words = self.tr("Health: {}. The panel Health says why and what to change.")
                self.parts.status.say(words.format(translated(NAMES.get(event.kind, event.kind))))
            case RecordingFailed():
                self.dialogs.show_error(event.message, "", self.appearance.palette)
            case ExportFinished() if self.deeds.export_folder is not None:
                self.dialogs.show_later(exported_box(self, self.deeds.export_folder, event))
                self.deeds.export_folder = None

    def shut_down(self) -> None:
        """End whatever runs without asking, and close."""
        self.dialogs.close()
        self._patience.start()
        self.session.shut_down()

    def _leave(self) -> None:
        self._patience.stop()
        self.parts.save()
        self.hide()
        self.parts.docks.let_go()
        self.closed.emit()


def run_window(arguments: argparse.Namespace) -> int:
    """Show the window, then do what the command line says; returns the exit code."""
    # The search thread hands the interpreter over sooner than usual, so that the window waits
    # less for its turn; tests/benchmarks/window.py shows by how much.
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
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
    interrupts = Interrupts(window.shut_down, window)
    window.show()
    exit_code = app.exec()
    interrupts.restore()
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
    config = run_config(arguments)
    if not names_something(arguments):
        window.deeds.show(config)
        window.run_deeds.offer_unfinished()
        return
    if arguments.start:
        window.start(config)
    else:
        window.opening.open(config)
