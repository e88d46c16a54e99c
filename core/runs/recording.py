"""Writes a run's files while the search goes on, and never lets a full disk stop it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.config import RunConfig, to_toml
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    Event,
    NoticeRaised,
    PolicyUpdated,
    RecordingFailed,
    SearchFinished,
    SearchStarted,
)
from core.graph.coupling import CouplingGroups
from core.runs.files import (
    CONFIG_FILE,
    MASKS_FILE,
    REPORT_FILE,
    TRAJECTORY_FILE,
    TrajectoryFile,
    TrajectoryRow,
    fallback_folders,
    move_earlier_run,
    prepare_folder,
    write_arrays,
    write_text,
)
from core.runs.report import report_text


class RunRecorder:
    """Turns a search's events into config.toml, trajectory.csv, masks.npz and report.json.

    The first file that cannot be written is told. Everything stays in memory, is tried again
    when it changes, and at the end goes to another folder if it must.
    """

    def __init__(self, groups: CouplingGroups, config: RunConfig, folder: Path) -> None:
        """Prepare `folder`; RunError if it cannot be written."""
        prepare_folder(folder)
        self.folder = folder
        self._groups = groups
        self._config = config
        self._trajectory = TrajectoryFile(folder)
        self._best: BestChanged | SearchFinished | None = None
        self._last: BoolArray | None = None
        self._policy: PolicyUpdated | None = None
        self._report = ""
        self._has_failed = False

    def record(self, event: Event) -> Sequence[Event]:
        """Write what `event` brings; returns what a person should be told."""
        match event:
            case SearchStarted():
                return self._start()
            case CandidateEvaluated():
                self._last = event.keep
                self._trajectory.rows.append(TrajectoryRow.of(event))
                return self._try(TRAJECTORY_FILE)
            case PolicyUpdated():
                self._policy = event
            case BestChanged() | SearchFinished():
                self._best = event
                return self._try(MASKS_FILE)
        return ()

    def settle(self) -> Sequence[Event]:
        """Bring all files up to date, in another folder if the run's own takes no more."""
        failure = self._write_all()
        return () if failure is None else self.leave(failure)

    def leave(self, reason: OSError) -> Sequence[Event]:
        """Go on in the first other folder that takes all files; stay if there is none."""
        told = self._tell(reason)
        home, trajectory = self.folder, self._trajectory
        for folder in fallback_folders(home.name):
            self.folder, self._trajectory = folder, TrajectoryFile(folder, trajectory.rows)
            if self._write_all() is None:
                return [*told, NoticeRaised(f"The run's files are in {folder}.")]
        self.folder, self._trajectory = home, trajectory
        return [*told, NoticeRaised("No folder takes the run's files. Make room and export again.")]

    def write_report(self, report: Mapping[str, Any]) -> Sequence[Event]:
        """Write report.json, in another folder if the run's own takes no more."""
        self._report = report_text(report)
        return self.settle()

    def _start(self) -> Sequence[Event]:
        try:
            earlier = move_earlier_run(self.folder)
        except OSError as error:
            return self._tell(error)
        told = [NoticeRaised(earlier)] if earlier else []
        return [*told, *self._try(CONFIG_FILE), *self._try(TRAJECTORY_FILE)]

    def _try(self, name: str) -> Sequence[Event]:
        try:
            self._write(name)
        except OSError as error:
            return self._tell(error)
        return ()

    def _tell(self, error: OSError) -> Sequence[Event]:
        if self._has_failed:
            return ()
        self._has_failed = True
        return [
            RecordingFailed(
                f"Cannot write into {self.folder}: {error.strerror or error}. The run goes on, "
                f"and the best mask stays in memory. Make room there."
            )
        ]

    def _write_all(self) -> OSError | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (CONFIG_FILE, TRAJECTORY_FILE, MASKS_FILE, REPORT_FILE):
                self._write(name)
        except OSError as error:
            return error
        return None

    def _write(self, name: str) -> None:
        """Write one file as it should be now; OSError."""
        writers = {
            CONFIG_FILE: self._write_config,
            TRAJECTORY_FILE: self._trajectory.flush,
            MASKS_FILE: self._write_masks,
            REPORT_FILE: self._write_report,
        }
        writers[name]()

    def _write_config(self) -> None:
        write_text(self.folder / CONFIG_FILE, to_toml(self._config))

    def _write_report(self) -> None:
        if self._report:
            write_text(self.folder / REPORT_FILE, self._report)

    def _write_masks(self) -> None:
        """Write the best, the last and the criteria's masks: bool, (channels,) and (K, channels).

        `last` is the policy's most likely mask at the end, `keep_probability` what it is made of.
        Both are the best mask where there is no policy yet.
        """
        best = self._best
        if best is None:
            return
        criteria = best.criteria if isinstance(best, SearchFinished) else {}
        last = best.keep if self._last is None else self._last
        probability = best.keep.astype(np.float32)
        if self._policy is not None:
            last, probability = self._policy.keep, self._policy.keep_probability
        names = list(criteria)
        arrays = {
            "best": best.keep,
            "last": last,
            "keep_probability": probability,
            "criteria": np.array([criteria[name] for name in names], np.bool_).reshape(
                len(names), len(best.keep)
            ),
            "criteria_names": np.array(names, dtype=np.str_),
            "macs_kept": np.float64(best.macs_kept),
            "accuracy": np.float64(best.accuracy),
            "is_final": np.bool_(isinstance(best, SearchFinished)),
            "group_of_channel": self._groups.group_of_channel,
            "group_names": np.array([g.name for g in self._groups.groups], dtype=np.str_),
        }
        write_arrays(self.folder / MASKS_FILE, arrays)
