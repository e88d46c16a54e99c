"""What the agent decides over, in which steps, and how it is held to the budget."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import Constraint
from core.errors import ConfigError
from core.events import BoolArray
from core.pruning.budget import (
    KeptShareModel,
    ensure_widths,
    fit_budget,
)
from core.pruning.limits import overshoot

Float64Array = NDArray[np.float64]
HALVINGS, SECANTS, MOST_PASSES = 3, 20, 50  # of the search for a threshold
CLOSE = 1e-6  # to the budget, relative to it; and of thresholds to each other


class DecisionSpace:
    """The removable channels, the steps in which they are decided, and the constraint.

    "projection": one threshold shifts the logits of a mask so that it keeps the budget on
    average, and each sample is repaired to hold it exactly.
    "penalty", "lagrange": samples are taken as they are, and the reward teaches the budget.
    """

    def __init__(
        self,
        macs: KeptShareModel,
        macs_budget: float,
        removable: BoolArray,
        constraint: Constraint,
        group_of_channel: NDArray[np.int64],
        decision_steps: int = 1,
    ) -> None:
        """Raises: ConfigError if there are fewer layers to decide over than steps."""
        self.macs = macs
        self.macs_budget = macs_budget  # of now: it may fall in the course of a search
        self.removable = removable
        self.constraint = constraint
        steps = decision_parts(group_of_channel, removable, decision_steps)
        self.steps = torch.from_numpy(steps)  # bool (n, C)
        groups = np.arange(group_of_channel.max() + 1)
        self.groups = torch.from_numpy(  # bool (n, G)
            np.stack([np.isin(groups, group_of_channel[own]) for own in steps])
        )

    @property
    def step_count(self) -> int:
        """In how many steps a mask is decided."""
        return len(self.steps)

    @cached_property
    def step_of_channel(self) -> Tensor:
        """The step that decides over each channel, int64 (C,); 0 where none does."""
        return self.steps.int().argmax(dim=0)

    @cached_property
    def step_of_group(self) -> Tensor:
        """The step that decides over each coupling group, int64 (G,); 0 where none does."""
        return self.groups.int().argmax(dim=0)

    @cached_property
    def own_channels(self) -> tuple[Tensor, ...]:
        """The channels that each step decides over, int64 (c,) each."""
        return tuple(own.nonzero()[:, 0] for own in self.steps)

    @cached_property
    def later_channels(self) -> tuple[Tensor, ...]:
        """The channels that are decided after each step, int64 (c,) each."""
        return tuple(
            self.steps[step + 1 :].any(dim=0).nonzero()[:, 0] for step in range(self.step_count)
        )

    def decided_before(self, step: int) -> Tensor:
        """Which channels were decided in earlier steps, bool (C,)."""
        return self.steps[:step].any(dim=0)

    def project(self, logits: Tensor, step: int, actions: Tensor | None = None) -> Tensor:
        """Shift logits (S, C) so that what is still open keeps the budget on average.

        actions: (S, C) the decisions of the steps before; not needed in the first one.
        """
        if self.constraint != "projection":
            return logits
        return logits - self.thresholds(logits.detach(), step, actions)[:, None]

    def thresholds(self, logits: Tensor, step: int, actions: Tensor | None = None) -> Tensor:
        """By how much `project` shifts each row of logits (S, C); the shape is (S,).

        Of the logits only those of channels that are still open count.
        """
        given = logits.double().numpy()
        if step == 0 or actions is None:
            fixed = np.ones_like(given)
            is_open = self.removable
        else:
            before = self.decided_before(step).numpy()
            fixed = np.where(before, actions.double().numpy(), 1.0)
            is_open = self.removable & ~before
            given = np.broadcast_to(given, fixed.shape)
        taus = solve_thresholds(given, fixed, is_open, self.macs, self.macs_budget)
        return torch.from_numpy(taus).to(logits.dtype)

    def repair(self, keep: BoolArray, priority: Tensor) -> BoolArray:
        """Bring sampled masks (K, C) to the budget, or at least leave no width empty.

        priority: (1, C) or (K, C), larger means keep.
        """
        rows = priority.detach().double().numpy()
        if self.constraint != "projection":
            return ensure_widths(keep, rows, self.macs, self.removable)
        return fit_budget(keep, rows, self.macs, self.macs_budget, self.removable)

    def likeliest(self, priority: Tensor) -> BoolArray:
        """Fill the budget in the order of a priority (C,)."""
        nothing = np.zeros((1, len(priority)), dtype=np.bool_)
        row = priority.detach().double().numpy()
        mask: BoolArray = fit_budget(nothing, row, self.macs, self.macs_budget, self.removable)[0]
        return mask

    def costs(self, keep: BoolArray) -> Float64Array:
        """By how much masks (K, C) exceed the budget they exceed most, relative to it, (K,)."""
        return overshoot(self.macs, keep, self.macs_budget)


def decision_parts(
    group_of_channel: NDArray[np.int64], removable: BoolArray, decision_steps: int
) -> BoolArray:
    """Split the removable channels into steps: whole layers, in the order of their depth.

    Returns: bool (decision_steps, C); each removable channel is in one row.
    Raises: ConfigError if there are fewer layers to decide over than steps.
    """
    groups = np.unique(group_of_channel[removable])  # ids go with the depth
    if decision_steps > len(groups):
        raise ConfigError(
            f"Setting 'decision_steps' must be at most {len(groups)} here, not {decision_steps}: "
            "there are no more groups of channels to decide over. Choose fewer steps."
        )
    parts = np.array_split(groups, decision_steps)
    return np.stack([np.isin(group_of_channel, part) & removable for part in parts])


def solve_thresholds(
    logits: Float64Array,
    fixed: Float64Array,
    is_open: BoolArray,
    model: KeptShareModel,
    macs_budget: float,
) -> Float64Array:
    """Find for each row tau so that sigmoid(logits - tau) keeps the budget on average, (S,).

    logits: (S, C). fixed: (S, C) keep probabilities where `is_open` (C,) is False.
    A row whose budget is out of reach gets a bound of the search range.
    Source: the Illinois variant of false position (Dowell and Jarratt, 1971), after some
    halvings; every pass over many channels counts.
    """
    places = _as_slice(is_open)
    own, keep = logits[:, places], fixed.copy()

    def excess(taus: Float64Array) -> Float64Array:
        with np.errstate(over="ignore"):
            keep[:, places] = 1.0 / (1.0 + np.exp(taus[:, None] - own))
        return overshoot(model, keep, macs_budget)

    low, high = logits.min(axis=1) - 20.0, logits.max(axis=1) + 20.0
    over, under = excess(low), excess(high)  # what is kept falls as tau rises
    taus: Float64Array = np.where(over <= 0, low, high)
    is_found = (over <= 0) | (under > 0)
    was_above = np.full(len(low), np.nan)  # neither
    for step in range(MOST_PASSES):
        if is_found.all():
            break
        share = np.full(len(low), 0.5)
        if HALVINGS <= step < HALVINGS + SECANTS:
            np.divide(over, over - under, out=share, where=~is_found)
        middle = low + share * (high - low)
        found = excess(middle)
        taus = np.where(is_found, taus, middle)
        is_found |= (np.abs(found) < CLOSE) | (high - low < CLOSE)
        is_above = found > 0
        # a bound that stays for the second time counts half, so that it is left soon
        stays = np.where(is_above == was_above, 0.5, 1.0)
        over, under = (
            np.where(is_above, found, over * stays),
            np.where(is_above, under * stays, found),
        )
        was_above = is_above
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return taus


def _as_slice(chosen: BoolArray) -> slice | NDArray[np.int64]:
    """The places that are chosen: as a slice, which is faster, where there is no gap."""
    places = np.flatnonzero(chosen)
    is_whole = places.size and places[-1] - places[0] + 1 == places.size
    return slice(int(places[0]), int(places[-1]) + 1) if is_whole else places
