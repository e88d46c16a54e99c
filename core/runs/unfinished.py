"""The run that a crash broke off, to be offered when Espalier starts again. Needs no torch."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.config import load_run_config
from core.errors import EspalierError
from core.runs.files import CHECKPOINT_FILE, CONFIG_FILE, REPORT_FILE
from core.runs.history import read_summary
from core.runs.lock import is_locked


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that can go on."""

    folder: Path
    network: str
    dataset: str
    started: datetime
    evaluations: int  # done
    total: int  # wanted


def last_unfinished(runs_folder: Path) -> UnfinishedRun | None:
    """Find the run that can go on and was worked on last; never fails.

    Runs that were finished since do not hide it. One that another Espalier is writing right now,
    or whose settings cannot be read, is not offered.
    """
    for folder in _with_checkpoint(runs_folder):
        try:
            run = read_summary(folder)
            total = load_run_config(folder / CONFIG_FILE).search.evaluations
        except EspalierError:
            continue
        if not run.problem and not run.is_finished and not is_locked(folder):
            done = run.evaluations or 0
            return UnfinishedRun(folder, run.network, run.dataset, run.started, done, total)
    return None


def _with_checkpoint(runs_folder: Path) -> list[Path]:
    """Folders that hold a checkpoint and no report, the one written last first."""
    found = []
    with contextlib.suppress(OSError):
        for folder in runs_folder.iterdir():
            with contextlib.suppress(OSError):
                if not (folder / REPORT_FILE).exists():
                    found.append(((folder / CHECKPOINT_FILE).stat().st_mtime_ns, folder))
    return [folder for _, folder in sorted(found, reverse=True)]
