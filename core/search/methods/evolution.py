"""Evolution, (mu + lambda): the best so far are crossed and mutated.

Source: Baeck and Schwefel, "An Overview of Evolutionary Algorithms", 1993, section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config.baselines import BaselineConfig
from core.events import BoolArray, FloatArray
from core.pruning.budget import Float64Array
from core.rl.ppo import UpdateStatistics
from core.search.methods.random_search import sample_round
from core.search.methods.ranking import ComparableRewards
from core.search.methods.terrain import Terrain, read_random, write_random

OUTLIVED = -1e6  # the fitness of the best parent whose budget was larger; a child's is above it


@dataclass(frozen=True, eq=False)
class Children:
    """Masks to be scored, and what they were made of."""

    keep: BoolArray  # (K, C)
    genomes: Float64Array  # (K, genes): a mask's 0 and 1, or a keep ratio for each layer


class Evolution:
    """A population of the best masks so far, or of the best keep ratios of the layers.

    Parents keep the reward that they once had, measured against their siblings; they are never
    scored again, so that every evaluation goes to a new mask.
    """

    def __init__(self, terrain: Terrain, config: BaselineConfig, seed: int) -> None:
        self._terrain = terrain
        self._config = config
        self._random = np.random.default_rng(seed)
        self._rewards = ComparableRewards()
        self._genomes = np.zeros((0, self._genes))  # (parents, genes), best first
        self._masks = np.zeros((0, len(terrain.priority)), dtype=np.bool_)
        self._fitness = np.zeros(0)

    def hold_budget(self, macs_budget: float) -> None:
        """Breed within another budget: the parents are cut down to it, and any child beats them."""
        is_falling = macs_budget < self._terrain.macs_budget
        self._terrain.macs_budget = macs_budget
        if not is_falling or not len(self._fitness):
            return
        self._fitness = OUTLIVED - np.arange(len(self._fitness), dtype=np.float64)
        if self._config.genome == "layer_ratios":
            self._masks = self._terrain.masks_of_ratios(self._genomes)
        else:
            self._masks = self._terrain.repair(self._masks, np.zeros_like(self._masks))
            self._genomes = self._masks.astype(np.float64)

    def propose(self, count: int) -> Children:
        """Breed `count` children; at first, sample round the criterion's mask and take it too."""
        if not len(self._fitness):
            return self._first(count)
        first, second = (self._choose(count) for _ in range(2))
        picks = self._random.random((count, self._genes)) < 0.5
        genomes = crossed(self._genomes[first], self._genomes[second], picks)
        if self._config.genome == "layer_ratios":
            genomes = self._mutated_ratios(genomes)
            return Children(self._terrain.masks_of_ratios(genomes), genomes)
        is_flipped = self._random.random(genomes.shape) < self._config.mutated_share
        is_flipped &= self._terrain.removable
        keep = self._terrain.repair((genomes > 0.5) ^ is_flipped, is_flipped)
        return Children(keep, keep.astype(np.float64))

    def learn(self, proposal: Children, rewards: list[float]) -> UpdateStatistics:
        """Let children and parents compete; the best stay."""
        fitness = np.append(self._fitness, self._rewards.adjust(rewards))
        best = np.argsort(-fitness, kind="stable")[: self._config.parents]
        self._genomes = np.concatenate([self._genomes, proposal.genomes])[best]
        self._masks = np.concatenate([self._masks, proposal.keep])[best]
        self._fitness = fitness[best]
        return UpdateStatistics()

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return how many of the parents keep each channel (C,), 0-1, and the best of them (C,)."""
        if not len(self._fitness):
            start = self._terrain.start
            return start.astype(np.float32), start
        return self._masks.mean(axis=0).astype(np.float32), self._masks[0].copy()

    @property
    def is_sound(self) -> bool:
        """Whether all parents' rewards are numbers."""
        return bool(np.isfinite(self._fitness).all())

    def state_dict(self) -> dict[str, Any]:
        """Copy the parents and the random numbers to come."""
        return {
            "random": write_random(self._random),
            "average": self._rewards.average,
            "genomes": torch.from_numpy(self._genomes.copy()),
            "masks": torch.from_numpy(self._masks.copy()),
            "fitness": torch.from_numpy(self._fitness.copy()),
            "macs_budget": self._terrain.macs_budget,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        read_random(self._random, state["random"])
        self._rewards.average = state["average"]
        self._genomes = state["genomes"].numpy().copy()
        self._masks = state["masks"].numpy().copy()
        self._fitness = state["fitness"].numpy().copy()
        self._terrain.macs_budget = state.get("macs_budget", self._terrain.macs_budget)

    @property
    def _genes(self) -> int:
        terrain = self._terrain
        of_ratios = self._config.genome == "layer_ratios"
        return terrain.layer_count if of_ratios else len(terrain.priority)

    def _first(self, count: int) -> Children:
        start = self._terrain.start
        if self._config.genome == "layer_ratios":
            genomes = self._mutated_ratios(np.tile(self._terrain.ratios(start), (count, 1)))
            genomes[0] = self._terrain.ratios(start)
            return Children(self._terrain.masks_of_ratios(genomes), genomes)
        share = self._config.flipped_share
        keep = sample_round(self._terrain, self._config.random_by, share, count, self._random)
        keep[0] = start
        return Children(keep, keep.astype(np.float64))

    def _mutated_ratios(self, ratios: Float64Array) -> Float64Array:
        noise = self._random.normal(0.0, self._config.ratio_spread, ratios.shape)
        mutated: Float64Array = np.clip(ratios + noise, 0.0, 1.0)
        return mutated

    def _choose(self, count: int) -> NDArray[np.int64]:
        """Choose parents, each the better of two drawn by chance; the population is sorted."""
        drawn = self._random.integers(len(self._fitness), size=(2, count))
        better: NDArray[np.int64] = drawn.min(axis=0)
        return better


def crossed(first: Float64Array, second: Float64Array, is_first: BoolArray) -> Float64Array:
    """Take each gene from one parent or the other, (K, genes)."""
    child: Float64Array = np.where(is_first, first, second)
    return child
