"""What the policy sees of the tiny chain: 8 + 6 channels in two groups."""

import numpy as np
import torch

from core.config import PolicyConfig
from core.events import BoolArray
from core.graph.features import graph_data
from core.graph.trace import analyse_network
from core.pruning.macs import MacsModel
from core.rl.observation import Observation, keep_logits, rank_logits
from core.rl.policy import ActorCritic
from core.rl.space import DecisionSpace
from tests.networks import Chain, build, example_images

MODULE = build(Chain)
ANALYSIS = analyse_network(MODULE, example_images())
MACS = MacsModel(ANALYSIS, MODULE)
GROUPS = ANALYSIS.groups.group_of_channel


def chain_observation(prior: list[float] | None = None) -> tuple[Observation, BoolArray]:
    """The observation, and which channels may be removed: all."""
    keep = np.ones(14, dtype=np.bool_)
    graph = graph_data(ANALYSIS.graph, ANALYSIS.groups, keep, 0.5)
    logits = torch.tensor(prior) if prior else torch.linspace(-18, 18, 14)
    halves = np.arange(14) % 2 == 0
    observation = Observation(
        graph=graph,
        channel_features=torch.linspace(-1, 1, 14)[:, None].repeat(1, 3),
        prior=logits,
        ranks=rank_logits(logits, graph.group_of_channel),
        one_shot=keep_logits([halves, keep], graph.group_of_channel, is_prior_known=True),
    )
    return observation, keep


def chain_space(
    constraint: str = "projection", removable: BoolArray | None = None, decision_steps: int = 1
) -> DecisionSpace:
    """All of the chain at half its MACs."""
    removable = np.ones(14, dtype=np.bool_) if removable is None else removable
    return DecisionSpace(MACS, 0.5, removable, constraint, GROUPS, decision_steps)


def chain_policy(config: PolicyConfig | None = None, seed: int = 0) -> ActorCritic:
    """A policy for the chain."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ActorCritic(chain_observation()[0], config or PolicyConfig())
