"""Budgets beside that of the MACs: a model of MACs that carries them, and what they say of masks.

The MACs budget is given to each function that fits masks, for it is asked at many values. The
further ones belong to the network on the bench and hold for every mask that is fitted to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from core.events import BoolArray

if TYPE_CHECKING:
    from core.pruning.costs import Cost

Float64Array = NDArray[np.float64]
TOLERANCE = 1e-9  # of a budget, within which sums of the same numbers may differ

# What a budget is of, for sentences; the keys are those of SearchConfig's "<key>_budget".
BUDGETED = {
    "macs": "MACs",
    "params": "parameters",
    "size": "weights' file",
    "latency": "predicted latency",
}


@dataclass(frozen=True, eq=False)
class Limit:
    """A cost, and the share of it that may be kept."""

    name: str  # a key of BUDGETED
    cost: "Cost"
    budget: float  # 0-1

    def overshoot(self, share: Float64Array) -> Float64Array:
        """By how much shares exceed the budget, relative to it; 0 or less where they hold it."""
        return np.asarray(share / self.budget - 1.0 - TOLERANCE)


class KeptShareModel(Protocol):
    """What fitting needs to know about MACs; core.pruning.macs.MacsModel is one."""

    @property
    def widths(self) -> NDArray[np.bool_]:
        """Producer widths, shape (W, C): a layer is empty if nothing of a row is kept."""

    @property
    def has_fixed(self) -> NDArray[np.bool_]:
        """Rows that also have always-kept channels, shape (W,)."""

    @property
    def removed(self) -> NDArray[np.bool_]:
        """Channels that are in no mask and cost nothing, shape (C,)."""

    @property
    def total(self) -> int:
        """MACs of the whole network, for one image."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Budgets beside that of the MACs, which every fitted mask must hold too."""

    def kept_share(self, keep: NDArray[np.bool_] | Float64Array) -> Float64Array:
        """Share of the MACs that is kept, 0-1, for (C,) or (K, C)."""

    def marginal_macs(self, keep: NDArray[np.bool_]) -> Float64Array:
        """MACs that each channel adds to the others kept, (C,)."""


class LimitedMacs:
    """A model of MACs whose masks must hold further limits."""

    def __init__(self, model: KeptShareModel, limits: Sequence[Limit]) -> None:
        self._model = model
        self.limits = (*model.limits, *limits)
        self.removed = model.removed
        self.widths = model.widths
        self.has_fixed = model.has_fixed
        self.total = model.total

    def kept_share(self, keep: NDArray[np.bool_] | Float64Array) -> Float64Array:
        """Share of the MACs that is kept, 0-1, for (C,) or (K, C)."""
        return self._model.kept_share(keep)

    def marginal_macs(self, keep: NDArray[np.bool_]) -> Float64Array:
        """MACs that each channel adds to the others kept, (C,)."""
        return self._model.marginal_macs(keep)


def limits_kept(
    model: KeptShareModel, keep: NDArray[np.bool_] | Float64Array
) -> dict[str, Float64Array]:
    """Return each limit's kept share, 0-1, of masks (C,) or (K, C)."""
    if not model.limits:
        return {}
    left = np.where(model.removed, 0.0, keep)
    return {limit.name: limit.cost.share(left) for limit in model.limits}


def overshoot(
    model: KeptShareModel, keep: NDArray[np.bool_] | Float64Array, macs_budget: float
) -> Float64Array:
    """By how much masks, (C,) or (K, C), exceed the budget that they exceed most; () or (K,).

    Relative to that budget; 0 or less: all hold.
    """
    most = np.asarray(model.kept_share(keep) / macs_budget - 1.0)
    kept = limits_kept(model, keep)
    for limit in model.limits:
        most = np.maximum(most, limit.overshoot(kept[limit.name]))
    return most


def exceeds(
    model: KeptShareModel, keep: NDArray[np.bool_] | Float64Array, macs_budget: float
) -> BoolArray:
    """Which masks, (C,) or (K, C), cost more than a budget allows; shape () or (K,)."""
    is_over: BoolArray = np.asarray(model.kept_share(keep) > macs_budget)
    kept = limits_kept(model, keep)
    for limit in model.limits:
        is_over = is_over | (limit.overshoot(kept[limit.name]) > 0)
    return is_over


def may_add(model: KeptShareModel, keep: BoolArray, macs_budget: float) -> BoolArray:
    """Which channels that a mask (C,) does not keep it could, one of them, within all budgets."""
    slack = (macs_budget - model.kept_share(keep)) * model.total
    may: BoolArray = model.marginal_macs(keep) <= slack
    for limit in model.limits:
        may = may & (limit.overshoot(limit.cost.share_with_each(keep & ~model.removed)) <= 0)
    return may


def load_between(model: KeptShareModel, a: BoolArray, b: BoolArray, macs_budget: float) -> float:
    """How far apart two masks (C,) are in what they cost.

    In MACs, as a share of the network's; with further limits in budgets, summed over those that
    one of the two exceeds, for only they are worth anything then, or else over all.
    """
    macs = [float(model.kept_share(mask)) for mask in (a, b)]
    if not model.limits:
        return abs(macs[0] - macs[1])
    kept = [limits_kept(model, mask) for mask in (a, b)]
    pairs = [tuple(share / macs_budget for share in macs)]
    pairs += [
        tuple(float(one[limit.name]) / limit.budget for one in kept) for limit in model.limits
    ]
    exceeded = [pair for pair in pairs if max(pair) > 1.0 + TOLERANCE]
    return sum(abs(one - other) for one, other in exceeded or pairs)
