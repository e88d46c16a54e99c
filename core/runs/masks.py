"""The masks that a run has left, and which of them are worth fine-tuning."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.archives import read_array_file
from core.config import RunConfig
from core.errors import RunError
from core.evaluation import resolve_device, resolve_precision
from core.events import BoolArray, Event
from core.finetuning.loop import LEARNED
from core.opening import Opened
from core.runs.files import MASKS_FILE
from core.runs.stored_masks import BROKEN, MASKS_BYTES
from core.scoring import MaskScorer
from core.search.finalists import judge_masks

MASKS = ("best", "criteria_names", "criteria")  # arrays of masks.npz
ALWAYS_COMPARED = ("l1_uniform", "random_uniform")


@dataclass(frozen=True, eq=False)
class RunMasks:
    """The masks of a run: bool, (channels,) each."""

    best: BoolArray
    criteria: Mapping[str, BoolArray]  # by name: "l1_uniform"


def read_masks(folder: Path, channel_count: int) -> RunMasks:
    """Read masks.npz of a run's folder; RunError if it is not there or of another network."""
    path = folder / MASKS_FILE
    try:
        saved = read_array_file(path, MASKS, most_bytes=MASKS_BYTES)
        best = saved["best"].astype(np.bool_)
        names = [str(name) for name in saved["criteria_names"]]
        criteria = dict(zip(names, saved["criteria"].astype(np.bool_), strict=True))
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"Cannot read {path}: {reason}. Choose the folder of a run.") from error
    except BROKEN as error:
        raise RunError(f"{path} holds no masks of a run ({error}). Choose another run.") from error
    if best.shape != (channel_count,):
        raise RunError(
            f"{path} has masks over {best.size} channels, but the network has {channel_count}. "
            "Choose the run of this network."
        )
    return RunMasks(best, criteria)


def choose_masks(
    opened: Opened, masks: RunMasks, config: RunConfig
) -> Generator[Event, None, dict[str, BoolArray]]:
    """The masks to train, the learned one first; the best criterion by the held-out images."""
    chosen = {LEARNED: masks.best}
    if config.finetune.compare == "none" or not masks.criteria:
        return chosen
    if config.finetune.compare == "all":
        return {**chosen, **masks.criteria}
    device = resolve_device(config.search.device)
    scorer = MaskScorer(
        opened.network.module,
        opened.analysis.plan,
        device,
        resolve_precision(config.search.precision, device),
    )
    criteria = list(masks.criteria.values())
    best, _ = yield from judge_masks(criteria, scorer, opened.images.held_out)
    name = next(n for n, keep in masks.criteria.items() if np.array_equal(keep, best))
    for other in (name, *ALWAYS_COMPARED):
        if other in masks.criteria:
            chosen[other] = masks.criteria[other]
    return chosen
