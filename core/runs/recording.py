"""Writes a run's files while the search goes on, and never lets a full disk stop it."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.config import RunConfig, to_toml
from core.config.learning import AGENT_FILE
from core.errors import readable
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CheckpointReached,
    Event,
    LatencyTableMeasured,
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    RecordingFailed,
    SearchFinished,
    SearchStarted,
)
from core.opening import Opened
from core.runs.adapted import adapted_arrays
from core.runs.appended import AppendedFile
from core.runs.checkpoint import RunIdentity, agent_file, checkpoint_bytes
from core.runs.contents import candidate_arrays, mask_arrays
from core.runs.event_log import RECORDED, LogContents, LogHeader, decoded, event_line, header_line
from core.runs.files import (
    ADAPTED_FILE,
    CANDIDATES_FILE,
    CHECKPOINT_FILE,
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    EVENTS_FILE,
    LATENCY_FILE,
    MASKS_FILE,
    REPORT_FILE,
    TRAJECTORY_FILE,
    TRAJECTORY_HEADER,
    TrajectoryRow,
    csv_line,
    fallback_folders,
    move_earlier_run,
    write_arrays,
    write_bytes,
    write_text,
)
from core.runs.report import environment, machine, report_text


class RunRecorder:
    """Turns a search's events into the files of a run's folder.

    The first file that cannot be written is told. What is not written stays in memory, is tried
    again when it changes, and at the end goes to another folder if it must. `close` it.
    """

    def __init__(
        self, opened: Opened, config: RunConfig, folder: Path, *, is_fresh: bool = True
    ) -> None:
        """is_fresh: files that are there are another run's, and are moved away."""
        self.folder = folder
        self._is_fresh = is_fresh
        self._groups = opened.analysis.groups
        self._config = config
        self._identity = RunIdentity.of(opened, config)
        header = LogHeader.of(opened.network.name, self._groups)
        self._log = AppendedFile(folder / EVENTS_FILE, [header_line(header)])
        self._limits = tuple(config.search.further_budgets)
        columns = (*TRAJECTORY_HEADER, *(f"{name}_kept" for name in self._limits))
        self._trajectory = AppendedFile(folder / TRAJECTORY_FILE, [csv_line(columns)])
        self._environment = environment_text(opened, config, self._identity)
        self._best: BestChanged | SearchFinished | None = None
        self._last: BoolArray | None = None
        self._policy: PolicyUpdated | None = None
        self.latency_table: Mapping[str, Any] | None = None  # where latency is budgeted
        self.adapted: NetworkAdapted | None = None  # where the network adapted
        self._checkpoint = b""
        self._state: Mapping[str, Any] = {}  # of the last checkpoint
        self._report = ""
        self._has_started = False
        self._has_failed = False

    def record(self, event: Event) -> Sequence[Event]:
        """Write what `event` brings; returns what a person should be told.

        Raises: RunError at the search's start if an earlier run there cannot be moved away.
        """
        told = self._start() if isinstance(event, SearchStarted) else []
        self._note(event)
        if not self._has_started:
            return told
        match event:
            case CandidateEvaluated():
                return self._try(TRAJECTORY_FILE, EVENTS_FILE)
            case SearchFinished():
                return self._try(EVENTS_FILE, MASKS_FILE, CANDIDATES_FILE, AGENT_FILE)
            case BestChanged():
                return self._try(EVENTS_FILE, MASKS_FILE)
            case CheckpointReached():
                log_bytes = self._log.byte_count
                self._checkpoint = checkpoint_bytes(self._identity, log_bytes, event.state)
                self._state = event.state
                return self._try(CHECKPOINT_FILE)
            case LatencyTableMeasured():
                return self._try(LATENCY_FILE)
            case _ if type(event).__name__ in RECORDED:
                return [*told, *self._try(EVENTS_FILE)]
        return told

    def take_up(self, earlier: LogContents, state: Mapping[str, Any]) -> Sequence[Event]:
        """Go on after an earlier half of the run, and bring its files up to there.

        state: of the checkpoint, for there may not come another one.
        """
        self._state = state
        for event in earlier.events:
            self._note(event)
        self._log.close()
        self._log = AppendedFile.taken_up(self._log.path, earlier.byte_count)
        rows = self._trajectory
        self._has_started = True
        try:
            write_bytes(rows.path, b"".join(rows.lines()))
        except OSError as error:
            return self._tell(error)
        self._trajectory = AppendedFile.taken_up(rows.path, rows.byte_count)
        return self._try(ENVIRONMENT_FILE, EVENTS_FILE, MASKS_FILE)

    def settle(self) -> Sequence[Event]:
        """Bring all files up to date, in another folder if the run's own takes no more."""
        failure = self._write_all()
        return () if failure is None else self.leave(failure)

    def leave(self, reason: OSError) -> Sequence[Event]:
        """Go on in the first other folder that takes all files; stay if there is none."""
        told = self._tell(reason)
        home, log, trajectory = self.folder, self._log, self._trajectory
        for folder in fallback_folders(home.name):
            self.folder = folder
            self._log, self._trajectory = log.moved(folder), trajectory.moved(folder)
            if self._write_all() is None:
                log.close()
                trajectory.close()
                return [*told, NoticeRaised(f"The run's files are in {readable(folder)}.")]
            self.close()
        self.folder, self._log, self._trajectory = home, log, trajectory
        return [*told, NoticeRaised("No folder takes the run's files. Make room and export again.")]

    def close(self) -> None:
        """Let the files go that are written as the search goes on."""
        self._log.close()
        self._trajectory.close()

    def write_report(self, report: Mapping[str, Any]) -> Sequence[Event]:
        """Write report.json, in another folder if the run's own takes no more."""
        self._report = report_text(report)
        return self.settle()

    def _note(self, event: Event) -> None:
        """Keep in memory what the files will hold."""
        if type(event).__name__ in RECORDED:
            self._log.append(event_line(event))
        match event:
            case CandidateEvaluated():
                self._last = event.keep
                further = [event.further_kept[name] for name in self._limits]
                self._trajectory.append(TrajectoryRow.of(event).line(further))
            case PolicyUpdated():
                self._policy = event
            case LatencyTableMeasured():
                self.latency_table = event.table
            case NetworkAdapted():
                self.adapted = event
            case BestChanged() | SearchFinished():
                self._best = event

    def _start(self) -> list[Event]:
        self._has_started = True
        earlier = move_earlier_run(self.folder) if self._is_fresh else ""
        told: list[Event] = [NoticeRaised(earlier)] if earlier else []
        return [*told, *self._try(CONFIG_FILE, ENVIRONMENT_FILE, TRAJECTORY_FILE, LATENCY_FILE)]

    def _try(self, *names: str) -> Sequence[Event]:
        failure = self._write_each(names)
        return () if failure is None else self._tell(failure)

    def _tell(self, error: OSError) -> Sequence[Event]:
        if self._has_failed:
            return ()
        self._has_failed = True
        path = None if error.filename is None else Path(error.filename)
        is_own = path is not None and path.parent == self.folder
        what = f"{path.name} into" if path is not None and is_own else "into"
        return [
            RecordingFailed(
                f"Cannot write {what} {readable(self.folder)}: {error.strerror or error}. The run "
                "goes on, and the best mask stays in memory. Make room or allow writing there."
            )
        ]

    def _write_all(self) -> OSError | None:
        names = (CONFIG_FILE, ENVIRONMENT_FILE, TRAJECTORY_FILE, EVENTS_FILE, MASKS_FILE)
        rest = (CHECKPOINT_FILE, AGENT_FILE, CANDIDATES_FILE, LATENCY_FILE, ADAPTED_FILE)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return error
        return self._write_each((*names, *rest, REPORT_FILE))

    def _write_each(self, names: Sequence[str]) -> OSError | None:
        """Write all that can be written; returns what hindered the first of the others."""
        first: OSError | None = None
        for name in names:
            try:
                self._write(name)
            except OSError as error:
                # by its own name, whichever temporary file it was that was refused
                reason = error.strerror or str(error)
                first = first or OSError(error.errno, reason, str(self.folder / name))
        return first

    def _write(self, name: str) -> None:
        """Write one file as it should be now; OSError."""
        path = self.folder / name
        writers: dict[str, Callable[[], None]] = {
            CONFIG_FILE: lambda: write_text(path, to_toml(self._config)),
            ENVIRONMENT_FILE: lambda: write_text(path, self._environment),
            TRAJECTORY_FILE: self._trajectory.flush,
            EVENTS_FILE: self._log.flush,
            MASKS_FILE: lambda: self._write_masks(path),
            CANDIDATES_FILE: lambda: self._write_candidates(path),
            CHECKPOINT_FILE: lambda: self._write_checkpoint(path),
            AGENT_FILE: lambda: self._write_agent(path),
            LATENCY_FILE: lambda: self._write_latency(path),
            ADAPTED_FILE: lambda: self._write_adapted(path),
            REPORT_FILE: lambda: self._write_report(path),
        }
        writers[name]()

    def _write_latency(self, path: Path) -> None:
        if self.latency_table is not None:
            write_text(path, json.dumps(self.latency_table, indent=1) + "\n")

    def _write_adapted(self, path: Path) -> None:
        """Write the adapted weights with the mask that they were chosen with."""
        if self.adapted is not None and isinstance(self._best, SearchFinished):
            write_arrays(path, adapted_arrays(self.adapted.weights, self._best.keep))

    def _write_report(self, path: Path) -> None:
        if self._report:
            write_text(path, self._report)

    def _write_masks(self, path: Path) -> None:
        if self._best is not None:
            arrays = mask_arrays(self._best, self._last, self._policy, self._groups)
            write_arrays(path, arrays)

    def _write_candidates(self, path: Path) -> None:
        channels = self._groups.channel_count
        lines = itertools.islice(self._log.lines(), 1, None)  # after the header
        events = (event for line in lines for event in decoded(line, channels))
        candidates = (event for event in events if isinstance(event, CandidateEvaluated))
        write_arrays(path, candidate_arrays(candidates, channels))

    def _write_agent(self, path: Path) -> None:
        """Write what the agent has learned and another search can start with, if anything."""
        content = agent_file(self._state, self._config) if self._state else b""
        if content:
            write_bytes(path, content)

    def _write_checkpoint(self, path: Path) -> None:
        """Write the checkpoint after the events that it counts on."""
        if self._checkpoint:
            self._log.flush(is_synced=True)
            write_bytes(path, self._checkpoint)


def environment_text(opened: Opened, config: RunConfig, identity: RunIdentity) -> str:
    """Write environment.json: versions, machine, seed, and what the network and images are."""
    values = {
        **environment(),
        "network": opened.network.name,
        "network_sha256": identity.network_sha256,
        "dataset": opened.images.name,
        "images_sha256": identity.images_sha256,
        "seed": config.search.seed,
        **machine(config.search),
    }
    return json.dumps(values, indent=2) + "\n"
