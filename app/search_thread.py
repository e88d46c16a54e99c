"""The only QThread: it runs one generator of events and can pause or stop between two of them."""

import threading
import traceback
from collections.abc import Callable, Generator
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from app.process import give_back_memory
from core.errors import ConsentNeeded, EspalierError
from core.events import Event, StopRequested
from core.memory import forget_traces, told_shortage

MakeEvents = Callable[[], Generator[Event, None, Any]]
# The first stop lets the job finish with what it has; the second ends it as it stands.
STOPS_THAT_A_JOB_HEARS = 2
# A job that is faster than the window waits for it: otherwise a stop would be seen only after
# everything that piled up.
MOST_UNSEEN_EVENTS = 64


class SearchThread(QThread):
    """Runs one job: opening, searching or exporting.

    The job is made and driven inside the thread, so its imports happen there too. Nobody
    needs to wait for the thread: exactly one of `succeeded`, `stopped`, `failed` and
    `consent_needed` comes, then QThread's own `finished`.

    Signals:
        event_emitted(object): the job yielded this event.
        succeeded(object): the job ended and returned this.
        stopped(): the job let a stop end it.
        failed(str, str): the job raised; a sentence and the details behind it.
        consent_needed(ConsentNeeded): the job raised because nobody has agreed to run a file.
        pause_changed(bool): the job now waits between two events, or goes on.
    """

    event_emitted = Signal(object)
    succeeded = Signal(object)
    stopped = Signal()
    failed = Signal(str, str)
    consent_needed = Signal(object)
    pause_changed = Signal(bool)

    def __init__(self, make_events: MakeEvents, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("espalier-search")
        self._make_events = make_events
        self._turn = threading.Condition()
        self._is_paused = False
        self._stops_wanted = 0
        self._stops_thrown = 0
        self._unseen_events = 0
        self.event_emitted.connect(self._on_event_seen)

    def pause(self) -> None:
        """Wait before the next step of the job."""
        with self._turn:
            self._is_paused = True

    def resume(self) -> None:
        """Go on with a paused job."""
        with self._turn:
            self._is_paused = False
            self._turn.notify()

    def request_stop(self) -> None:
        """Ask the job to finish with what it has; asked again, it ends at its next event."""
        self._want_stops(self._stops_wanted + 1)

    def abandon(self) -> None:
        """End the job at its next event, whatever it is doing."""
        self._want_stops(STOPS_THAT_A_JOB_HEARS + 1)

    def run(self) -> None:
        try:
            result = self._drive(self._make_events())
        except StopRequested:
            self.stopped.emit()
        except ConsentNeeded as error:
            self.consent_needed.emit(error)
        except EspalierError as error:
            self.failed.emit(str(error), error.details or _chain(error))
        except Exception as error:  # a bug must reach the person, not vanish with the thread
            from core.networks.user_code import error_of_own_code

            told = error_of_own_code(error) or f"{type(error).__name__}: {error}"
            self.failed.emit(str(told), traceback.format_exc())
        else:
            self.succeeded.emit(result)
        finally:
            forget_traces()
            give_back_memory()

    def _drive(self, events: Generator[Event, None, Any]) -> Any:
        with told_shortage("working"):
            return self._drive_to_end(events)

    def _drive_to_end(self, events: Generator[Event, None, Any]) -> Any:
        try:
            while True:
                self._wait_for_turn()
                event = self._step(events)
                with self._turn:
                    self._unseen_events += 1
                self.event_emitted.emit(event)
        except StopIteration as end:
            return end.value
        finally:
            events.close()

    def _step(self, events: Generator[Event, None, Any]) -> Event:
        with self._turn:
            is_stop_due = self._stops_thrown < self._stops_wanted
            if is_stop_due:
                self._stops_thrown += 1
            is_deaf = self._stops_thrown > STOPS_THAT_A_JOB_HEARS
        if is_deaf:
            raise StopRequested
        return events.throw(StopRequested()) if is_stop_due else next(events)

    def _wait_for_turn(self) -> None:
        with self._turn:
            if self._is_paused:
                self.pause_changed.emit(True)
                self._turn.wait_for(lambda: not self._is_paused)
                self.pause_changed.emit(False)
            self._turn.wait_for(self._has_room_or_stop)

    def _has_room_or_stop(self) -> bool:
        is_stop_due = self._stops_thrown < self._stops_wanted
        return is_stop_due or self._unseen_events < MOST_UNSEEN_EVENTS

    def _on_event_seen(self) -> None:
        with self._turn:
            self._unseen_events -= 1
            self._turn.notify()

    def _want_stops(self, count: int) -> None:
        with self._turn:
            self._stops_wanted = count
            # A stopping job has to move to reach its end.
            self._is_paused = False
            self._turn.notify()


def _chain(error: EspalierError) -> str:
    """Tell what lay behind a failure that came without details of its own."""
    return "" if error.__cause__ is None else "".join(traceback.format_exception(error))
