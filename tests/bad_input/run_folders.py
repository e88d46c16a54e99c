"""Folders of runs of which something is cut, missing or something else, and all that reads them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig, SearchConfig
from core.events import CheckpointReached, NoticeRaised
from core.opening import Opened
from core.runs.curves import read_curves
from core.runs.finetune_file import read_finetune_file
from core.runs.flow import record_run
from core.runs.history import list_runs, read_report
from core.runs.html_report import html_report
from core.runs.masks import read_masks
from core.runs.replay import replay_run
from core.runs.resuming import resume_run
from core.runs.stored_masks import compare_stored, read_stored_masks
from core.runs.unfinished import last_unfinished
from core.runs.verdict import judge, read_outcome
from tests.core.export.opened import build_tiny, open_tiny

SEARCH = SearchConfig(
    evaluations=8, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)
CONFIG = RunConfig(network="tiny", data="random", latency=False, search=SEARCH)
Change = Callable[[Path], None]
Read = Callable[[Path, Opened], object]


def make_runs(root: Path) -> Opened:
    """Leave a finished run in root/finished and one that was broken off in root/broken."""
    opened = open_tiny()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.runs.flow.EXPORTERS", {})
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        list(record_run(opened, CONFIG, root / "finished"))
        run = record_run(opened, CONFIG, root / "broken")
        next(event for event in run if isinstance(event, CheckpointReached))
        run.close()
    return opened


def cut_to(tenths: int) -> Change:
    """Keep so many tenths of a file."""

    def change(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * tenths // 10])

    return change


def take_away(path: Path) -> None:
    """Leave nothing of that name."""
    path.unlink()


def make_a_folder(path: Path) -> None:
    """Leave a folder of that name."""
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Change] = {
    **{f"{10 * tenths} %": cut_to(tenths) for tenths in range(10)},
    "missing": take_away,
    "a folder": make_a_folder,
}


def changed(folder: Path, place: Path, names: list[str], change: Change) -> Path:
    """Copy a run's folder and change some of its files."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    for name in names:
        change(place / name)
    return place


def list_it(folder: Path, opened: Opened) -> object:
    """What the list of runs and the offer at the start say; they never refuse anything."""
    runs = [run for run in list_runs(folder.parent) if run.folder == folder]
    return runs, last_unfinished(folder.parent), read_finetune_file(folder)


def resume(folder: Path, opened: Opened) -> object:
    """Go on with the run, as far as the sentence that says from where."""
    run = resume_run(opened, folder)
    try:
        return next(event for event in run if isinstance(event, NoticeRaised))
    finally:
        run.close()


def judge_it(folder: Path, opened: Opened) -> object:
    """What the verdict says about the run."""
    outcome = read_outcome(read_report(folder), read_finetune_file(folder))
    return outcome and judge([outcome])


def compare(folder: Path, opened: Opened) -> object:
    """Lay the run's masks over its own."""
    masks = read_stored_masks(folder)
    return compare_stored(masks, masks)


READERS: dict[str, Read] = {
    "list": list_it,
    "replay": lambda folder, opened: list(replay_run(folder, opened)),
    "report": lambda folder, opened: html_report(folder),
    "judge": judge_it,
    "compare": compare,
    "curves": lambda folder, opened: read_curves(folder),
    "masks": lambda folder, opened: read_masks(folder, opened.analysis.groups.channel_count),
    "resume": resume,  # the last, for it mends what can be mended
}
FINISHED = r"The run in .* is finished\."
CONFIG_WORDS = r"(config\.toml|Settings|setting)"
# By reader and file: what may be said instead of reading. Nothing else may be refused.
SENTENCES: dict[tuple[str, str], str] = {
    ("replay", "events.jsonl"): r"(events\.jsonl is damaged\. Its masks|There is no run in)",
    ("replay", "masks.npz"): r"masks\.npz is damaged",
    ("resume", "config.toml"): rf"(There is no run in|{CONFIG_WORDS})",
    ("resume", "checkpoint.pt"): r"Cannot go on with the run in .* checkpoint\.pt is damaged",
    ("resume", "events.jsonl"): r"(events\.jsonl is damaged|Cannot read the events)",
    ("report", "report.json"): r"There is no finished run in .* report\.json that can be read",
    ("compare", "masks.npz"): r"Cannot read the masks of the run in .* missing or damaged",
    ("curves", "trajectory.csv"): r"Cannot read the curves of the run in .* missing or damaged",
    ("masks", "masks.npz"): r"(Cannot read .*masks\.npz|holds no masks of a run)",
}


def names_of(folder: Path) -> list[str]:
    """The files of a run."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def sentence_of(reader: str, files: list[str]) -> str:
    """A pattern of all that a reader may say when these files are changed."""
    words: list[Any] = [SENTENCES[reader, name] for name in files if (reader, name) in SENTENCES]
    return "|".join(f"({pattern})" for pattern in words)
