"""Where the time of a search goes."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Stopwatch:
    """Sums wall seconds by name, and the total since it was made, also of the processor.

    Processor seconds are those of the whole process, on all its threads.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu_started = time.process_time()
        self._sums: defaultdict[str, float] = defaultdict(float)

    def load_seconds(self, seconds: Mapping[str, float]) -> None:
        """Go on counting from what `seconds` gave."""
        sums = dict(seconds)
        self._started = time.perf_counter() - sums.pop("total")
        # older checkpoints do not know it
        self._cpu_started = time.process_time() - sums.pop("cpu", 0.0)
        self._sums.update(sums)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time inside the block to `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._sums[name] += time.perf_counter() - started

    @property
    def elapsed(self) -> float:
        """Seconds since the stopwatch was made."""
        return time.perf_counter() - self._started

    def seconds(self, *names: str) -> dict[str, float]:
        """Return "total", "cpu" and the sums of `names`."""
        return {
            "total": self.elapsed,
            "cpu": time.process_time() - self._cpu_started,
            **{name: self._sums[name] for name in names},
        }
