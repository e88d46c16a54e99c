"""Folders of runs as Espalier leaves them, made without a search."""

import json
from pathlib import Path

import numpy as np

from core.config import RunConfig, SearchConfig, to_toml
from core.events import CandidateEvaluated
from core.runs.files import (
    CONFIG_FILE,
    MASKS_FILE,
    REPORT_FILE,
    TRAJECTORY_FILE,
    TRAJECTORY_HEADER,
    TrajectoryRow,
    write_arrays,
)

BEST = np.array([1, 1, 0, 0, 1, 0], dtype=np.bool_)
GROUPS = np.array([0, 0, 0, 1, 1, 1], dtype=np.int64)
GROUP_NAMES = ("stem", "block.inner")


def make_run(
    folder: Path,
    *,
    seed: int = 0,
    network: str = "tiny",
    accuracy: float = 0.75,
    criteria: dict[str, float | None] | None = None,
    evaluations: int = 3,
    is_finished: bool = True,
    best: np.ndarray = BEST,
    test_images: int = 1000,
) -> Path:
    """Write config.toml, trajectory.csv, masks.npz and, of a finished run, report.json."""
    folder.mkdir(parents=True)
    config = RunConfig(
        network=network, search=SearchConfig(seed=seed, evaluations=max(1, evaluations))
    )
    (folder / CONFIG_FILE).write_text(to_toml(config))
    write_trajectory(folder, evaluations)
    known = {"l1_uniform": 0.6, "random_uniform": 0.3} if criteria is None else criteria
    write_arrays(
        folder / MASKS_FILE,
        {
            "best": best,
            "criteria": np.array([best] * len(known)).reshape(len(known), len(best)),
            "criteria_names": np.array(list(known), dtype=np.str_),
            "group_of_channel": GROUPS,
            "group_names": np.array(GROUP_NAMES, dtype=np.str_),
        },
    )
    if is_finished:
        (folder / REPORT_FILE).write_text(
            json.dumps(report_of(network, seed, accuracy, known, evaluations, test_images))
        )
    return folder


def report_of(
    network: str,
    seed: int,
    accuracy: float,
    criteria: dict[str, float | None],
    evaluations: int = 3,
    test_images: int = 1000,
) -> dict[str, object]:
    """What report.json of such a run holds."""
    return {
        "network": network,
        "dataset": "digits",
        "seed": seed,
        "macs_budget": 0.5,
        "evaluations": evaluations,
        "baseline": {"accuracy": 0.92, "macs": 1000, "params": 200},
        "pruned": {"accuracy": accuracy, "macs_kept": 0.498, "macs": 498, "params": 90},
        "criteria": {
            name: {"accuracy": value, "macs_kept": 0.495} for name, value in criteria.items()
        },
        "parity": {},
        "images": {"reward": 1000, "held_out": 300, "test": test_images},
    }


def write_trajectory(folder: Path, evaluations: int) -> None:
    """Write so many lines; accuracy rises by 1 % with every evaluation, from 50 %."""
    rows = [
        TrajectoryRow.of(
            CandidateEvaluated(
                number, 1, BEST, 0.5, 0.5 + number / 100, 1.0, -1.0, 0.5, True, number * 0.5
            )
        )
        for number in range(1, evaluations + 1)
    ]
    with (folder / TRAJECTORY_FILE).open("wb") as file:
        file.write(",".join(TRAJECTORY_HEADER).encode() + b"\n")
        for row in rows:
            file.write(row.line())
