"""What all searches over masks share: the channels, where they begin, and how a mask is made."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.events import BoolArray
from core.pruning.budget import Float64Array, KeptShareModel, fit_budget
from core.rl.observation import Observation
from core.search.bench import Bench


@dataclass(eq=False)
class Terrain:
    """The channels that a search decides over, and the criterion that it starts from.

    All stays but the budget, which may fall while a network adapts.
    """

    priority: Float64Array  # (C,) the criterion's, larger means keep
    rank: Float64Array  # (C,) of the priority among a layer's removable channels, 0-1
    layer: NDArray[np.int64]  # (C,) number of a channel's layer, -1: it is not removable
    macs: KeptShareModel
    macs_budget: float
    removable: BoolArray  # (C,)

    @classmethod
    def of(cls, bench: Bench, observation: Observation) -> "Terrain":
        """Read it from what a search has measured."""
        return make_terrain(
            observation.prior.double().numpy(),
            bench.opened.analysis.groups.group_of_channel,
            bench.macs,
            bench.config.macs_budget,
            bench.removable,
        )

    @property
    def layer_count(self) -> int:
        """How many layers have removable channels."""
        return int(self.layer.max()) + 1

    @property
    def start(self) -> BoolArray:
        """The criterion's own mask (C,)."""
        mask: BoolArray = self.fit(None, self.priority[None])[0]
        return mask

    def fit(self, keep: BoolArray | None, priority: Float64Array) -> BoolArray:
        """Make masks (K, C) that use the budget, each by a priority of its own, (K, C).

        keep: what to start from; None: nothing, so that the priority alone decides.
        """
        start = np.zeros(priority.shape, dtype=np.bool_) if keep is None else keep
        fitted = [
            fit_budget(row[None], own, self.macs, self.macs_budget, self.removable)[0]
            for row, own in zip(start, priority, strict=True)
        ]
        return np.stack(fitted)

    def repair(self, keep: BoolArray, is_chosen: BoolArray) -> BoolArray:
        """Bring masks (K, C) to the budget by the criterion, what was chosen last of all.

        Without this the criterion would take back every change: what was just added is what it
        likes least, and what was just removed is what it misses most.
        is_chosen: (K, C) decisions to hold on to.
        """
        chosen = np.where(keep, 2.0, -1.0)
        return self.fit(keep, np.where(is_chosen, chosen, self.rank))

    def masks_of_ratios(self, ratios: Float64Array) -> BoolArray:
        """Keep each layer's best channels, (K, layers) -> (K, C).

        All ratios are shifted alike until the budget holds; within a layer the criterion decides.
        """
        return self.fit(None, self.priority_of_ratios(ratios))

    def priority_of_ratios(self, ratios: Float64Array) -> Float64Array:
        """Above 1 where a channel is within its layer's ratio, (..., layers) -> (..., C)."""
        own: Float64Array = np.where(self.layer >= 0, ratios[..., self.layer], 0.0)
        return own + self.rank

    def ratios(self, keep: BoolArray) -> Float64Array:
        """Kept share of each layer's removable channels, (C,) -> (layers,)."""
        own = self.layer >= 0
        kept = np.bincount(self.layer[own], keep[own], self.layer_count)
        shares: Float64Array = kept / np.bincount(self.layer[own], minlength=self.layer_count)
        return shares


def make_terrain(
    priority: Float64Array,
    group_of_channel: NDArray[np.int64],
    macs: KeptShareModel,
    macs_budget: float,
    removable: BoolArray,
) -> Terrain:
    """Number the layers that have removable channels, and rank these within them."""
    rank, layer = np.zeros(len(priority)), np.full(len(priority), -1, dtype=np.int64)
    for number, group in enumerate(np.unique(group_of_channel[removable])):
        own = np.flatnonzero((group_of_channel == group) & removable)
        layer[own] = number
        rank[own] = (np.argsort(np.argsort(priority[own], kind="stable")) + 0.5) / len(own)
    return Terrain(priority, rank, layer, macs, macs_budget, removable)


def write_random(random: np.random.Generator) -> str:
    """All random numbers to come, as a text for a checkpoint."""
    return json.dumps(random.bit_generator.state)


def read_random(random: np.random.Generator, state: str) -> None:
    """Go on with the random numbers that `write_random` wrote."""
    random.bit_generator.state = json.loads(state)
