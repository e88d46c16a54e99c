"""Masks that meet a MACs budget: least reachable share, exact fitting, sampling threshold.

A model may carry further limits (core.pruning.limits); a budget holds where all of them do.
"""

import numpy as np
from numpy.typing import NDArray

from core.events import BoolArray
from core.pruning.limits import Float64Array as Float64Array
from core.pruning.limits import KeptShareModel as KeptShareModel
from core.pruning.limits import exceeds, may_add


class PinnedMacs:
    """MACs of a network from which some channels are gone for good.

    Fitting treats those as it treats all that cannot be removed, but they cost nothing, fill
    no width, and leave the masks at the end.
    """

    def __init__(self, model: KeptShareModel, removed: BoolArray) -> None:
        self._model = model
        self.removed = removed
        self.widths: NDArray[np.bool_] = model.widths & ~removed
        self.has_fixed = model.has_fixed
        self.total = model.total
        self.limits = model.limits

    def kept_share(self, keep: NDArray[np.bool_] | Float64Array) -> Float64Array:
        """Share of the whole network's MACs that is kept, 0-1, for (C,) or (K, C)."""
        return self._model.kept_share(np.where(self.removed, 0.0, keep))

    def marginal_macs(self, keep: NDArray[np.bool_]) -> Float64Array:
        """MACs that each channel adds to the others kept, (C,)."""
        return self._model.marginal_macs(keep & ~self.removed)


def fit_budget(
    keep: BoolArray,
    priority: Float64Array,
    model: KeptShareModel,
    macs_budget: float,
    removable: BoolArray,
) -> BoolArray:
    """Turn sampled masks into masks that use the budget as fully as they can.

    Every width keeps at least one channel. Then kept channels of low priority go until the
    budget holds, and removed channels of high priority come back as far as they fit.

    Args:
        keep: (K, C) sampled masks.
        priority: (C,), or (K, C) one for each mask; larger means keep.
        removable: (C,) False where a channel is always kept.

    Returns: (K, C), without the model's removed channels. Masks of an unreachable budget stay
    above it.
    """
    priority = np.atleast_2d(priority)
    keep = keep | ~removable
    protected = _protected_channels(keep, priority, model, removable)
    keep = keep | protected
    ascending = np.argsort(priority, axis=1, kind="stable")  # (1, C) or (K, C)
    may_go = keep & removable & ~protected
    keep = _shift_until(keep, may_go, ascending, model, macs_budget, is_removing=True)
    descending = ascending[:, ::-1]
    keep = _shift_until(keep, ~keep, descending, model, macs_budget, is_removing=False)
    orders = np.broadcast_to(descending, keep.shape)
    filled = [_fill(*pair, model, macs_budget) for pair in zip(keep, orders, strict=True)]
    return np.stack(filled) & ~model.removed


def ensure_widths(
    keep: BoolArray, priority: Float64Array, model: KeptShareModel, removable: BoolArray
) -> BoolArray:
    """Give each width at least one channel, the one of highest priority; (K, C) -> (K, C).

    priority: (C,), or (K, C) one for each mask.
    """
    keep = keep | ~removable
    protected = _protected_channels(keep, np.atleast_2d(priority), model, removable)
    return (keep | protected) & ~model.removed


def least_kept_share(model: KeptShareModel, removable: BoolArray) -> float:
    """Return the smallest share of MACs that can be kept, 0-1: one channel per width."""
    return float(model.kept_share(least_mask(model, removable)))


def least_mask(model: KeptShareModel, removable: BoolArray) -> BoolArray:
    """Return the mask (C,) that keeps as little as it can: one channel per width."""
    nothing = np.zeros((1, removable.size), dtype=np.bool_)
    first = -np.arange(removable.size, dtype=np.float64)
    least: BoolArray = ensure_widths(nothing, first, model, removable)[0]
    return least


