"""What a fine-tuning must remember to go on after a crash exactly as it would have."""

import hashlib
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.archives import check_weights
from core.config import FinetuneConfig
from core.config.finetuning import BEFORE_MIXING
from core.errors import CheckpointError, RunError, readable
from core.events import BoolArray
from core.runs.files import write_bytes

FORMAT = "espalier.finetuning"
FORMAT_VERSION = 2  # with a hash
State = dict[str, Tensor]


@dataclass(frozen=True)
class EpochScore:
    """One epoch of a fine-tuning; scores are on the held-out images."""

    epoch: float  # 0: before the first step; a fraction where a stop broke one off
    accuracy: float  # 0-1
    cross_entropy: float  # nats
    loss: float | None  # mean over the epoch's steps


@dataclass(frozen=True, eq=False)
class Progress:
    """A fine-tuning after a whole number of epochs.

    Chance is drawn from the seed and the step's number, so no generator has to be stored.
    """

    epoch: int  # epochs done
    network: State
    optimizer: dict[str, Any]
    best: State
    best_epoch: float
    history: tuple[EpochScore, ...]
    seconds: float
    images_at_once: int = 0  # to which memory has brought the batches; 0: whole ones


def write_progress(
    path: Path, progress: Progress, keep: BoolArray, config: FinetuneConfig, source: str
) -> None:
    """Write a checkpoint that is the old one or the whole new one; OSError.

    source: what is trained on what, so that it is not taken up by another run.
    """
    content = _saved(
        {
            "config": asdict(config),
            "source": source,
            "keep": torch.from_numpy(keep.copy()),
            "epoch": progress.epoch,
            "network": progress.network,
            "optimizer": progress.optimizer,
            "best": progress.best,
            "best_epoch": progress.best_epoch,
            "history": [tuple(asdict(score).values()) for score in progress.history],
            "seconds": progress.seconds,
            "images_at_once": progress.images_at_once,
        }
    )
    outer = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "sha256": hashlib.sha256(content).hexdigest(),  # torch.load reads changed numbers too
        "content": torch.frombuffer(bytearray(content), dtype=torch.uint8),
    }
    write_bytes(path, _saved(outer))


def read_progress(path: Path, keep: BoolArray, config: FinetuneConfig, source: str) -> Progress:
    """Read a checkpoint of the same mask, settings and source; runs no code of the file.

    Raises: RunError if there is none or it belongs to another fine-tuning; CheckpointError if
        it is damaged.
    """
    if not path.is_file():
        raise RunError(
            f"There is no {readable(path)} to go on from. Fine-tune anew (without --resume)."
        )
    try:
        check_weights(path)
        outer = torch.load(path, map_location="cpu", weights_only=True)
        if outer["format"] != FORMAT or outer["version"] != FORMAT_VERSION:
            raise ValueError(f"format {outer['format']!r}, version {outer['version']!r}")
        content = outer["content"].numpy().tobytes()
        if hashlib.sha256(content).hexdigest() != outer["sha256"]:
            raise ValueError("another hash")
        check_weights(content)
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        is_same = saved["source"] == source and np.array_equal(saved["keep"].numpy(), keep)
        changed = _changed(saved["config"], config)
        progress = Progress(
            saved["epoch"],
            saved["network"],
            saved["optimizer"],
            saved["best"],
            saved["best_epoch"],
            tuple(EpochScore(*score) for score in saved["history"]),
            saved["seconds"],
            int(saved.get("images_at_once", 0)),  # older ones knew of no halving
        )
    except Exception as error:  # torch raises almost anything on a broken file
        raise CheckpointError(
            f"Cannot go on from {readable(path)}: it is damaged, or no checkpoint of a fine-tuning "
            "by this version of Espalier. Fine-tune anew (without --resume).",
            str(error),
        ) from error
    if changed or not is_same:
        what = f"other settings ({', '.join(changed)})" if changed else "another mask or network"
        raise RunError(
            f"Cannot go on from {readable(path)}: it has {what}. Fine-tune anew (without --resume)."
        )
    return progress


def _changed(saved: dict[str, Any], config: FinetuneConfig) -> list[str]:
    """Settings that would make it another training; which networks are compared would not."""
    now, saved = asdict(config), {**BEFORE_MIXING, **saved}
    return sorted(name for name in now if name != "compare" and saved.get(name) != now[name])


def _saved(values: dict[str, Any]) -> bytes:
    """What torch.save writes; by way of memory, so that a full disk is an OSError."""
    file = io.BytesIO()
    torch.save(values, file)
    return file.getvalue()
