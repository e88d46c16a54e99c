"""How much of each layer to keep, by the cross-entropy method; which channels, by a criterion.

Sources: He et al., "AMC: AutoML for Model Compression", 2018, section 3.1 (a keep ratio for each
layer, channels by magnitude); Rubinstein, "The Cross-Entropy Method", 1999 (the search).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.config.baselines import BaselineConfig
from core.events import BoolArray, FloatArray
from core.pruning.budget import Float64Array
from core.pruning.limits import exceeds
from core.rl.ppo import UpdateStatistics
from core.search.methods.terrain import Terrain, read_random, write_random

LEAST_SPREAD = 0.01  # of a ratio, so that the search never stands still
BISECTIONS = 40


@dataclass(frozen=True, eq=False)
class Ratios:
    """Masks to be scored, and the keep ratios that they were made of."""

    keep: BoolArray  # (K, C)
    ratios: Float64Array  # (K, layers), before the budget shifted them


class LayerRatios:
    """A Gaussian over the layers' keep ratios that moves to the best of each update."""

    def __init__(self, terrain: Terrain, config: BaselineConfig, seed: int) -> None:
        self._terrain = terrain
        self._config = config
        self._random = np.random.default_rng(seed)
        self._mean = terrain.ratios(terrain.start)
        self._spread = np.full(len(self._mean), config.ratio_spread)

    def hold_budget(self, macs_budget: float) -> None:
        """Shift the ratios to another budget."""
        self._terrain.macs_budget = macs_budget

    def propose(self, count: int) -> Ratios:
        """Sample `count` masks."""
        noise = self._random.standard_normal((count, len(self._mean)))
        ratios = np.clip(self._mean + self._spread * noise, 0.0, 1.0)
        return Ratios(self._terrain.masks_of_ratios(ratios), ratios)

    def learn(self, proposal: Ratios, rewards: list[float]) -> UpdateStatistics:
        """Move the Gaussian towards the masks of the highest rewards."""
        self._mean, self._spread = moved(
            self._mean,
            self._spread,
            proposal.ratios,
            rewards,
            self._config.elite_share,
            self._config.smoothing,
        )
        return UpdateStatistics()

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return the share of sampled masks that keep each channel (C,), and the mean's mask."""
        mask = self._terrain.masks_of_ratios(self._mean[None])[0]
        return self._keep_probability().astype(np.float32), mask

    @property
    def is_sound(self) -> bool:
        """Whether the Gaussian is made of numbers."""
        return bool(np.isfinite(self._mean).all() and np.isfinite(self._spread).all())

    def state_dict(self) -> dict[str, Any]:
        """Copy the Gaussian and the random numbers to come."""
        return {
            "random": write_random(self._random),
            "mean": torch.from_numpy(self._mean.copy()),
            "spread": torch.from_numpy(self._spread.copy()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        read_random(self._random, state["random"])
        self._mean = state["mean"].numpy().copy()
        self._spread = state["spread"].numpy().copy()

    def _keep_probability(self) -> Float64Array:
        """P(ratio + rank > tau), with tau so that the expected MACs are the budget; (C,)."""
        terrain = self._terrain
        centre = terrain.priority_of_ratios(self._mean)
        spread = np.where(terrain.layer >= 0, self._spread[terrain.layer], 1.0)
        low, high = -1.0, 3.0  # ratio + rank lies between 0 and 2
        for _ in range(BISECTIONS):
            tau = (low + high) / 2
            keep = np.where(terrain.removable, _normal_cdf((centre - tau) / spread), 1.0)
            if exceeds(terrain.macs, keep, terrain.macs_budget):
                low = tau
            else:
                high = tau
        kept: Float64Array = keep * ~terrain.macs.removed
        return kept


def moved(
    mean: Float64Array,
    spread: Float64Array,
    samples: Float64Array,
    rewards: list[float],
    elite_share: float,
    smoothing: float,
) -> tuple[Float64Array, Float64Array]:
    """One step of the cross-entropy method on a Gaussian, (n,) each; samples are (K, n)."""
    count = max(1, math.ceil(elite_share * len(rewards)))
    elite = samples[np.argsort(-np.array(rewards), kind="stable")[:count]]
    new_mean = smoothing * mean + (1 - smoothing) * elite.mean(axis=0)
    new_spread = smoothing * spread + (1 - smoothing) * elite.std(axis=0)
    return new_mean, np.maximum(new_spread, LEAST_SPREAD)


def _normal_cdf(z: Float64Array) -> Float64Array:
    values = torch.special.ndtr(torch.from_numpy(z)).numpy()
    result: Float64Array = values
    return result