def solve_threshold(
    logits: Float64Array, model: KeptShareModel, macs_budget: float, removable: BoolArray
) -> float:
    """Find tau so that masks sampled from sigmoid(logits - tau) keep the budget on average.

    The expectation is exact because channels are sampled independently and MACs, parameters
    and bytes are multilinear in the keep decisions; latency is taken at the expected widths.
    Returns a bound of the search range if no tau does it.
    """
    low, high = float(logits.min()) - 20.0, float(logits.max()) + 20.0
    for _ in range(7):  # sixteen points at a time: 17 ** 7 steps over the range
        taus = np.linspace(low, high, 18)
        probability = keep_probability(logits, taus[1:-1, None], removable)
        above = int(exceeds(model, probability, macs_budget).sum())  # costs fall as tau rises
        low, high = taus[above], taus[above + 1]
    return float((low + high) / 2)


def expected_flips(
    logits: Float64Array, model: KeptShareModel, macs_budget: float, removable: BoolArray
) -> float:
    """How many channels of a sampled mask differ on average from the likeliest mask."""
    tau = solve_threshold(logits, model, macs_budget, removable)
    keep = keep_probability(logits, tau, removable)
    return float(np.minimum(keep, 1.0 - keep).sum())


def keep_probability(
    logits: Float64Array, tau: float | Float64Array, removable: BoolArray
) -> Float64Array:
    """Return sigmoid(logits - tau), and 1 where a channel cannot be removed."""
    with np.errstate(over="ignore"):
        probability = 1.0 / (1.0 + np.exp(tau - logits))
    return np.where(removable, probability, 1.0)


def _protected_channels(
    keep: BoolArray, priority: Float64Array, model: KeptShareModel, removable: BoolArray
) -> BoolArray:
    """Choose one channel for each width that could become empty, sharing where widths overlap.

    keep: (K, C); priority: (1, C) or (K, C). Returns: (K, C).
    """
    protected = np.zeros_like(keep)
    rows = model.widths[~model.has_fixed]
    for row in rows[np.argsort(rows.sum(axis=1), kind="stable")]:
        own = np.flatnonzero(row)
        if not removable[own].all():
            continue  # what always stays fills it
        bare = np.flatnonzero(~protected[:, own].any(axis=1))  # masks in which nothing does
        kept = keep[np.ix_(bare, own)]
        candidates = kept | ~kept.any(axis=1, keepdims=True)
        best = np.where(candidates, priority[:, own][bare % len(priority)], -np.inf).argmax(axis=1)
        protected[bare, own[best]] = True
    return protected


def _shift_until(
    keep: BoolArray,
    flippable: BoolArray,
    order: NDArray[np.int64],
    model: KeptShareModel,
    macs_budget: float,
    *,
    is_removing: bool,
) -> BoolArray:
    """Flip channels of each mask along `order`, (1, C) or (K, C), until the budget is just held.

    Removing flips as few as needed (all if that is not enough); adding as many as fit.
    """
    orders = np.broadcast_to(order, keep.shape)
    along = np.take_along_axis(flippable, orders, axis=1)
    position = np.where(along, np.cumsum(along, axis=1, dtype=np.int32), np.int32(0))
    rank = np.empty_like(position)
    np.put_along_axis(rank, orders, position, axis=1)  # 1, 2, ... in order; 0: not flippable

    def flipped(count: NDArray[np.int64]) -> BoolArray:
        flips: BoolArray = (rank > 0) & (rank <= count[:, None])
        return keep ^ flips

    low = np.zeros(len(keep), dtype=np.int64)
    high = flippable.sum(axis=1).astype(np.int64)
    while (low < high).any():
        middle = (low + high) // 2 if is_removing else (low + high + 1) // 2
        fits = ~exceeds(model, flipped(middle), macs_budget)
        low, high = (
            (np.where(fits, low, np.minimum(middle + 1, high)), np.where(fits, middle, high))
            if is_removing
            else (np.where(fits, middle, low), np.where(fits, high, np.maximum(middle - 1, low)))
        )
    return flipped(low)


def _fill(
    keep: BoolArray, order: NDArray[np.int64], model: KeptShareModel, macs_budget: float
) -> BoolArray:
    """Walk down the order once and take back every removed channel that still fits."""
    keep = keep.copy()
    removed = order[~keep[order]]
    while removed.size:
        fits = np.flatnonzero(may_add(model, keep, macs_budget)[removed])
        if not fits.size:
            break
        keep[removed[fits[0]]] = True
        removed = removed[fits[0] + 1 :]  # what did not fit never will: costs only grow
    return keep
