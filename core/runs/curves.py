"""The curves of a run that was made before, or that another process makes now. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError, readable
from core.events import BoolArray
from core.runs.files import TRAJECTORY_FILE, TRAJECTORY_HEADER


@dataclass(frozen=True, eq=False)
class RunCurves:
    """The columns of trajectory.csv, shape (evaluations,) each; accuracy is 0-1."""

    evaluation: NDArray[np.float64]
    seconds: NDArray[np.float64]
    macs_kept: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    reward: NDArray[np.float64]
    meets_budget: BoolArray

    @property
    def best_accuracy(self) -> NDArray[np.float64]:
        """The highest accuracy so far of a mask within the budget; NaN before the first."""
        allowed = np.where(self.meets_budget & np.isfinite(self.accuracy), self.accuracy, -np.inf)
        best = np.maximum.accumulate(allowed)
        return np.where(np.isfinite(best), best, np.nan)


def read_curves(folder: Path) -> RunCurves:
    """Read trajectory.csv; a last line that is not whole is left out.

    Raises: RunError if there is no such file or it holds something else.
    """
    path = folder / TRAJECTORY_FILE
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # after the last line feed nothing is whole
        header = [name.decode("ascii").strip() for name in lines[0].split(b",")]
        columns = [header.index(name) for name in TRAJECTORY_HEADER]
        table = np.loadtxt(lines[1:], delimiter=",", ndmin=2) if lines[1:] else np.empty((0, 0))
        values = dict(zip(TRAJECTORY_HEADER, table.T[columns] if len(table) else [], strict=False))
    except (OSError, ValueError, IndexError) as error:
        raise RunError(
            f"Cannot read the curves of the run in {readable(folder)}: {TRAJECTORY_FILE} is "
            "missing or damaged. Choose another run.",
            str(error),
        ) from error
    none = np.empty(0)
    return RunCurves(
        **{
            name: values.get(name, none)
            for name in RunCurves.__dataclass_fields__
            if name != "meets_budget"
        },
        meets_budget=values.get("meets_budget", none) > 0,
    )
