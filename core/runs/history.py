"""Runs that were made before: a list of them, and the notes that a person keeps. Needs no torch.

A run's folder may hold anything: a run that still goes on, one that was killed, one of another
version, files that somebody changed. Listing never fails; what cannot be read is named.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.config.searching import FURTHER_BUDGETS, WHEN_UNNAMED
from core.errors import RunError, readable
from core.runs.files import (
    CONFIG_FILE,
    REPORT_FILE,
    RUN_FILES,
    TRAJECTORY_FILE,
    write_text,
)

NOTES_FILE = "notes.txt"
MOST_BYTES = 1 << 24  # of a settings, report or notes file; a real one has a few thousand
LONGEST_NOTES = 10_000  # letters
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d-\d\d-\d\d)")  # in the name of a run's folder
# What says nothing about what was searched: two runs that differ in these alone are kin.
OWN_SETTINGS = ("seed", "device", "threads")
NO_KINSHIP = ("search", "finetune", "latency")  # of the settings outside the search


@dataclass(frozen=True, eq=False)
class RunSummary:
    """One run in a list; what is not known is None, and `problem` says what is wrong with it."""

    folder: Path
    started: datetime
    network: str = ""
    dataset: str = ""
    macs_budget: float | None = None  # 0-1
    further_budgets: Mapping[str, float] = field(default_factory=dict)  # "params" -> 0-1
    method: str = ""
    reward: str = ""
    constraint: str = ""
    seed: int | None = None
    evaluations: int | None = None  # done
    accuracy: float | None = None  # 0-1, on the test images, before fine-tuning
    macs_kept: float | None = None
    best_criterion: str = ""
    best_criterion_accuracy: float | None = None
    is_finished: bool = False
    is_adapted: bool = False  # the winner has weights of its own, the criteria's masks have not
    notes: str = ""
    problem: str = ""
    kinship: str = ""  # equal for runs that differ in their seed alone; "" if unknown or stopped

    @property
    def lead(self) -> float | None:
        """Test accuracy above the best criterion's; None while it is not known."""
        if self.accuracy is None or self.best_criterion_accuracy is None:
            return None
        return self.accuracy - self.best_criterion_accuracy


def list_runs(root: Path) -> Iterator[RunSummary]:
    """Summarise the runs in a folder one by one, the newest first; `root` may be a run itself.

    Raises: RunError if the folder cannot be looked into.
    """
    if is_run(root):
        yield read_summary(root)
        return
    try:
        with os.scandir(root) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(
            f"Cannot look for runs in {readable(root)}: {error.strerror or error}. "
            "Choose another folder."
        ) from error
    runs = [(_moment(folder), folder) for folder in folders if is_run(folder)]
    for _, folder in sorted(runs, key=lambda pair: (pair[0], pair[1].name), reverse=True):
        yield read_summary(folder)


def is_run(folder: Path) -> bool:
    """Whether a folder holds any file of a run."""
    return any((folder / name).exists() for name in RUN_FILES)


def read_summary(folder: Path) -> RunSummary:
    """Say what is known about the run in a folder; never fails."""
    problems: list[str] = []
    config = _read(folder / CONFIG_FILE, tomllib.loads, problems)
    report = _read(folder / REPORT_FILE, json.loads, problems)
    search = _mapping(config.get("search"))
    pruned, criteria = _mapping(report.get("pruned")), _mapping(report.get("criteria"))
    known = {
        name: score
        for name, entry in criteria.items()
        if (score := _number(_mapping(entry).get("accuracy"))) is not None
    }
    best = max(known, key=lambda name: known[name], default="")
    if not config and not problems:
        problems.append(f"there is no {CONFIG_FILE}")
    return RunSummary(
        folder=folder,
        started=_moment(folder),
        network=_text(report.get("network")) or _text(config.get("network")),
        dataset=_text(report.get("dataset")) or _text(config.get("data")),
        macs_budget=_number(search.get("macs_budget")) or _number(report.get("macs_budget")),
        further_budgets=_further_budgets(search),
        method=_text(search.get("method")),
        reward=_text(search.get("reward")),
        constraint=_text(search.get("constraint")),
        seed=_count(search.get("seed")),
        evaluations=_count(report.get("evaluations")) if report else _evaluations(folder),
        accuracy=_number(pruned.get("accuracy")),
        macs_kept=_number(pruned.get("macs_kept")),
        best_criterion=best,
        best_criterion_accuracy=known.get(best),
        is_finished=bool(report),
        is_adapted=report.get("adapted") is True,
        notes=_notes(folder),
        problem="; ".join(problems),
        kinship="" if report.get("stopped") is True else _kinship(config),
    )


def _further_budgets(search: Mapping[str, Any]) -> dict[str, float]:
    known = {name: _number(search.get(f"{name}_budget")) for name in FURTHER_BUDGETS}
    return {name: share for name, share in known.items() if share is not None and share < 1}


def read_report(folder: Path) -> Mapping[str, Any]:
    """Read report.json; an empty mapping if there is none that can be read."""
    return read_json(folder / REPORT_FILE)


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a table of JSON; an empty mapping if there is none that can be read."""
    return _read(path, json.loads, [])


def write_notes(folder: Path, notes: str) -> None:
    """Keep what a person says about a run, in notes.txt; RunError if it cannot be written."""
    path = folder / NOTES_FILE
    try:
        if notes:
            write_text(path, notes[:LONGEST_NOTES])
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"Cannot write {readable(path)}: {error.strerror or error}. "
            "Make room or allow writing there, and write the notes again."
        ) from error


def _read(path: Path, parse: Any, problems: list[str]) -> Mapping[str, Any]:
    """Read a file of settings or numbers; what is wrong with it is added to `problems`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too large")
        values = parse(path.read_text(encoding="utf-8"))
        if not isinstance(values, Mapping):
            raise ValueError("no table")
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(f"{path.name} cannot be read ({error.strerror or error})")
        return {}
    except (ValueError, RecursionError):
        problems.append(f"{path.name} is damaged")
        return {}
    return values


def _notes(folder: Path) -> str:
    try:
        with (folder / NOTES_FILE).open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_NOTES)
    except OSError:
        return ""


def _evaluations(folder: Path) -> int | None:
    """Count the whole lines of trajectory.csv without the header."""
    try:
        return max(0, (folder / TRAJECTORY_FILE).read_bytes().count(b"\n") - 1)
    except OSError:
        return None


def _moment(folder: Path) -> datetime:
    """When a run began: by the folder's name, else by its last change."""
    if found := MOMENT.search(folder.name):
        try:
            return datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H-%M-%S")
        except ValueError:
            pass
    try:
        return datetime.fromtimestamp((folder / CONFIG_FILE).stat().st_mtime)
    except (OSError, ValueError, OverflowError):
        return datetime.min


def _kinship(config: Mapping[str, Any]) -> str:
    if not config:
        return ""
    search = {**WHEN_UNNAMED, **_mapping(config.get("search"))}
    search = {name: value for name, value in search.items() if name not in OWN_SETTINGS}
    rest = {name: value for name, value in config.items() if name not in NO_KINSHIP}
    return json.dumps({**rest, "search": search}, sort_keys=True, default=str)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
