"""The masks of runs that were made before, and how two of them differ. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.archives import read_array_file
from core.errors import RunError, readable
from core.events import BoolArray
from core.runs.files import MASKS_FILE

BROKEN = (Exception,)  # NumPy raises almost anything on a broken file
# A hundred thousand channels in a hundred groups, with twenty masks, take a twentieth of it.
MASKS_BYTES = 64 * 2**20
COMPARED = ("best", "group_of_channel", "group_names", "criteria_names", "criteria")


@dataclass(frozen=True, eq=False)
class StoredMasks:
    """What masks.npz holds for a comparison."""

    best: BoolArray  # (channels,)
    criteria: Mapping[str, BoolArray]
    group_of_channel: NDArray[np.int64]  # (channels,)
    group_names: tuple[str, ...]


@dataclass(frozen=True)
class LayerDifference:
    """How many channels of one coupling group two masks keep."""

    name: str
    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def overlap(self) -> float:
        """Jaccard index of the kept channels, 0-1; 1 if neither keeps any."""
        either = self.both + self.only_first + self.only_second
        return self.both / either if either else 1.0


def read_stored_masks(folder: Path) -> StoredMasks:
    """Read masks.npz; RunError if there is none that can be read."""
    try:
        arrays = read_array_file(folder / MASKS_FILE, COMPARED, most_bytes=MASKS_BYTES)
        best = arrays["best"].astype(np.bool_)
        groups = arrays["group_of_channel"].astype(np.int64)
        names = tuple(str(name) for name in arrays["group_names"])
        criteria = {
            str(name): keep.astype(np.bool_)
            for name, keep in zip(arrays["criteria_names"], arrays["criteria"], strict=True)
        }
        if (
            best.ndim != 1
            or best.shape != groups.shape
            or any(keep.shape != best.shape for keep in criteria.values())
        ):
            raise ValueError(f"masks of shape {best.shape} over groups of shape {groups.shape}")
        if len(groups) and not 0 <= groups.min() <= groups.max() < len(names):
            raise ValueError("channels of groups that have no name")
    except BROKEN as error:
        raise RunError(
            f"Cannot read the masks of the run in {readable(folder)}: {MASKS_FILE} is missing or "
            "damaged. Choose another run.",
            str(error),
        ) from error
    return StoredMasks(best, criteria, groups, names)


def compare_stored(first: StoredMasks, second: StoredMasks) -> tuple[LayerDifference, ...]:
    """Count for each coupling group what the best masks of two runs keep.

    Raises: RunError if the masks are those of different networks.
    """
    is_same = first.group_names == second.group_names and np.array_equal(
        first.group_of_channel, second.group_of_channel
    )
    if not is_same:
        raise RunError(
            "These two runs pruned different networks, so their masks cannot be compared. "
            "Choose two runs of one network."
        )
    groups, count = first.group_of_channel, len(first.group_names)
    one, other = first.best, second.best
    counts = [
        np.bincount(groups[chosen], minlength=count)
        for chosen in (one & other, one & ~other, other & ~one, ~one & ~other)
    ]
    return tuple(
        LayerDifference(name, *(int(part[index]) for part in counts))
        for index, name in enumerate(first.group_names)
    )
