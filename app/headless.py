"""The same search in a terminal: a progress bar, a table, and Ctrl-C that loses nothing."""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from app.report_table import as_percent, kept_words, report_table, short_words
from app.streams import write_out
from core.config import RunConfig
from core.errors import EspalierError, readable
from core.events import (
    CandidateEvaluated,
    Event,
    Events,
    HealthRaised,
    NetworkOpened,
    NoticeRaised,
    RecordingFailed,
    RunReported,
    SearchFinished,
    SearchStarted,
    StageStarted,
    StopRequested,
)
from core.memory import told_shortage
from core.runs.files import new_run_folder

EXIT_DONE = 0
EXIT_MEND = 2
EXIT_BROKEN_OFF = 130
USUAL_COLUMNS, USUAL_LINES = 80, 24
LINES_PER_SEARCH = 10  # where there is no terminal to redraw a bar in
BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix} [{elapsed}, {remaining} left]"


def run_headless(
    config: RunConfig,
    folder: Path | None,
    *,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Open, search, record and report in the terminal; returns the exit code.

    folder: where the run's files go; None makes a new one in the user's data folder.
    trust: run the code of the network's file this once.
    """
    place = folder or new_run_folder(config)
    events = _open_and_record(config, place, allow_download, trust)
    stopped = "Stopped before there was a mask; nothing was written."
    return _run(events, _go_on(place), stopped, is_quiet=is_quiet, is_verbose=is_verbose)


def resume_headless(
    folder: Path,
    *,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Go on with the run in `folder` as if it had not been broken off; returns the exit code."""
    events = _open_and_resume(folder, allow_download, trust)
    stopped = "Stopped before the search went on; the run is as it was."
    return _run(events, _go_on(folder), stopped, is_quiet=is_quiet, is_verbose=is_verbose)


def round_headless(
    source: Path,
    folder: Path | None,
    multiple: int,
    *,
    macs_budget: float | None = None,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Round the widths of the finished run in `source`; returns the exit code.

    folder: where the rounded run's files go; None: beside `source`.
    """
    events = _open_and_round(source, folder, multiple, macs_budget, allow_download, trust)
    broken_off = "Broken off. The run itself is as it was; the same command rounds it again."
    stopped = "Stopped before the widths were rounded."
    return _run(events, broken_off, stopped, is_quiet=is_quiet, is_verbose=is_verbose)


def _go_on(folder: Path) -> str:
    return (
        "Broken off. masks.npz holds the best mask so far, if one was found. To go on after "
        f"the last update: espalier resume {shlex.quote(readable(folder))}"
    )


def _run(events: Events, broken_off: str, stopped: str, *, is_quiet: bool, is_verbose: bool) -> int:
    screen = Screen(sys.stdout, sys.stderr, is_quiet=is_quiet)
    return drive_to_exit(
        events, screen, broken_off=broken_off, stopped=stopped, is_verbose=is_verbose
    )


def drive_to_exit(
    events: Events,
    screen: "Screen",
    *,
    broken_off: str,
    stopped: str,
    is_verbose: bool,
    stopping: str = "the best so far is judged and written",
) -> int:
    """Drive events to their end, say how they ended, and return the exit code.

    stopping: what the first Ctrl-C makes happen; broken_off: what to say after the second;
    stopped: after one that came before any result.
    """
    try:
        with StopKeys(screen.say, stopping) as keys:
            drive(events, keys, screen)
    except KeyboardInterrupt:
        screen.say(broken_off)
        return EXIT_BROKEN_OFF
    except StopRequested:
        screen.say(stopped)
        return EXIT_BROKEN_OFF
    except Exception as error:
        told = _mendable(error)
        if told is None:
            raise
        screen.close_bar()
        details = f"\n{told.details}" if is_verbose and told.details else ""
        write_out(sys.stderr, f"espalier: {told}{details}\n")
        return EXIT_MEND
    finally:
        screen.close_bar()
    return EXIT_DONE if screen.is_complete else EXIT_BROKEN_OFF


def _mendable(error: Exception) -> EspalierError | None:
    """What a user can mend: an error of ours that says so, or one of a network's own code."""
    if isinstance(error, EspalierError):
        return error
    from core.networks.user_code import error_of_own_code

    return error_of_own_code(error)


def _open_and_record(config: RunConfig, folder: Path, allow_download: bool, trust: bool) -> Events:
    yield StageStarted("Preparing")
    from core.opening import open_run
    from core.runs.flow import record_run
    from core.search import check_search

    check_search(config.search)
    opened = yield from open_run(config, allow_download=allow_download, trust=trust)
    yield from record_run(opened, config, folder)


def _open_and_resume(folder: Path, allow_download: bool, trust: bool) -> Events:
    yield StageStarted("Preparing")
    from core.runs.resuming import open_and_resume

    yield from open_and_resume(folder, allow_download=allow_download, trust=trust)


def _open_and_round(
    source: Path,
    folder: Path | None,
    multiple: int,
    macs_budget: float | None,
    allow_download: bool,
    trust: bool,
) -> Events:
    yield StageStarted("Preparing")
    from core.runs.rounding import open_and_round

    yield from open_and_round(
        source,
        folder,
        multiple,
        macs_budget=macs_budget,
        allow_download=allow_download,
        trust=trust,
    )


def drive(events: Generator[Event, None, Any], keys: "StopKeys", screen: "Screen") -> None:
    """Show all events, and throw a stop into them when it is asked for."""
    with told_shortage("working"), contextlib.closing(events):
        _drive(events, keys, screen)


def _drive(events: Generator[Event, None, Any], keys: "StopKeys", screen: "Screen") -> None:
    try:
        while True:
            event = events.throw(StopRequested()) if keys.take_stop() else next(events)
            screen.show(event)
    except StopIteration:
        return


class StopKeys:
    """Ctrl-C and SIGTERM inside a `with`: the first asks for a stop, the second breaks off."""

    def __init__(self, say: Any, stopping: str) -> None:
        self._say = say
        self._stopping = stopping
        self._asked = 0
        self._thrown = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopKeys":
        for kind in (signal.SIGINT, signal.SIGTERM):
            self._before[kind] = signal.signal(kind, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take_stop(self) -> bool:
        """Whether a stop was asked for that has not been thrown into the search yet."""
        is_due = self._thrown < self._asked
        self._thrown = self._asked
        return is_due

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked > 1:
            raise KeyboardInterrupt
        self._say(f"Stopping: {self._stopping}. Ctrl-C again ends at once.")


class Screen:
    """Turns events into lines and a bar on `err`, and the final table on `out`."""

    def __init__(self, out: TextIO, err: TextIO, *, is_quiet: bool = False) -> None:
        self.is_complete = False  # the run's report has all its numbers
        self._out = out
        self._err = err
        self._is_quiet = is_quiet
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._evaluations = 0  # of a search that goes on; 0: of none
        self._done = 0
        self._is_told_again = False  # by a run that is taken up or rounded: without stages
        self._tenths_said = 0
        self._first: CandidateEvaluated | None = None

    def show(self, event: Event) -> None:
        """Show what a person wants to know of `event`."""
        match event:
            case StageStarted():
                self._start_stage(event.stage)
                self._go_on()
            case NetworkOpened():
                self._tell(_opened_line(event))
            case SearchStarted():
                self._tell(
                    f"Unpruned accuracy on held-out images: {as_percent(event.baseline_accuracy)}"
                )
                if event.further_budgets:
                    words = kept_words({"macs": event.macs_budget, **event.further_budgets})
                    self._tell(f"At most {words}")
                self._evaluations, self._is_told_again = event.evaluations, True
            case CandidateEvaluated():
                self._advance(event)
            case SearchFinished():
                self._evaluations = 0
                self.close_bar()
            case NoticeRaised() | RecordingFailed():
                self.say(event.message)
            case HealthRaised():
                self.say(f"{event.evidence} {event.advice}")
            case RunReported():
                self.close_bar()
                self.is_complete = _is_complete(event)
                self._print(report_table(event.report, event.folder))

    def say(self, message: str) -> None:
        """Print a line that even --quiet wants to hear, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        write_out(self._err, f"{message}\n")
        if self._bar is not None:
            self._bar.refresh()

    def close_bar(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, table: str) -> None:
        """Write what standard output is for; a reader that went away needs no words."""
        failure = write_out(self._out, table)
        if failure is not None and not isinstance(failure, BrokenPipeError):
            self.say(f"Cannot write the results to the output: {failure.strerror or failure}.")

    def _tell(self, message: str) -> None:
        if not self._is_quiet:
            self.say(message)

    def _start_stage(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            if self._bar is not None and self._bar.n > self._bar.initial:
                self.close_bar()  # what follows the last evaluation is no part of it
            self._tell(f"{stage} ...")

    def _go_on(self) -> None:
        """Open the bar where the search begins, or where what was done before has been told."""
        if not self._is_told_again:
            return
        self._is_told_again = False
        if self._is_quiet or not self._evaluations or not self._err.isatty():
            return
        tqdm.monitor_interval = 0  # no thread that outlives the bar
        self._bar = tqdm(
            initial=self._done,  # no part of the pace
            total=self._evaluations,
            file=self._err,
            bar_format=BAR_FORMAT,
            **bar_size(self._err),
        )

    def _advance(self, event: CandidateEvaluated) -> None:
        numbers = (
            f"accuracy {as_percent(event.ema_accuracy)}, MACs kept {as_percent(event.macs_kept)}"
        )
        if event.further_kept:
            numbers += f", {short_words(event.further_kept)}"
        self._done = event.evaluation
        if self._bar is not None:
            self._bar.set_postfix_str(numbers, refresh=False)
            self._bar.update(event.evaluation - self._bar.n)
            return
        if self._first is None:
            self._first = event
        tenths = event.evaluation * LINES_PER_SEARCH // max(1, self._evaluations)
        if tenths > self._tenths_said:
            self._tenths_said = tenths
            if self._is_told_again:
                return
            left = _seconds_left(self._first, event, self._evaluations)
            self._tell(f"  {event.evaluation}/{self._evaluations}  {numbers}, {left}")


def bar_size(terminal: TextIO) -> dict[str, int | bool]:
    """The terminal's own size, or a usual one where it does not know its own and says 0."""
    if os.get_terminal_size(terminal.fileno()).columns:
        return {"dynamic_ncols": True}
    return {"ncols": USUAL_COLUMNS, "nrows": USUAL_LINES}


def _seconds_left(first: CandidateEvaluated, now: CandidateEvaluated, evaluations: int) -> str:
    """Time left by the pace since the first candidate: the criteria before it go otherwise."""
    if now.evaluation <= first.evaluation:
        return "time left unknown"
    pace = (now.seconds - first.seconds) / (now.evaluation - first.evaluation)
    return f"{pace * (evaluations - now.evaluation):.0f} s left"


def _opened_line(event: NetworkOpened) -> str:
    counts = event.image_counts
    return (
        f"{event.network}: {event.macs:,} MACs, {event.params:,} parameters, "
        f"{event.groups.channel_count:,} channels that can go\n"
        f"{event.dataset}: {counts.get('reward', 0):,} reward images, "
        f"{counts.get('held_out', 0):,} held out, {counts.get('test', 0):,} for the test"
    )


def _is_complete(event: RunReported) -> bool:
    report = event.report
    is_exported = report["parity"]["onnx"] is not None or report["export_error"] is not None
    is_unwanted = report.get("stopped") is False and set(report["parity"].values()) == {None}
    return report["pruned"]["accuracy"] is not None and (is_exported or is_unwanted)
