"""What is open and what is going on: the one owner of the network, the masks and the thread."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app import jobs
from app.job_queue import Job, JobQueue
from app.open_work import OpenWork
from app.search_thread import MakeEvents
from app.session_state import SessionState
from core.config import FinetuneConfig, RunConfig, load_begun_config
from core.errors import ConfigError, ConsentNeeded, EspalierError
from core.events import BoolArray, Event, Events, NetworkOpened, StageAdvanced, StageStarted
from core.runs.files import CONFIG_FILE
from core.runs.paths import with_absolute_paths


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
        budgets_checked(str): what `check_budgets` found; a sentence, empty if they can be met.
        shut_down_finished(): no thread runs and none will be started.
    """

    state_changed = Signal(object)
    event_received = Signal(object)
    choices_listed = Signal(object)
    failed = Signal(str, str)
    consent_needed = Signal(object)
    facts_found = Signal(object, str)
    budgets_checked = Signal(str)
    shut_down_finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = SessionState.EMPTY
        self._queue = JobQueue(self)
        self._jobs_to_repeat: list[Job] = []  # as soon as the person agrees
        self._is_shutting_down = False
        self._work = OpenWork()
        self._queue.began.connect(self._on_began)
        self._queue.event_emitted.connect(self._on_event)
        self._queue.succeeded.connect(self._on_succeeded)
        self._queue.failed.connect(self.failed)
        self._queue.consent_needed.connect(self._on_consent_needed)
        self._queue.emptied.connect(self._on_emptied)

    @property
    def state(self) -> SessionState:
        """What is going on."""
        return self._state

    @property
    def is_quiet(self) -> bool:
        """Whether no thread runs, so that the window may go."""
        return self._queue.is_quiet

    @property
    def is_shutting_down(self) -> bool:
        """Whether no further job will be started."""
        return self._is_shutting_down

    @property
    def opened_config(self) -> RunConfig | None:
        """The settings with which the network and images were opened."""
        return self._work.opened_config

    @property
    def search_config(self) -> RunConfig | None:
        """The settings of the search that is shown, None before one has begun."""
        return self._work.search_config

    def has_open(self, config: RunConfig) -> bool:
        """Whether the network and the images that `config` names are open."""
        return self._work.is_open(config)

    @property
    def best_keep(self) -> BoolArray | None:
        """The best mask known, shape (channels,); it outlives a failed write."""
        return self._work.best_keep

    @property
    def run_folder(self) -> Path | None:
        """Where the last search was recorded."""
        return self._work.run_folder

    @property
    def run_name(self) -> str:
        """What files about the run are named after: its folder, else the network."""
        return self._work.run_name

    def prepare(self) -> None:
        """Import the heavy libraries in the background and list the choices."""
        self._queue.add(Job(lambda: jobs.list_choices))

    def look_at(self, network: str) -> None:
        """Find out what a network was made for, when nothing else is to be done."""
        if not self._state.is_busy:
            begin = partial(partial, jobs.look_at, network)
            self._queue.add_aside(Job(begin, aside="look_at", is_silent=True))

    def check_budgets(self, config: RunConfig) -> None:
        """Find out whether a search over what is open can meet its budgets, when there is time."""
        if self._work.handle is not None:
            begin = partial(partial, jobs.check_budgets, self._work.handle, config)
            self._queue.add_aside(Job(begin, aside="check_budgets", is_silent=True))

    def run_aside(self, name: str, job: Callable[[Any], Events]) -> None:
        """Run a job over what is open, when nothing else is to be done; the state stays.

        `job` gets core.opening.Opened. It is given up for what the person asks for, and begun
        again afterwards; a newer one of the same name takes its place. Of its events all but
        its progress are received.
        """
        if self._work.handle is not None:
            self._queue.add_aside(Job(lambda: partial(job, self._work.handle), aside=name))

    def read_aside(self, name: str, job: Callable[[], Events]) -> None:
        """Run a job that needs nothing open, when nothing else is to be done."""
        self._queue.add_aside(Job(lambda: job, aside=name))

    def run_in_front(self, state: SessionState, job: Callable[[Any], Events]) -> None:
        """Run a job over what is open, as the person asked; `job` gets core.opening.Opened."""
        if self._work.handle is not None:
            self._enqueue(Job(lambda: partial(job, self._work.handle), state))

    def open(self, config: RunConfig, *, allow_download: bool = False) -> None:
        """Open the network and images of `config` in place of what is open."""
        self._enqueue(self._open_job(config, allow_download))

    def start(
        self, config: RunConfig, *, allow_download: bool = False, runs_folder: Path | None = None
    ) -> None:
        """Search; first open what `config` names, if something else is open.

        The run's folder is made in `runs_folder`, by default in the user's data folder.
        """
        opening = self._opening_first(config, allow_download)
        if opening:  # which may take minutes, and be in vain
            check = partial(jobs.check_settings, config)
            opening.insert(0, Job(lambda: check, SessionState.OPENING))
        search = Job(partial(self._begin_search, config, runs_folder), SessionState.SEARCHING)
        self._enqueue(*opening, search)

    def open_run(self, folder: Path, *, allow_download: bool = False) -> None:
        """Open a run's network and show all that its search told; `failed` if that cannot be."""
        self._enqueue_run(folder, SessionState.OPENING, jobs.replay, allow_download)

    def resume_run(self, folder: Path, *, allow_download: bool = False) -> None:
        """Go on with a run that was broken off; `failed` if that cannot be."""
        self._enqueue_run(folder, SessionState.SEARCHING, jobs.resume, allow_download)

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
        if self._state is SessionState.SEARCHING:
            self._queue.pause()
            self._set_state(SessionState.PAUSED)

    def resume(self) -> None:
        """Go on with a paused search."""
        if self._state is SessionState.PAUSED:
            self._queue.resume()
            self._set_state(SessionState.SEARCHING)

    def stop(self) -> None:
        """Finish the job with what it has; asked again, end it as it stands."""
        self._queue.clear()
        job = self._queue.running
        if job is None or not self._state.is_busy:
            return
        if job.state is None:  # what the person asked for had not begun yet
            self._set_state(self._resting_state())
        else:
            self._queue.request_stop()
            self._set_state(SessionState.STOPPING)

    def export(
        self,
        folder: Path,
        formats: tuple[str, ...],
        keep: BoolArray | None = None,
        *,
        is_half_kept: bool = False,
    ) -> None:
        """Write a mask's network into `folder`; without `keep` that of the best mask.

        is_half_kept: ONNX in float16 too.
        """
        wanted = self._work.best_keep if keep is None else keep
        begin = partial(self._begin_export, folder, formats, wanted, is_half_kept)
        self._enqueue(Job(begin, SessionState.EXPORTING))

    def finetune(self, config: FinetuneConfig, *, resume: bool = False) -> None:
        """Train the best mask's network, and those that it is compared with.

        resume: go on with what was broken off in the run's folder.
        """
        begin = partial(self._begin_finetuning, config, resume)
        self._enqueue(Job(begin, SessionState.FINETUNING))

    def round_widths(self, multiple: int) -> None:
        """Round the widths of the finished run's mask; a run of its own comes of it."""
        if (folder := self._work.run_folder) is not None:
            job = partial(jobs.round_widths, multiple)
            self._enqueue_run(folder, SessionState.SEARCHING, job, allow_download=False)

    def is_finetuned(self, keep: BoolArray | None = None) -> bool:
        """Whether `export` of this mask, the best one if None, writes a fine-tuned network."""
        return self._work.finetuned_of(keep) is not None

    def shut_down(self) -> None:
        """End whatever runs; `shut_down_finished` comes when nothing does."""
        self._is_shutting_down = True
        is_quiet = self._queue.is_quiet
        self._queue.close()
        if is_quiet:
            self.shut_down_finished.emit()
        else:
            self._set_state(SessionState.STOPPING)

    def _enqueue_run(
        self,
        folder: Path,
        state: SessionState,
        job: Callable[[Any, Path], Events],
        allow_download: bool,
    ) -> None:
        try:
            config = with_absolute_paths(load_begun_config(folder / CONFIG_FILE))
        except EspalierError as error:
            self.failed.emit(str(error), error.details)
            return

        def begin() -> MakeEvents:
            self._work.wanted_config = config
            return partial(job, self._work.handle, folder)

        self._enqueue(*self._opening_first(config, allow_download), Job(begin, state))

    def _opening_first(self, config: RunConfig, allow_download: bool) -> list[Job]:
        if self._work.is_open(config):
            return []
        return [self._open_job(config, allow_download)]

    def _open_job(self, config: RunConfig, allow_download: bool) -> Job:
        begin = partial(self._begin_opening, config, allow_download)
        return Job(begin, SessionState.OPENING)

    def _begin_opening(self, config: RunConfig, allow_download: bool) -> MakeEvents:
        self._work.wanted_config = config
        return partial(jobs.open_network, config, allow_download=allow_download)

    def _begin_search(self, config: RunConfig, runs_folder: Path | None) -> MakeEvents:
        self._work.wanted_config = config
        return partial(jobs.search, self._work.handle, config, runs_folder)

    def _begin_finetuning(self, finetuning: FinetuneConfig, resume: bool) -> MakeEvents:
        work = self._work
        config = work.search_config or work.opened_config
        if work.best_keep is None or config is None:
            raise RuntimeError("there is no mask to fine-tune")
        wanted = replace(config, finetune=finetuning)
        masks = (work.best_keep, work.criteria)
        return partial(jobs.finetune, work.handle, masks, wanted, work.run_folder, resume=resume)

    def _begin_export(
        self, folder: Path, formats: tuple[str, ...], keep: BoolArray | None, is_half_kept: bool
    ) -> MakeEvents:
        known = self._work.search_config or self._work.opened_config
        if keep is None or known is None:
            raise RuntimeError("there is no mask to export")
        config = replace(known, export_half=is_half_kept)
        if (finetuned := self._work.finetuned_of(keep)) is not None:
            exported = finetuned, folder, formats, config
            return partial(jobs.export_finetuned, self._work.handle, *exported)
        exported = keep, folder, formats, config, self._work.run_folder
        return partial(jobs.export, self._work.handle, *exported)

    def _enqueue(self, *wanted: Job) -> None:
        if self._is_shutting_down:
            return
        if wanted[0].state is not None:
            self._set_state(wanted[0].state)
        self._queue.add(*wanted)

    def _on_began(self, job: Job) -> None:
        if job.state is not None:
            self._set_state(job.state)
        elif job.aside:  # so nothing that the person asked for is left to be done
            self._set_state(self._resting_state())

    def _on_event(self, job: Job, event: Event) -> None:
        if job.aside and isinstance(event, StageStarted | StageAdvanced):
            return
        self._work.take_event(event)
        if isinstance(event, NetworkOpened):
            self._queue.forget_aside()
        self.event_received.emit(event)

    def _on_succeeded(self, result: object) -> None:
        if isinstance(result, jobs.Choices):
            self.choices_listed.emit(result)
        elif isinstance(result, jobs.Looked):
            self.facts_found.emit(result.found, result.network)
        elif isinstance(result, jobs.BudgetsChecked):
            self.budgets_checked.emit(result.refusal)

    def _on_consent_needed(self, asked: ConsentNeeded, again: list[Job]) -> None:
        self._jobs_to_repeat = again
        self.consent_needed.emit(asked)

    def _on_emptied(self) -> None:
        if self._is_shutting_down:
            self.shut_down_finished.emit()
        else:
            self._set_state(self._resting_state())

    def _resting_state(self) -> SessionState:
        if self._work.handle is None:
            return SessionState.EMPTY
        return SessionState.READY if self._work.best_keep is None else SessionState.FINISHED

    def _set_state(self, state: SessionState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)
