"""The run that a crash broke off, to be offered when Espalier starts again. Needs no torch."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.config import load_run_config
from core.errors import EspalierError
from core.runs.files import CHECKPOINT_FILE, CONFIG_FILE
from core.runs.history import list_runs
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
    """Find the newest run that can go on, if none was finished after it; never fails.

    A run that another Espalier is writing right now is not offered.
    """
    try:
        for run in list_runs(runs_folder):
            if run.is_finished:
                return None
            if not run.problem and (run.folder / CHECKPOINT_FILE).is_file():
                total = load_run_config(run.folder / CONFIG_FILE).search.evaluations
                if is_locked(run.folder):
                    continue
                done = run.evaluations or 0
                return UnfinishedRun(run.folder, run.network, run.dataset, run.started, done, total)
    except EspalierError:
        return None
    return None
