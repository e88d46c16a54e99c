"""The jobs of the search thread: one at a time, in order, and some only when nothing else is."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from app.search_thread import MakeEvents, SearchThread
from app.session_state import SessionState


@dataclass(frozen=True)
class Job:
    """Something for the thread to do."""

    begin: Callable[[], MakeEvents]  # called in the window's thread when the job's turn has come
    state: SessionState | None = None  # while it runs; None: the state stays as it is
    aside: str = ""  # its name if it runs only when nothing else is to be done
    is_silent: bool = False  # nobody is told of its events and of how it fails


class JobQueue(QObject):
    """Owns the thread.

    A job aside is given up for any other and taken up again afterwards, from its beginning; of
    several with one name only the newest is done.

    Signals:
        began(Job): a job's turn has come.
        event_emitted(Job, object): the job yielded this event.
        succeeded(object): a job ended and returned this.
        failed(str, str): a job failed, and those behind it are off; a sentence and the details.
        consent_needed(object, list): ConsentNeeded; the jobs to `add` again if somebody agrees.
        emptied(): nothing runs and nothing waits.
    """

    began = Signal(object)
    event_emitted = Signal(object, object)
    succeeded = Signal(object)
    failed = Signal(str, str)
    consent_needed = Signal(object, list)
    emptied = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: SearchThread | None = None
        self._job: Job | None = None  # that runs
        self._waiting: list[Job] = []
        self._aside: dict[str, Job] = {}
        self._is_given_up = False  # the job aside that runs
        self._is_closed = False

    @property
    def is_quiet(self) -> bool:
        """Whether no thread runs."""
        return self._thread is None

    @property
    def running(self) -> Job | None:
        """The job that has the thread."""
        return self._job if self._thread is not None else None

    def add(self, *jobs: Job) -> None:
        """Do these after what waits already."""
        if self._is_closed:
            return
        self._waiting.extend(jobs)
        self._give_up_aside(is_wanted_later=True)
        self._begin_next()

    def add_aside(self, job: Job) -> None:
        """Do this when there is nothing else to do, in place of one of the same name."""
        if self._is_closed:
            return
        if self.running is not None and self.running.aside == job.aside:
            self._give_up_aside(is_wanted_later=False)
        self._aside[job.aside] = job
        self._begin_next()

    def forget_aside(self) -> None:
        """Do none of the jobs aside any more: what they were about is gone."""
        self._aside.clear()
        self._give_up_aside(is_wanted_later=False)

    def clear(self) -> None:
        """Do none of the jobs that wait, but those aside."""
        self._waiting.clear()

    def pause(self) -> None:
        """Hold the job between two of its events."""
        if self._thread is not None:
            self._thread.pause()

    def resume(self) -> None:
        """Go on with a job that is held."""
        if self._thread is not None:
            self._thread.resume()

    def request_stop(self) -> None:
        """Ask the job to finish with what it has; asked again, it ends at its next event."""
        if self._thread is not None:
            self._thread.request_stop()

    def close(self) -> None:
        """End the job at its next event and do nothing more; `emptied` comes if one runs."""
        self._is_closed = True
        self._waiting.clear()
        self._aside.clear()
        if self._thread is not None:
            self._thread.abandon()

    def _give_up_aside(self, *, is_wanted_later: bool) -> None:
        job = self.running
        if job is None or not job.aside or self._thread is None:
            return
        if is_wanted_later and not job.is_silent and not self._is_given_up:
            self._aside.setdefault(job.aside, job)
        self._is_given_up = True
        self._thread.abandon()

    def _begin_next(self) -> None:
        if self._thread is not None:
            return
        if self._waiting:
            job = self._waiting.pop(0)
        elif self._aside:
            job = self._aside.pop(next(iter(self._aside)))
        else:
            self.emptied.emit()
            return
        self._job, self._is_given_up = job, False
        thread = self._thread = SearchThread(job.begin(), self)
        thread.event_emitted.connect(self._on_event)
        thread.succeeded.connect(self._on_succeeded)
        thread.stopped.connect(self._on_stopped)
        thread.failed.connect(self._on_failed)
        thread.consent_needed.connect(self._on_consent_needed)
        thread.finished.connect(self._on_thread_finished)
        self.began.emit(job)
        thread.start()

    def _on_event(self, event: object) -> None:
        if self._job is not None and not self._job.is_silent and not self._is_given_up:
            self.event_emitted.emit(self._job, event)

    def _on_succeeded(self, result: object) -> None:
        if not self._is_given_up:
            self.succeeded.emit(result)

    def _on_stopped(self) -> None:
        if self._job is not None and not self._job.aside:
            self._waiting.clear()

    def _on_consent_needed(self, asked: object) -> None:
        again = [*filter(None, [self._job]), *self._waiting]
        self._waiting.clear()
        self.consent_needed.emit(asked, again)

    def _on_failed(self, message: str, details: str) -> None:
        if self._job is None or self._job.is_silent or self._is_given_up:
            return
        if not self._job.aside:
            self._waiting.clear()
        self.failed.emit(message, details)

    def _on_thread_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
            self._thread = None
        self._begin_next()
