"""Random search round the best criterion: what chance alone finds in so many evaluations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.config.baselines import RandomBy
from core.events import BoolArray, FloatArray
from core.rl.ppo import UpdateStatistics
from core.search.methods.ranking import ComparableRewards
from core.search.methods.terrain import Terrain, read_random, write_random


@dataclass(frozen=True, eq=False)
class Masks:
    """Masks to be scored."""

    keep: BoolArray  # (K, C)


class RandomSearch:
    """Always samples round the criterion's mask, whatever its masks have earned.

    "noise": logistic noise on the criterion's logits, which is how the agent samples before it
    has learned anything. "flips": a fixed share of the channels changes sides.
    """

    def __init__(self, terrain: Terrain, by: RandomBy, flipped_share: float, seed: int) -> None:
        self._terrain = terrain
        self._by: RandomBy = by
        self._flipped_share = flipped_share
        self._random = np.random.default_rng(seed)
        self._rewards = ComparableRewards()
        self._best: tuple[float, BoolArray] | None = None
        self._kept = np.zeros(len(terrain.priority))  # how many proposed masks keep a channel
        self._proposed = 0

    def hold_budget(self, macs_budget: float) -> None:
        """Sample within another budget; a best mask of a larger one counts no more."""
        if macs_budget < self._terrain.macs_budget:
            self._best = None
        self._terrain.macs_budget = macs_budget

    def propose(self, count: int) -> Masks:
        """Sample `count` masks."""
        share = self._flipped_share
        return Masks(sample_round(self._terrain, self._by, share, count, self._random))

    def learn(self, proposal: Masks, rewards: list[float]) -> UpdateStatistics:
        """Remember the best mask and count what is kept; nothing else is learned."""
        estimates = self._rewards.adjust(rewards)
        first = int(np.argmax(estimates))
        if self._best is None or estimates[first] > self._best[0]:
            self._best = estimates[first], proposal.keep[first].copy()
        self._kept += proposal.keep.sum(axis=0)
        self._proposed += len(proposal.keep)
        return UpdateStatistics()

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return how often each channel was kept (C,), and the best mask so far (C,)."""
        if self._best is None:
            start = self._terrain.start
            return start.astype(np.float32), start
        return (self._kept / self._proposed).astype(np.float32), self._best[1].copy()

    @property
    def is_sound(self) -> bool:
        """Whether the best mask's reward is a number."""
        return self._best is None or bool(np.isfinite(self._best[0]))

    def state_dict(self) -> dict[str, Any]:
        """Copy the random numbers to come, the best mask and the counts."""
        best = None if self._best is None else [self._best[0], torch.from_numpy(self._best[1])]
        return {
            "random": write_random(self._random),
            "average": self._rewards.average,
            "best": best,
            "kept": torch.from_numpy(self._kept.copy()),
            "proposed": self._proposed,
            "macs_budget": self._terrain.macs_budget,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        read_random(self._random, state["random"])
        self._rewards.average = state["average"]
        best = state["best"]
        self._best = None if best is None else (float(best[0]), best[1].numpy().copy())
        self._kept = state["kept"].numpy().copy()
        self._proposed = int(state["proposed"])
        self._terrain.macs_budget = state.get("macs_budget", self._terrain.macs_budget)


def sample_round(
    terrain: Terrain, by: RandomBy, flipped_share: float, count: int, random: np.random.Generator
) -> BoolArray:
    """Sample masks (count, C) round the criterion's."""
    shape = (count, len(terrain.priority))
    if by == "noise":
        return terrain.fit(None, terrain.priority + random.logistic(size=shape))
    keep = np.broadcast_to(terrain.start, shape)
    is_flipped = (random.random(shape) < flipped_share) & terrain.removable
    return terrain.repair(keep ^ is_flipped, is_flipped)
