"""Where the time of a search goes."""

import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from core.events import StopRequested

Told = TypeVar("Told")
Result = TypeVar("Result")


class Stopwatch:
    """Sums seconds of work by name, and in all since it was made, also those of the processor.

    Processor seconds are the whole process's, on all its threads.

    What passes while nobody asks for the next event of `counting` is no work: a pause, a
    window that does not keep up. The clock of the wall may be set back meanwhile; it is not read.
    """

    def __init__(self) -> None:
        self._before = 0.0  # seconds of earlier stretches
        self._started: float | None = time.perf_counter()  # None while it stands
        self._cpu_before, self._cpu_started = 0.0, time.process_time()
        self._sums: defaultdict[str, float] = defaultdict(float)

    def load_seconds(self, seconds: Mapping[str, float]) -> None:
        """Go on counting from what `seconds` gave."""
        sums = dict(seconds)
        self._before = sums.pop("total")
        self._cpu_before = sums.pop("cpu", 0.0)  # older checkpoints do not know it
        if self._started is not None:
            self._started, self._cpu_started = time.perf_counter(), time.process_time()
        self._sums.update(sums)

    def counting(self, events: Generator[Told, None, Result]) -> Generator[Told, None, Result]:
        """Pass events through, and stand still from each until the next one is asked for.

        A StopRequested that is thrown in goes on into `events`. Returns what `events` returns.
        """
        stop: StopRequested | None = None
        try:
            while True:
                self._go()
                event = next(events) if stop is None else events.throw(stop)
                stop = None
                self._stand()
                try:
                    yield event
                except StopRequested as request:
                    stop = request
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            self._go()
            events.close()

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time inside the block to `name`."""
        started = self.elapsed
        try:
            yield
        finally:
            self._sums[name] += self.elapsed - started

    @property
    def elapsed(self) -> float:
        """Seconds of work since the stopwatch was made."""
        running = 0.0 if self._started is None else time.perf_counter() - self._started
        return self._before + max(0.0, running)

    @property
    def cpu(self) -> float:
        """Processor seconds of work since the stopwatch was made."""
        is_standing = self._started is None
        running = 0.0 if is_standing else max(0.0, time.process_time() - self._cpu_started)
        return self._cpu_before + running

    def seconds(self, *names: str) -> dict[str, float]:
        """Return "total", "cpu" and the sums of `names`."""
        sums = {name: self._sums[name] for name in names}
        return {"total": self.elapsed, "cpu": self.cpu, **sums}

    def _stand(self) -> None:
        self._cpu_before = self.cpu
        self._before, self._started = self.elapsed, None

    def _go(self) -> None:
        if self._started is None:
            self._started, self._cpu_started = time.perf_counter(), time.process_time()
