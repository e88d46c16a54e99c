"""What every action does: ask, then tell the session."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app import jobs
from app.dialogs import ExportDialog, about_box, resume_question
from app.dialogs_round import RoundDialog
from app.panel_deeds import FOLDER_SETTING
from app.saving import file_name
from app.selection import LoadedMask
from app.session import Session
from app.session_state import SessionState
from app.source import Source
from core.config import RunConfig, load_run_config, to_toml
from core.errors import ConfigError, ExportError
from core.runs.files import has_broken_off_finetuning, write_text
from core.runs.paths import with_absolute_paths

if TYPE_CHECKING:
    from app.main_window import MainWindow

RUNS_SETTING, EXPORT_SETTING = "folders/runs", "folders/export"
TOML_SETTING = "folders/settings"


class Deeds(QObject):
    """The slots of all actions of a window.

    `export_folder` is where the export goes that runs, None while none does.
    """

    def __init__(self, window: "MainWindow", session: Session, settings: QSettings) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._settings = settings
        self.export_folder: Path | None = None
        session.state_changed.connect(self._forget_export)

    def slots(self) -> dict[str, Callable[[], object]]:
        """Say what each action of ACTIONS does."""
        return {
            "open": lambda: self._window.opening.ask(),
            "demo": self._on_demo,
            "load_settings": self._on_load_settings,
            "save_settings": self._on_save_settings,
            "export": self._on_export,
            "finetune": self._on_finetune,
            "compare_methods": lambda: self._window.comparison_deeds.ask(),
            "open_comparison": lambda: self._window.comparison_deeds.open(),
            "round": self._on_round,
            "run_folder": self._on_run_folder,
            "quit": self._window.close,
            "start": self._on_start,
            "pause": self._on_pause,
            "stop": self._session.stop,
            "fit": lambda: self._window.parts.graph.fit(),
            "zoom_in": lambda: self._window.parts.graph.zoom_in(),
            "zoom_out": lambda: self._window.parts.graph.zoom_out(),
            "find": lambda: self._window.parts.graph.open_find(),
            "fold_all": lambda: self._window.parts.graph.fold_all(),
            "unfold_all": lambda: self._window.parts.graph.unfold_all(),
            "turn": lambda: self._window.parts.graph.turn(),
            "picture": self.save_picture,
            "reset_layout": lambda: self._window.parts.docks.restore(None),
            "theme_system": lambda: self._window.appearance.choose("system"),
            "theme_light": lambda: self._window.appearance.choose("light"),
            "theme_dark": lambda: self._window.appearance.choose("dark"),
            "undo": lambda: self._window.pins.undo_stack.undo(),
            "redo": lambda: self._window.pins.undo_stack.redo(),
            "any_action": lambda: self._window.helping.find_action(),
            "guide": lambda: self._window.helping.show_guide(),
            "shortcuts": lambda: self._window.helping.show_shortcuts(),
            "about": lambda: self._window.show_dialog(about_box(self._window)),
        }

    def restore(self) -> None:
        """Take up what was chosen when the window was last open."""
        self._window.parts.settings.set_runs_folder(str(self._settings.value(RUNS_SETTING, "")))

    def show(self, config: RunConfig) -> bool:
        """Show other settings; whether they fit what is open."""
        try:
            self._show_config(config)
        except ConfigError as error:
            self._window.show_error(str(error), error.details)
            return False
        return True

    def start(self, config: RunConfig) -> None:
        """Show the settings and search with them."""
        if self.show(config):
            self._on_start()

    def look_into_layer(self, layer: str) -> None:
        """Show a layer's filters as soon as nothing else is to be done."""
        self._session.run_aside("layer", lambda opened: jobs.look_into_layer(opened, layer))

    def find_changed_images(self, mask: LoadedMask) -> None:
        """Find the images of which the network pruned by a mask says another class."""
        folder = self._session.run_folder
        self._session.run_aside(
            "changes", lambda opened: jobs.find_changed_images(opened, mask.keep, mask.name, folder)
        )

    def show_finetune_settings(self) -> None:
        """Let the fine-tuning's panel follow settings that were loaded."""
        with contextlib.suppress(ConfigError):  # shown below the settings already
            config = self._window.parts.settings.config()
            self._window.parts.finetune.follow(config.finetune)

    def take_finetune_settings(self) -> None:
        """Let the settings, and their preset, know what is set in the fine-tuning's panel."""
        with contextlib.suppress(ConfigError):  # shown in that panel already
            self._window.parts.settings.set_finetuning(self._window.parts.finetune.config())

    def save_picture(self) -> None:
        """Ask for a file and write the graph into it."""
        graph = self._window.parts.graph
        path, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save the graph as a picture"),
            self._last_place(FOLDER_SETTING, file_name(graph, self._session.run_name, ".svg")),
            self.tr("Pictures (*.svg *.png *.pdf)"),
        )
        if not path:
            return
        self._settings.setValue(FOLDER_SETTING, str(Path(path).parent))
        try:
            graph.export_picture(Path(path))
        except ExportError as error:
            self._window.show_error(str(error), error.details)

    def _on_demo(self) -> None:
        # The demo brings its network and images; budget, seed and the rest stay as they are set.
        form = self._window.parts.settings
        form.source.set_source(Source.of(RunConfig()))
        self._on_start()

    def _on_start(self) -> None:
        if (config := self._config()) is not None:
            form = self._window.parts.settings.source
            runs_folder = self._window.parts.settings.runs_folder
            self._settings.setValue(RUNS_SETTING, str(runs_folder or ""))
            self._session.start(config, allow_download=form.may_download, runs_folder=runs_folder)

    def _on_pause(self) -> None:
        if self._session.state is SessionState.PAUSED:
            self._session.resume()
        else:
            self._session.pause()

    def _on_export(self) -> None:
        usual = str(Path.home() / "espalier-export")
        folder = Path(str(self._settings.value(EXPORT_SETTING, usual)))
        config = self._session.search_config
        dialog = ExportDialog(
            folder,
            self._window,
            self._window.selection.mask,
            is_half_wanted=config is not None and config.export_half,
        )
        keep = None if dialog.mask is None else dialog.mask.keep
        if self._session.is_finetuned(keep):
            dialog.say_finetuned()
        dialog.accepted.connect(lambda: self._on_export_accepted(dialog))
        self._window.show_dialog(dialog)

    def _on_export_accepted(self, dialog: ExportDialog) -> None:
        self.export_folder = dialog.chosen_folder
        self._settings.setValue(EXPORT_SETTING, str(dialog.chosen_folder))
        keep = None if dialog.mask is None else dialog.mask.keep
        half = dialog.is_half_chosen
        self._session.export(dialog.chosen_folder, dialog.chosen_formats, keep, is_half_kept=half)

    def _forget_export(self, state: SessionState) -> None:
        if not state.is_busy:  # it has ended, well or not
            self.export_folder = None

    def _on_finetune(self) -> None:
        layout = self._window.parts
        layout.docks.show_panel("finetune")
        if self._session.state is not SessionState.FINISHED:
            return
        folder = self._session.run_folder
        if folder is None or not has_broken_off_finetuning(folder):
            self._session.finetune(layout.finetune.config())
            return
        box = resume_question(self._window)
        for answer, resume in ((box.StandardButton.Yes, True), (box.StandardButton.No, False)):
            box.button(answer).clicked.connect(
                lambda *_, resume=resume: self._session.finetune(
                    layout.finetune.config(), resume=resume
                )
            )
        self._window.show_dialog(box)

    def _on_round(self) -> None:
        dialog = RoundDialog(self._window)
        dialog.accepted.connect(lambda: self._session.round_widths(dialog.multiple))
        self._window.show_dialog(dialog)

    def _on_run_folder(self) -> None:
        folder = self._session.run_folder
        if folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            sentence = self.tr("Cannot show {}. Open it in a file manager.")
            self._window.show_error(sentence.format(folder))

    def _on_load_settings(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._window,
            self.tr("Load settings"),
            self._last_place(TOML_SETTING),
            self.tr("Settings (*.toml);;All files (*)"),
        )
        if not path:
            return
        self._settings.setValue(TOML_SETTING, str(Path(path).parent))
        try:
            self.show(load_run_config(Path(path)))
        except ConfigError as error:
            self._window.show_error(str(error), error.details)

    def _on_save_settings(self) -> None:
        config = self._config()
        if config is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save settings"),
            self._last_place(TOML_SETTING, "espalier.toml"),
            self.tr("Settings (*.toml)"),
        )
        if not path:
            return
        self._settings.setValue(TOML_SETTING, str(Path(path).parent))
        try:
            write_text(Path(path), to_toml(with_absolute_paths(config)))
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = self.tr("Cannot write settings to {}: {}. Choose another place.")
            self._window.show_error(sentence.format(path, reason))

    def _show_config(self, config: RunConfig) -> None:
        """Show other settings, pins included; ConfigError if those do not fit what is open."""
        self._window.pin_lines.take(config)
        self._window.parts.settings.set_config(config)
        self._window.pin_lines.follow()

    def _last_place(self, setting: str, name: str = "") -> str:
        """The folder used last, and a file in it; the home folder at first."""
        return str(Path(str(self._settings.value(setting, Path.home()))) / name)

    def _config(self) -> RunConfig | None:
        try:
            config = self._window.parts.settings.config()
            config = replace(config, finetune=self._window.parts.finetune.config())
            return self._window.pin_lines.take(config)
        except ConfigError as error:
            self._window.show_error(str(error), error.details)
            return None
