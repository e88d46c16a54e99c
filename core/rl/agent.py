"""The agent: samples masks that respect the constraint and learns from their rewards."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import PolicyConfig, PPOConfig
from core.events import BoolArray, FloatArray
from core.rl.credit import ChannelCredit, Float64Array, less_their_price
from core.rl.encoder import GATEncoder
from core.rl.episodes import likeliest_episode, sample_episodes
from core.rl.observation import Observation
from core.rl.policy import ActorCritic
from core.rl.ppo import UpdateStatistics, make_optimizer, update
from core.rl.rollout import Episodes
from core.rl.space import DecisionSpace


@dataclass(frozen=True, eq=False)
class Proposal:
    """Masks to be scored, and what the policy must remember of them."""

    keep: BoolArray  # (K, C) what is evaluated
    episodes: Episodes


class PruningAgent:
    """An ActorCritic, its optimiser and, where one prices the budget, a Lagrange multiplier.

    Decisions are credited as they were sampled, before any repair. Under "lagrange" what a mask
    earns is reward - multiplier x cost, and the multiplier climbs by multiplier_rate x the mean
    cost of each update, never below 0: dual ascent on a budget that holds on average.
    """

    def __init__(
        self,
        observation: Observation,
        space: DecisionSpace,
        policy: PolicyConfig,
        ppo: PPOConfig,
        evaluations: int,
        seed: int,
    ) -> None:
        """evaluations: masks of the whole search, over which the entropy bonus runs out."""
        self._observation = observation
        self._space = space
        self._config = ppo
        self._evaluations = evaluations
        self._random = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._policy = ActorCritic(observation, policy)
        self._optimizer = make_optimizer(self._policy, ppo)
        self._proposed = 0  # masks so far
        self._multiplier = 0.0
        self._credit = ChannelCredit()
        # what it prefers, and for which versions of its weights
        self._preferred: tuple[tuple[int, ...], tuple[FloatArray, BoolArray]] | None = None

    @property
    def policy(self) -> ActorCritic:
        """What is learned."""
        return self._policy

    @property
    def observation(self) -> Observation:
        """What the policy sees before anything is decided."""
        return self._observation

    @property
    def multiplier(self) -> float | None:
        """The price of exceeding the budget by all of it; None unless it is learned."""
        return self._multiplier if self._space.constraint == "lagrange" else None

    def hold_budget(self, macs_budget: float) -> None:
        """Let masks keep so much of the MACs (0-1) at most from now on."""
        self._space.macs_budget = macs_budget
        self._preferred = None

    @property
    def entropy_coef(self) -> float:
        """The weight of the entropy bonus now: linear from the beginning to the end."""
        share = min(1.0, self._proposed / self._evaluations)
        return (1 - share) * self._config.entropy_coef + share * self._config.entropy_final

    def propose(self, count: int) -> Proposal:
        """Sample `count` masks."""
        episodes, priority = sample_episodes(
            self._policy, self._observation, self._space, count, self._random
        )
        keep = self._space.repair(episodes.actions.numpy() > 0.5, priority)
        return Proposal(keep, episodes)

    def learn(self, proposal: Proposal, rewards: list[float]) -> UpdateStatistics:
        """Update the policy, and the multiplier, from the rewards of a proposal's masks."""
        earned = np.array(rewards, dtype=np.float64)
        if self._space.constraint == "lagrange":
            costs = self._space.costs(proposal.keep)
            earned = earned - self._multiplier * costs
            climb = self._config.multiplier_rate * float(costs.mean())
            self._multiplier = max(0.0, self._multiplier + climb)
        statistics = update(
            self._policy,
            self._optimizer,
            self._observation,
            self._space,
            proposal.episodes,
            torch.from_numpy(earned).float(),
            self._config,
            self.entropy_coef,
        )
        self._proposed += len(rewards)
        return statistics

    def take_credit(self, gradient: Float64Array) -> None:
        """Move the channels' offsets along what each channel gives beyond its price.

        gradient: of the reward in the gates (C,) of the likeliest mask, see core.rl.credit.
        """
        macs, removable = self._space.macs, self._space.removable
        offset = self._policy.channel_offset
        if offset is None:
            raise RuntimeError("only a policy with offsets can take credit")
        probability, likeliest = self.preference()
        credit = less_their_price(
            self._credit.add(gradient, removable),
            macs.marginal_macs(likeliest) / macs.total,
            np.where(removable, probability, 1.0),
        )
        with torch.no_grad():
            moved = self._config.credit_rate * np.where(removable, credit, 0.0)
            offset.add_(torch.from_numpy(moved).float())

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return keep probabilities (C,) and the most likely mask (C,) within the budget."""
        weights = tuple(weight._version for weight in self._policy.parameters())
        if self._preferred is None or self._preferred[0] != weights:  # asked thrice an update
            likeliest = likeliest_episode(self._policy, self._observation, self._space)
            self._preferred = weights, likeliest
        probability, keep = self._preferred[1]
        return probability.copy(), keep.copy()

    def attention(self) -> tuple[NDArray[np.int64], FloatArray] | None:
        """Return the encoder's edges (edges, 2), from and to, and their weights.

        The weights are (encoder layers, heads, edges) and sum to 1 over the edges into a node.
        None without a graph-attention encoder.
        """
        graph, encoder = self._observation.graph, self._policy.encoder
        if not isinstance(encoder, GATEncoder):
            return None
        edges, weights = encoder.attention(graph.x, graph.edge_index)
        return edges.T.numpy(), weights.float().numpy()

    @property
    def is_sound(self) -> bool:
        """Whether all that it has learned are numbers."""
        weights: list[Tensor] = list(self._policy.parameters())
        return math.isfinite(self._multiplier) and all(
            bool(weight.isfinite().all()) for weight in weights
        )

    def state_dict(self) -> dict[str, Any]:
        """Copy what learning has changed: policy, optimiser, and the random numbers to come."""
        return {
            "policy": {key: value.clone() for key, value in self._policy.state_dict().items()},
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "random": self._random.get_state(),
            "proposed": self._proposed,
            "multiplier": self._multiplier,
            "credit": self._credit.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
        self._policy.load_state_dict(state["policy"])
        self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
        self._random.set_state(state["random"])
        self._proposed = int(state["proposed"])
        self._multiplier = float(state["multiplier"])
        self._credit.load_state_dict(state["credit"])
