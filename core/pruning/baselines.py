"""One-shot pruning: scores, an allocation over the layers and a budget make a mask."""

from collections.abc import Callable

import numpy as np

from core.events import BoolArray, FloatArray
from core.graph.coupling import CouplingGroups
from core.pruning.budget import Float64Array, KeptShareModel, fit_budget
from core.pruning.criteria import relative_to_group

Allocation = Callable[[FloatArray, CouplingGroups], Float64Array]


def uniform(scores: FloatArray, groups: CouplingGroups) -> Float64Array:
    """Rank within the group, 0-1: every layer keeps the same share."""
    priority = np.empty(len(scores))
    for group in groups.groups:
        own = scores[group.start : group.stop]
        rank = np.argsort(np.argsort(own, kind="stable"), kind="stable")
        priority[group.start : group.stop] = (rank + 0.5) / len(own)
    return priority


def layer_normalised(scores: FloatArray, groups: CouplingGroups) -> Float64Array:
    """Log of the score relative to its group's root mean square: layers compete as equals."""
    return _log(relative_to_group(scores, groups))


def balanced(scores: FloatArray, groups: CouplingGroups) -> Float64Array:
    """Halfway between layer_normalised and global, in logs.

    Measured on ResNet-20 at half the MACs: contribution 1.20 nats, against 1.39 and 1.32.
    """
    return 0.5 * layer_normalised(scores, groups) + 0.5 * globally(scores, groups)


def globally(scores: FloatArray, groups: CouplingGroups) -> Float64Array:
    """Log of the score as it is: all channels compete with all."""
    del groups
    return _log(scores)


def one_shot_mask(
    priority: Float64Array, model: KeptShareModel, macs_budget: float, removable: BoolArray
) -> BoolArray:
    """Keep channels (C,) in the order of their priority as far as the budget allows."""
    nothing = np.zeros((1, len(priority)), dtype=np.bool_)
    mask: BoolArray = fit_budget(nothing, priority, model, macs_budget, removable)[0]
    return mask


def standardised(priority: Float64Array, removable: BoolArray) -> Float64Array:
    """Shift and scale priorities (C,) to mean 0 and deviation 1 over the removable channels."""
    own = priority[removable]
    if not own.size:
        return np.zeros_like(priority)
    result: Float64Array = (priority - own.mean()) / (own.std() + 1e-9)
    return result


def _log(scores: FloatArray) -> Float64Array:
    """Log that keeps the order and bends at a thousandth of the median: zeros stay finite."""
    wide = scores.astype(np.float64)
    return np.log(wide + 1e-3 * np.median(wide) + 1e-12)


ALLOCATIONS: dict[str, Allocation] = {
    "uniform": uniform,
    "layer_normalised": layer_normalised,
    "balanced": balanced,
    "global": globally,
}
