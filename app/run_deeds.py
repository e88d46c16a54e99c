"""What the list of runs asks for: to open a run, to judge it, to list another folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.panels.runs import RunsPanel
from app.panels.verdict import VerdictPanel
from app.session import Session
from core.events import Event, SearchStarted
from core.runs.files import default_runs_folder
from core.runs.unfinished import last_unfinished

if TYPE_CHECKING:
    from app.main_window import MainWindow


class RunDeeds(QObject):
    """Connects the panels about earlier runs with the session and with each other."""

    def __init__(self, window: "MainWindow", session: Session) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        docked = window.parts.docked
        runs, verdict = docked[RunsPanel.NAME], docked[VerdictPanel.NAME]
        assert isinstance(runs, RunsPanel)
        assert isinstance(verdict, VerdictPanel)
        self._runs = runs
        self._folder: Path | None = None
        self._shows_settings = False  # as soon as the run's network is open
        runs.run_requested.connect(self.open_run)
        runs.resume_requested.connect(self.resume_run)
        runs.run_chosen.connect(verdict.show_run)
        runs.failed.connect(window.show_error)
        window.parts.welcome.unfinished.resume_requested.connect(self.resume_run)
        session.event_received.connect(self._on_event)
        self._follow_folder()

    def open_run(self, folder: Path) -> None:
        """Show an earlier run in all panels; while something goes on, say that it must end."""
        if self._is_in_the_way(self.tr("Stop what is going on, then open the run.")):
            return
        form, self._shows_settings = self._window.parts.settings.source, True
        self._session.open_run(folder, allow_download=form.may_download)

    def resume_run(self, folder: Path) -> None:
        """Go on with a run that was broken off; while something goes on, say that it must end."""
        if self._is_in_the_way(self.tr("Stop what is going on, then go on with the run.")):
            return
        form, self._shows_settings = self._window.parts.settings.source, True
        self._session.resume_run(folder, allow_download=form.may_download)

    def offer_unfinished(self) -> None:
        """Offer the last run to go on with, if it was broken off."""
        folder = self._window.parts.settings.runs_folder or default_runs_folder()
        self._window.parts.welcome.unfinished.show_run(last_unfinished(folder))

    def _is_in_the_way(self, words: str) -> bool:
        """Whether something goes on; then `words` say so."""
        is_busy = self._session.state.is_busy
        if is_busy:
            self._window.parts.status.say(words)
        return is_busy

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, SearchStarted):
            return
        self._follow_folder()
        config = self._session.search_config
        if self._shows_settings and config is not None:
            self._shows_settings = False
            self._window.deeds.show(config)  # else Start would search what was open before

    def _follow_folder(self) -> None:
        """List the folder that runs go to, unless the person looks into another one."""
        folder = self._window.parts.settings.runs_folder
        if folder != self._folder:
            self._folder = folder
            self._runs.show_runs_folder(folder)
