"""Reads the runs of a folder in slices, so that the window never waits for a disk."""

import time
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import RunError
from core.runs.history import RunSummary, list_runs

SLICE_SECONDS = 0.008


class RunReader(QObject):
    """Lists runs between two turns of the event loop.

    Signals:
        run_read(object): the RunSummary of one more run.
        finished(): all runs of the folder were read.
        failed(str, str): the folder cannot be read; a sentence and the details behind it.
    """

    run_read = Signal(object)
    finished = Signal()
    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: Iterator[RunSummary] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self.read_slice)

    @property
    def is_reading(self) -> bool:
        """Whether there is more to come."""
        return self._runs is not None

    def read(self, root: Path) -> None:
        """Begin with a folder; what was being read is left as it is."""
        self._runs = list_runs(root)
        self._timer.start()

    def stop(self) -> None:
        """Read no more."""
        self._runs = None
        self._timer.stop()

    def read_slice(self) -> None:
        """Read for a few milliseconds."""
        until = time.perf_counter() + SLICE_SECONDS
        while self._runs is not None:
            try:
                summary = next(self._runs, None)
            except RunError as error:
                self.stop()
                self.failed.emit(str(error), error.details)
                return
            if summary is None:
                self.stop()
                self.finished.emit()
                return
            self.run_read.emit(summary)
            if time.perf_counter() > until:
                return
