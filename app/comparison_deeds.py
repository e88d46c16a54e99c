"""What comparing methods needs: the form, the job, and a comparison that was made before."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QPushButton

from app import jobs
from app.comparison_dialog import ComparisonDialog
from app.panels.methods import MethodsPanel
from app.session import Session
from app.session_state import SessionState
from core.config import RunConfig
from core.errors import ConfigError
from core.events import ComparisonReported, Event
from core.runs.comparing import USUAL_METHODS
from core.runs.files import default_runs_folder, new_run_folder
from core.runs.variants import SEARCHES, VARIANTS

if TYPE_CHECKING:
    from app.main_window import MainWindow

COMPARISON_SETTING = "folders/comparison"


class ComparisonDeeds(QObject):
    """The slots of "Compare methods…" and "Open a comparison…"."""

    def __init__(self, window: "MainWindow", session: Session, settings: QSettings) -> None:
        super().__init__(window)
        self._window, self._session, self._settings = window, session, settings
        # until all are listed
        self._names = tuple(dict.fromkeys((*SEARCHES, *VARIANTS, *USUAL_METHODS)))
        self._allocations: tuple[str, ...] = ()
        session.choices_listed.connect(self._take_choices)
        session.event_received.connect(self._on_event)

    def connect_panel(self) -> None:
        """Listen to the panel's buttons, which stand in for the actions."""
        panel = self._window.parts.docked[MethodsPanel.NAME]
        assert isinstance(panel, MethodsPanel)
        panel.compare_requested.connect(self._window.commands["compare_methods"].trigger)
        panel.open_requested.connect(self._window.commands["open_comparison"].trigger)
        for button, name in ((panel.compare, "compare_methods"), (panel.open, "open_comparison")):
            action = self._window.commands[name]
            action.enabledChanged.connect(partial(self._enable, button, action))
            self._enable(button, action, action.isEnabled())

    def ask(self) -> None:
        """Ask what to compare, unless the settings already say that it cannot be done."""
        if (config := self._settings_to_compare()) is None:
            return
        root = self._window.parts.settings.runs_folder or default_runs_folder()
        folder = root / f"{new_run_folder(config).name}-compared"
        dialog = ComparisonDialog(
            self._names, config.search, folder, self._window, self._allocations
        )
        dialog.accepted.connect(partial(self._on_accepted, dialog, config))
        self._session.budgets_checked.connect(dialog.say_refused)
        self._window.show_dialog(dialog)
        self._session.check_budgets(config)

    def open(self) -> None:
        """Show a comparison that was made before."""
        usual = self._window.parts.settings.runs_folder or default_runs_folder()
        path = QFileDialog.getExistingDirectory(
            self._window,
            self.tr("Open a comparison"),
            str(self._settings.value(COMPARISON_SETTING, str(usual))),
        )
        if path:
            self._settings.setValue(COMPARISON_SETTING, str(Path(path).parent))
            self._session.read_aside("comparison", partial(jobs.read_comparison, Path(path)))

    def _settings_to_compare(self) -> RunConfig | None:
        """The settings of every run, pins and fine-tuning included; None if they do not fit."""
        parts = self._window.parts
        try:
            config = replace(parts.settings.config(), finetune=parts.finetune.config())
            if not self._session.has_open(config):
                sentence = self.tr(
                    "The settings name another network or other images. Open them first."
                )
                raise ConfigError(sentence)
            return self._window.pin_lines.take(config)
        except ConfigError as error:
            self._window.show_error(str(error), error.details)
            return None

    def _on_accepted(self, dialog: ComparisonDialog, config: RunConfig) -> None:
        search = replace(config.search, evaluations=dialog.evaluations.value())
        counts = (dialog.seeds.value(), dialog.epochs.value())
        self._window.parts.docks.show_panel(MethodsPanel.NAME)
        self._session.run_in_front(
            SessionState.SEARCHING,
            partial(
                jobs.compare,
                config=replace(config, search=search),
                methods=dialog.chosen_methods,
                counts=counts,
                folder=dialog.chosen_folder,
            ),
        )

    def _enable(self, button: QPushButton, action: QAction, is_possible: bool) -> None:
        button.setEnabled(is_possible)
        button.setToolTip(self._window.commands.why_not(action))

    def _take_choices(self, choices: jobs.Choices) -> None:
        self._names, self._allocations = choices.compared, choices.allocations

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ComparisonReported):
            self._window.parts.docks.show_panel(MethodsPanel.NAME)
