"""The soak itself: a person at the window, a census every few seconds, and the table of both."""

import gc
import platform
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QEvent, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from tests.benchmarks.soak_census import (
    FEWEST_SAMPLES,
    LEFTOVERS,
    MOST_GROWTH,
    Census,
    growth,
    left_over,
    slope_mb_per_hour,
    take_census,
)
from tests.benchmarks.soak_person import Person

ROOT = Path(__file__).resolve().parents[2]
# The screen that is only in memory has no window manager to be asked.
OFFSCREEN_WORDS = "This plugin does not support"
HARMLESS = (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg)
MOST_ROWS = 32  # of the table


class Soak:
    """One run of the soak; `run` returns when it is over."""

    def __init__(self, folder: Path, seconds: float, interval: float, seed: int) -> None:
        self.samples: list[Census] = []
        self.warnings: list[str] = []  # of Qt
        self.raised: list[str] = []
        self._folder, self._seconds, self._interval, self._seed = folder, seconds, interval, seed
        self._app = QApplication(sys.argv[:1])
        self._app.setQuitOnLastWindowClosed(False)
        self._person: Person | None = None
        self._deeds: Counter[str] = Counter()
        self._problems: list[str] = []

    def run(self) -> None:
        """Use the window for as long as was asked for."""
        qInstallMessageHandler(self._on_message)
        sys.excepthook = self._on_raised
        began = time.monotonic()
        steps = self._steps(began)

        def step() -> None:
            waits = next(steps, None)
            if waits is None:
                self._app.quit()
            else:
                QTimer.singleShot(waits, step)

        QTimer.singleShot(0, step)
        self._app.exec()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        gc.collect()
        self.samples.append(take_census(began))
        sys.excepthook = sys.__excepthook__
        qInstallMessageHandler(None)

    def failures(self) -> list[str]:
        """Say what is wrong; nothing if nothing is."""
        *samples, last = self.samples
        found = left_over(samples, last) if samples else []
        if len(samples) >= FEWEST_SAMPLES and growth(samples) > MOST_GROWTH:
            found.append(f"memory grew by {growth(samples):.1%}")
        found += [f"Qt: {words}" for words in self.warnings]
        found += [f"raised: {words}" for words in self.raised]
        return found + [f"the window said: {words}" for words in dict.fromkeys(self._problems)]

    def as_markdown(self) -> str:
        """Write the result as a page with a table."""
        *samples, last = self.samples
        failures = self.failures()
        verdict = "Nothing was left behind." if not failures else "Something was left behind:"
        count = sum(self._deeds.values())
        done = ", ".join(f"{name} {number}" for name, number in self._deeds.most_common())
        change = f"{growth(samples):+.2%}" if len(samples) >= FEWEST_SAMPLES else "not judged"
        lines = [
            f"# Soak: {last.seconds / 60:.0f} minutes, {machine()}, commit {commit()}",
            "",
            f"`python -m tests.benchmarks.soak --minutes {self._seconds / 60:g} "
            f"--seed {self._seed}`",
            "",
            verdict,
            *(f"- {failure}" for failure in failures),
            "",
            f"Memory, median of the last third against the first: {change} "
            f"(asked: at most {MOST_GROWTH:+.0%}); slope of the second half "
            f"{slope_mb_per_hour(samples):+.1f} MB an hour. Qt warnings: {len(self.warnings)}.",
            "",
            f"{count} deeds: {done}.",
            "",
            f"| minute | memory MB | Python objects | {' | '.join(LEFTOVERS)} |",
            f"|---|---|---|{'---|' * len(LEFTOVERS)}",
            *(_row(census) for census in [*_thinned(samples), last]),
            "",
            "The last row was counted after the window was closed.",
        ]
        return "\n".join(lines) + "\n"

    def _steps(self, began: float) -> Iterator[int]:
        person = self._person = Person(self._folder, self._seed)
        until = began + self._seconds
        while (now := time.monotonic()) < until:
            yield from person.live(min(until, now + self._interval))
            yield from person.rest()
            self.samples.append(take_census(began))
        yield from person.leave()
        self._deeds, self._problems = Counter(person.deeds), person.problems
        self._person = None

    def _on_message(self, kind: QtMsgType, context: object, message: str) -> None:
        if kind not in HARMLESS and not message.startswith(OFFSCREEN_WORDS):
            self.warnings.append(message)

    def _on_raised(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.raised.append("".join(traceback.format_exception(kind, error, trace)))
        sys.stderr.write(self.raised[-1])


def _row(census: Census) -> str:
    counts = " | ".join(str(count(census)) for count in LEFTOVERS.values())
    minute = census.seconds / 60
    return f"| {minute:.1f} | {census.resident_mb:.1f} | {census.python_objects:,} | {counts} |"


def _thinned(samples: list[Census]) -> list[Census]:
    """Leave out so many that the table can be read; the first and the last stay."""
    step = -(-len(samples) // MOST_ROWS) or 1
    return [census for place, census in enumerate(reversed(samples)) if place % step == 0][::-1]


def machine() -> str:
    """Say on what it ran."""
    import os

    import PySide6
    import torch

    return (
        f"{os.cpu_count()} CPU cores, {platform.system()}, Python {platform.python_version()}, "
        f"PySide6 {PySide6.__version__}, torch {torch.__version__}"
    )


def commit() -> str:
    """Name the commit, if this is a git checkout."""
    words = ["git", "-c", "safe.directory=*", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
