"""The agent: samples masks that respect the constraint and learns from their rewards."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import Constraint, PPOConfig
from core.events import BoolArray, FloatArray
from core.pruning.budget import (
    KeptShareModel,
    ensure_widths,
    fit_budget,
    keep_probability,
    solve_threshold,
)
from core.rl.policy import ActorCritic, Observation
from core.rl.ppo import UpdateStatistics, make_optimizer, update
from core.rl.rollout import Rollout, bernoulli_logprobs


@dataclass(frozen=True, eq=False)
class Proposal:
    """Masks to be scored, and what the policy must remember of them."""

    keep: BoolArray  # (K, C) what is evaluated
    actions: Tensor  # (K, C) what was sampled
    logprobs: Tensor  # (K, C)
    value: Tensor  # ()


class PruningAgent:
    """An ActorCritic, its optimiser and its way of holding the budget.

    "projection": one threshold shifts all logits so that sampled masks keep the budget on
    average, and each sample is repaired to hold it exactly.
    "penalty": samples are taken as they are, and the reward teaches the budget.
    Decisions are credited as they were sampled, before any repair.
    """

    def __init__(
        self,
        observation: Observation,
        macs: KeptShareModel,
        macs_budget: float,
        removable: BoolArray,
        constraint: Constraint,
        config: PPOConfig,
        seed: int,
    ) -> None:
        self._observation = observation
        self._macs = macs
        self._macs_budget = macs_budget
        self._removable = removable
        self._constraint = constraint
        self._config = config
        self._random = torch.Generator().manual_seed(seed)
        group_count = int(observation.graph.group_of_channel.max()) + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._policy = ActorCritic(
                observation.channel_features.shape[1], len(observation.prior), group_count
            )
        self._optimizer = make_optimizer(self._policy, config)

    @torch.no_grad()
    def propose(self, count: int) -> Proposal:
        """Sample `count` masks."""
        raw, value = self._policy(self._observation)
        logits = self._project(raw)
        uniform = torch.rand(count, len(logits), generator=self._random)
        actions = (uniform < torch.sigmoid(logits)).float()
        keep = actions.numpy() > 0.5
        priority = _as_array(logits)
        if self._constraint == "projection":
            keep = fit_budget(keep, priority, self._macs, self._macs_budget, self._removable)
        else:
            keep = ensure_widths(keep, priority, self._macs, self._removable)
        return Proposal(keep, actions, bernoulli_logprobs(logits, actions), value)

    def learn(self, proposal: Proposal, rewards: list[float]) -> UpdateStatistics:
        """Update the policy from the rewards of a proposal's masks."""
        return update(
            self._policy,
            self._optimizer,
            self._observation,
            Rollout(
                actions=proposal.actions,
                logprobs=proposal.logprobs,
                rewards=torch.tensor(rewards, dtype=torch.float32),
                value=proposal.value,
            ),
            self._project,
            torch.from_numpy(self._removable),
            self._config,
        )

    @torch.no_grad()
    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return keep probabilities (C,) and the most likely mask (C,) within the budget."""
        logits = _as_array(self._project(self._policy(self._observation)[0]))
        probability = keep_probability(logits, 0.0, self._removable) * ~self._macs.removed
        nothing = np.zeros((1, len(logits)), dtype=np.bool_)
        mask = fit_budget(nothing, logits, self._macs, self._macs_budget, self._removable)[0]
        return probability.astype(np.float32), mask

    def attention(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the encoder's edges (edges, 2), from and to, and their weights.

        The weights are (encoder layers, heads, edges) and sum to 1 over the edges into a node.
        """
        graph = self._observation.graph
        edges, weights = self._policy.encoder.attention(graph.x, graph.edge_index)
        return edges.T.numpy(), weights.float().numpy()

    @property
    def is_sound(self) -> bool:
        """Whether all weights of the policy are numbers."""
        return all(bool(weight.isfinite().all()) for weight in self._policy.parameters())

    def state_dict(self) -> dict[str, Any]:
        """Copy what learning has changed: policy, optimiser, and the random numbers to come."""
        return {
            "policy": {key: value.clone() for key, value in self._policy.state_dict().items()},
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "random": self._random.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        self._policy.load_state_dict(state["policy"])
        self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
        self._random.set_state(state["random"])

    def _project(self, logits: Tensor) -> Tensor:
        if self._constraint == "penalty":
            return logits
        return logits - solve_threshold(
            _as_array(logits), self._macs, self._macs_budget, self._removable
        )


def _as_array(logits: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return logits.detach().double().numpy()
