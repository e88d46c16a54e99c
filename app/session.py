"""What is open and what is going on: the one owner of the network, the masks and the thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app import jobs
from app.search_thread import MakeEvents, SearchThread
from app.session_state import SessionState
from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import ConfigError, ConsentNeeded
from core.events import (
    BestChanged,
    BoolArray,
    Event,
    NetworkOpened,
    RunReported,
    SearchFinished,
    SearchStarted,
)


@dataclass(frozen=True)
class _Job:
    """Something for the thread to do, and the state while it does."""

    state: SessionState | None  # None: in the background, the state stays as it is
    begin: Callable[[], MakeEvents]  # called in this thread when the job's turn has come
    is_silent: bool = False  # given up for any other job, and nobody is told how it fails


class Session(QObject):
    """Owns the opened network, its images, the best mask and the run's folder.

    One job runs at a time. What is open stays open when a later job fails.

    Signals:
        state_changed(SessionState): what can be done now has changed.
        event_received(object): an event of a job, for every panel that knows it.
        choices_listed(Choices): what the settings can offer is known.
        failed(str, str): a job failed; a sentence and the details behind it.
        consent_needed(ConsentNeeded): a file would run its code; `agree` to go on.
        facts_found(NetworkFacts, str): what `look_at` found; or a sentence, and what it looked at.
        shut_down_finished(): no thread runs and none will be started.
    """

    state_changed = Signal(object)
    event_received = Signal(object)
    choices_listed = Signal(object)
    failed = Signal(str, str)
    consent_needed = Signal(object)
    facts_found = Signal(object, str)
    shut_down_finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = SessionState.EMPTY
        self._thread: SearchThread | None = None
        self._queue: list[_Job] = []
        self._job: _Job | None = None
        self._jobs_to_repeat: list[_Job] = []  # as soon as the person agrees
        self._is_in_background = False
        self._is_shutting_down = False
        self._handle: Any = None  # core.opening.Opened
        self._wanted_config: RunConfig | None = None
        self._opened_config: RunConfig | None = None
        self._search_config: RunConfig | None = None
        self._best_keep: BoolArray | None = None
        self._run_folder: Path | None = None

    @property
    def state(self) -> SessionState:
        """What is going on."""
        return self._state

    @property
    def is_quiet(self) -> bool:
        """Whether no thread runs, so that the window may go."""
        return self._thread is None

    @property
    def is_shutting_down(self) -> bool:
        """Whether no further job will be started."""
        return self._is_shutting_down

    @property
    def opened_config(self) -> RunConfig | None:
        """The settings with which the network and images were opened."""
        return self._opened_config

    @property
    def best_keep(self) -> BoolArray | None:
        """The best mask known, shape (channels,); it outlives a failed write."""
        return self._best_keep

    @property
    def run_folder(self) -> Path | None:
        """Where the last search was recorded."""
        return self._run_folder

    @property
    def run_name(self) -> str:
        """What files about the run are named after: its folder, else the network."""
        if self._run_folder is not None:
            return self._run_folder.name
        return "" if self._opened_config is None else Path(self._opened_config.network).stem

    def prepare(self) -> None:
        """Import the heavy libraries in the background and list the choices."""
        self._enqueue(_Job(None, lambda: jobs.list_choices))

    def look_at(self, network: str) -> None:
        """Find out what a network was made for, when nothing else is to be done."""
        if self._state.is_busy:
            return
        self._give_up_silent_jobs()
        self._enqueue(_Job(None, lambda: partial(jobs.look_at, network), is_silent=True))

    def open(self, config: RunConfig, *, allow_download: bool = False) -> None:
        """Open the network and images of `config` in place of what is open."""
        self._enqueue(self._open_job(config, allow_download))

    def start(
        self, config: RunConfig, *, allow_download: bool = False, runs_folder: Path | None = None
    ) -> None:
        """Search; first open what `config` names, if something else is open.

        The run's folder is made in `runs_folder`, by default in the user's data folder.
        """
        wanted = [_Job(SessionState.SEARCHING, partial(self._begin_search, config, runs_folder))]
        if self._opened_config is None or _source(self._opened_config) != _source(config):
            wanted.insert(0, self._open_job(config, allow_download))
        self._enqueue(*wanted)

    def agree(self, asked: ConsentNeeded) -> None:
        """Remember that this file's code may run, and do again what was asked for."""
        from core.networks.consent import grant

        try:
            grant(asked.path, asked.sha256)
        except ConfigError as error:
            self.failed.emit(str(error), error.details)
        else:
            self._enqueue(*self._jobs_to_repeat)

    def pause(self) -> None:
        """Hold the search between two evaluations."""
        if self._thread is not None and self._state is SessionState.SEARCHING:
            self._thread.pause()
            self._set_state(SessionState.PAUSED)

    def resume(self) -> None:
        """Go on with a paused search."""
        if self._thread is not None and self._state is SessionState.PAUSED:
            self._thread.resume()
            self._set_state(SessionState.SEARCHING)

    def stop(self) -> None:
        """Finish the job with what it has; asked again, end it as it stands."""
        self._queue.clear()
        if self._thread is None or not self._state.is_busy:
            return
        if self._is_in_background:
            self._set_state(self._resting_state())
        else:
            self._thread.request_stop()
            self._set_state(SessionState.STOPPING)

    def export(self, folder: Path, formats: tuple[str, ...]) -> None:
        """Write the best mask's network into `folder`."""
        self._enqueue(_Job(SessionState.EXPORTING, partial(self._begin_export, folder, formats)))

    def shut_down(self) -> None:
        """End whatever runs; `shut_down_finished` comes when nothing does."""
        self._is_shutting_down = True
        self._queue.clear()
        if self._thread is None:
            self.shut_down_finished.emit()
            return
        self._thread.abandon()
        self._set_state(SessionState.STOPPING)

    def _open_job(self, config: RunConfig, allow_download: bool) -> _Job:
        return _Job(SessionState.OPENING, partial(self._begin_opening, config, allow_download))

    def _begin_opening(self, config: RunConfig, allow_download: bool) -> MakeEvents:
        self._wanted_config = config
        return partial(jobs.open_network, config, allow_download=allow_download)

    def _begin_search(self, config: RunConfig, runs_folder: Path | None) -> MakeEvents:
        self._wanted_config = config
        return partial(jobs.search, self._handle, config, runs_folder)

    def _begin_export(self, folder: Path, formats: tuple[str, ...]) -> MakeEvents:
        if self._best_keep is None or self._search_config is None:
            raise RuntimeError("there is no mask to export")
        return partial(
            jobs.export, self._handle, self._best_keep, folder, formats, self._search_config
        )

    def _enqueue(self, *wanted: _Job) -> None:
        if self._is_shutting_down:
            return
        if not wanted[0].is_silent:
            self._give_up_silent_jobs()
        self._queue.extend(wanted)
        if wanted[0].state is not None:
            self._set_state(wanted[0].state)
        if self._thread is None:
            self._begin_next()

    def _give_up_silent_jobs(self) -> None:
        self._queue = [job for job in self._queue if not job.is_silent]
        if self._thread is not None and self._job is not None and self._job.is_silent:
            self._thread.abandon()

    def _begin_next(self) -> None:
        job = self._job = self._queue.pop(0)
        thread = SearchThread(job.begin(), self)
        thread.event_emitted.connect(self._on_event)
        thread.succeeded.connect(self._on_succeeded)
        thread.stopped.connect(self._on_stopped)
        thread.failed.connect(self._on_failed)
        thread.consent_needed.connect(self._on_consent_needed)
        thread.finished.connect(self._on_thread_finished)
        self._thread = thread
        self._is_in_background = job.state is None
        if job.state is not None:
            self._set_state(job.state)
        thread.start()

    def _on_event(self, event: Event) -> None:
        if self._job is not None and self._job.is_silent:
            return
        match event:
            case NetworkOpened():
                self._handle = event.handle
                self._opened_config = self._wanted_config
                self._forget_search()
            case SearchStarted():
                self._forget_search()
                self._search_config = self._wanted_config
            case BestChanged() | SearchFinished():
                self._best_keep = event.keep
            case RunReported():
                self._run_folder = Path(event.folder)
        self.event_received.emit(event)

    def _on_succeeded(self, result: object) -> None:
        if isinstance(result, jobs.Choices):
            self.choices_listed.emit(result)
        elif isinstance(result, jobs.Looked):
            self.facts_found.emit(result.found, result.network)

    def _on_stopped(self) -> None:
        if self._job is None or not self._job.is_silent:
            self._queue.clear()

    def _on_consent_needed(self, asked: ConsentNeeded) -> None:
        self._jobs_to_repeat = [*filter(None, [self._job]), *self._queue]
        self._queue.clear()
        self.consent_needed.emit(asked)

    def _on_failed(self, message: str, details: str) -> None:
        if self._job is not None and self._job.is_silent:
            return
        self._queue.clear()
        self.failed.emit(message, details)

    def _on_thread_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
            self._thread = None
        if self._is_shutting_down:
            self.shut_down_finished.emit()
        elif self._queue:
            self._begin_next()
        else:
            self._set_state(self._resting_state())

    def _resting_state(self) -> SessionState:
        if self._handle is None:
            return SessionState.EMPTY
        return SessionState.READY if self._best_keep is None else SessionState.FINISHED

    def _forget_search(self) -> None:
        self._best_keep = None
        self._search_config = None
        self._run_folder = None

    def _set_state(self, state: SessionState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)


def _source(config: RunConfig) -> RunConfig:
    """What decides over the opened network and its images: neither search nor fine-tuning."""
    return replace(config, search=SearchConfig(), finetune=FinetuneConfig())
