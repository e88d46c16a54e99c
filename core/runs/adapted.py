"""adapted.npz: the weights of a run whose network adapted while it was pruned."""

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.archives import HEADER_BYTES, read_array_file
from core.errors import RunError, readable
from core.events import BoolArray
from core.opening import Opened
from core.pruning.surgery import network_state
from core.runs.files import ADAPTED_FILE
from core.runs.stored_masks import BROKEN

MASK = "keep of the winner"  # no key of a state dict has spaces
UNREFITTED = (
    "The pruned network is left as it adapted: a refit knows nothing of weights that have changed, "
    "and is for networks that keep theirs."
)
Weights = Mapping[str, NDArray[Any]]


def with_weights(opened: Opened, weights: Weights) -> Opened:
    """Return what is open with other weights of its network, at full size.

    Raises: KeyError or RuntimeError if they are those of another network.
    """
    module = copy.deepcopy(opened.network.module)
    with torch.no_grad():
        for key, value in network_state(module).items():
            own = torch.from_numpy(np.array(weights[key]))
            if own.shape != value.shape:  # copy_ would stretch a smaller one
                raise RuntimeError(f"{key} has shape {tuple(own.shape)}, not {tuple(value.shape)}")
            value.copy_(own)
    return dataclasses.replace(opened, network=dataclasses.replace(opened.network, module=module))


def adapted_arrays(weights: Weights, keep: BoolArray) -> dict[str, NDArray[Any]]:
    """What adapted.npz holds: the weights and the mask (C,) that they were chosen with."""
    return {MASK: keep, **weights}


def read_weights(folder: Path, opened: Opened, keep: BoolArray) -> Weights | None:
    """Read a run's adapted weights, at full size; None if it has none for this mask (C,).

    Raises: RunError if the file is damaged or of another network.
    """
    path = folder / ADAPTED_FILE
    if not path.is_file():
        return None
    try:
        arrays = read_array_file(path, most_bytes=_most_bytes(opened, keep))
        if not np.array_equal(arrays.pop(MASK), keep):
            return None
        with_weights(opened, arrays)  # proves that they are this network's
    except BROKEN as error:
        raise RunError(
            f"Cannot read the adapted weights of the run in {readable(folder)}: {ADAPTED_FILE} is "
            "damaged or of another network. Delete it to go on from the original weights.",
            str(error),
        ) from error
    return arrays


def _most_bytes(opened: Opened, keep: BoolArray) -> int:
    """What this network's weights and a mask take, with headers and 8 bytes a number at most."""
    counts = [value.numel() for value in network_state(opened.network.module).values()]
    return 8 * sum(counts) + keep.nbytes + HEADER_BYTES * (len(counts) + 1)


def read_adapted(folder: Path, opened: Opened, keep: BoolArray) -> Opened | None:
    """Return what is open with a run's adapted weights; None and RunError as read_weights."""
    weights = read_weights(folder, opened, keep)
    return None if weights is None else with_weights(opened, weights)
