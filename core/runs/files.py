"""A run's folder: files that appear whole or not at all, and what happens when the disk is full."""

import contextlib
import csv
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs

from core.config import RunConfig
from core.config.learning import AGENT_FILE
from core.errors import RunError, readable
from core.events import CandidateEvaluated

APP_NAME = "Espalier"
CONFIG_FILE = "config.toml"
TRAJECTORY_FILE = "trajectory.csv"
MASKS_FILE = "masks.npz"
EVENTS_FILE = "events.jsonl"
ENVIRONMENT_FILE = "environment.json"
CANDIDATES_FILE = "candidates.npz"
CHECKPOINT_FILE = "checkpoint.pt"
ADAPTED_FILE = "adapted.npz"
LATENCY_FILE = "latency_table.json"
REPORT_FILE = "report.json"
REPORT_HTML_FILE = "report.html"
FINETUNE_FILE = "finetune.json"
FINETUNED_FOLDER = "finetuned"  # the files of the fine-tuned network
LEARNED_CHECKPOINT = "learned.pt"
FINETUNING_FOLDER = "finetuning"  # where fine-tuning can be taken up again
EXPORT_FILES = (
    "pruned.onnx",
    "pruned_float16.onnx",
    "pruned.pt",
    "pruned.json",
    "pruned.pt2",
    "load_pruned.py",
)
RUN_FILES = (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    TRAJECTORY_FILE,
    EVENTS_FILE,
    MASKS_FILE,
    CANDIDATES_FILE,
    CHECKPOINT_FILE,
    ADAPTED_FILE,
    LATENCY_FILE,
    AGENT_FILE,
    REPORT_FILE,
    REPORT_HTML_FILE,
    *EXPORT_FILES,
    FINETUNE_FILE,
    FINETUNED_FOLDER,
    FINETUNING_FOLDER,
)
STAGE_PREFIX = ".export-"  # of the folders that core.export.exporting makes its files in
NAME_LETTERS = 80  # of a network's name, in a folder's
PROBE_BYTES = 1 << 16  # a little more than the first files of a run


@dataclass(frozen=True)
class TrajectoryRow:
    """One line of trajectory.csv; the fields' names are its header."""

    evaluation: int
    update: int
    macs_kept: float
    accuracy: float
    cross_entropy: float
    reward: float
    ema_accuracy: float
    meets_budget: int  # 0 or 1
    seconds: float

    def line(self, further_kept: Sequence[float] = ()) -> bytes:
        """Write it as a line of trajectory.csv, with what is kept of further costs behind it."""
        return csv_line((*astuple(self), *(round(share, 6) for share in further_kept)))

    @classmethod
    def of(cls, event: CandidateEvaluated) -> "TrajectoryRow":
        """Take a sampled mask's numbers from its event."""
        return cls(
            event.evaluation,
            event.update,
            round(event.macs_kept, 6),
            round(event.accuracy, 6),
            round(event.cross_entropy, 6),
            round(event.reward, 6),
            round(event.ema_accuracy, 6),
            int(event.meets_budget),
            round(event.seconds, 3),
        )


TRAJECTORY_HEADER = tuple(entry.name for entry in fields(TrajectoryRow))


def default_runs_folder() -> Path:
    """Where runs go when nobody names a folder: the user's own data folder."""
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False)) / "runs"


def new_run_folder(config: RunConfig) -> Path:
    """Name a folder for a new run after the time, the network and the budget; makes nothing."""
    moment = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    network = Path(config.network).name[-NAME_LETTERS:]  # of a file, not all its folders
    name = f"{moment}_{network}_{round(100 * config.search.macs_budget)}"
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    folder, number = default_runs_folder() / safe, 1
    while folder.exists():
        number += 1
        folder = default_runs_folder() / f"{safe}-{number}"
    return folder


def fallback_folders(name: str) -> tuple[Path, Path]:
    """Where a run may end when its own folder takes no more files."""
    return default_runs_folder() / f"{name}-saved", Path(tempfile.gettempdir()) / f"espalier-{name}"


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that is either the old one or the whole new one, never a part; OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_half_written(folder: Path) -> None:
    """Remove what a kill has left of files that were being written; nobody else may write there."""
    with contextlib.suppress(OSError):
        for file in folder.glob(".*.tmp"):
            file.unlink()
        for stage in folder.glob(f"{STAGE_PREFIX}*"):
            shutil.rmtree(stage)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8; OSError."""
    write_atomically(path, lambda file: _write_all(file, text.encode("utf-8")))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; OSError."""
    write_atomically(path, lambda file: _write_all(file, content))


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz atomically that loads with allow_pickle=False; OSError."""
    content = io.BytesIO()  # zip needs to seek, and memory is never full when the disk is
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_atomically(path, lambda file: _write_all(file, content.getvalue()))


def prepare_folder(folder: Path) -> None:
    """Make the folder and prove that files can be written there; RunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / ".probe", lambda file: _write_all(file, bytes(PROBE_BYTES)))
        (folder / ".probe").unlink()
    except OSError as error:
        raise RunError(
            f"Cannot write into {folder}: {error.strerror or error}. Choose another folder.",
            str(error),
        ) from error


@contextlib.contextmanager
def folder_to_fill(folder: Path) -> Iterator[None]:
    """Make the folder as prepare_folder does; one that nothing was written into goes again."""
    was_there = folder.exists()
    prepare_folder(folder)
    try:
        yield
    finally:
        if not was_there:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()


def move_earlier_run(folder: Path) -> str:
    """Move files of an earlier run into a folder of their own; never overwrite them.

    Returns: a sentence about it, or "" if there were none.
    Raises: RunError if one cannot be moved; then all are where they were.
    """
    return _move_aside(folder, RUN_FILES, "run")


def move_earlier_finetuning(folder: Path) -> str:
    """Move finetune.json and the network that it tells of away, as move_earlier_run does.

    The next one may be stopped before it has a network, and would stand beside this one's.
    """
    return _move_aside(folder, (FINETUNE_FILE, FINETUNED_FOLDER), "fine-tuning")


def has_broken_off_finetuning(folder: Path) -> bool:
    """Whether a fine-tuning in `folder` has finished an epoch and was not written to the end."""
    reached, end = folder / FINETUNING_FOLDER / LEARNED_CHECKPOINT, folder / FINETUNE_FILE
    try:
        begun = reached.stat().st_mtime_ns
        return not end.exists() or begun > end.stat().st_mtime_ns
    except OSError:  # there is none, or none that can be read
        return False


def _move_aside(folder: Path, names: Sequence[str], what: str) -> str:
    earlier = [folder / name for name in names if (folder / name).exists()]
    if not earlier:
        return ""
    number = 1
    while (place := folder / f"earlier-{number}").exists():
        number += 1
    moved: list[Path] = []
    try:
        place.mkdir()
        for file in earlier:
            os.replace(file, place / file.name)
            moved.append(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            for file in moved:
                os.replace(place / file.name, file)
            place.rmdir()
        raise RunError(
            f"Cannot move the files of an earlier {what} in {readable(folder)} out of the way: "
            f"{error.strerror or error}. Choose another folder.",
            str(error),
        ) from error
    return f"The files of an earlier {what} in {folder} were moved to {place}."


def csv_line(values: Sequence[Any]) -> bytes:
    """Write one line of trajectory.csv."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode("utf-8")
