"""What the policy sees of the tiny chain: 8 + 6 channels in two groups."""

import numpy as np
import torch

from core.events import BoolArray
from core.graph.features import graph_data
from core.graph.trace import analyse_network
from core.pruning.macs import MacsModel
from core.rl.policy import Observation
from tests.networks import Chain, build, example_images

MODULE = build(Chain)
ANALYSIS = analyse_network(MODULE, example_images())
MACS = MacsModel(ANALYSIS, MODULE)


def chain_observation(prior: list[float] | None = None) -> tuple[Observation, BoolArray]:
    """The observation, and which channels may be removed: all."""
    keep = np.ones(14, dtype=np.bool_)
    observation = Observation(
        graph=graph_data(ANALYSIS.graph, ANALYSIS.groups, keep, 0.5),
        channel_features=torch.linspace(-1, 1, 14)[:, None].repeat(1, 3),
        prior=torch.tensor(prior) if prior else torch.linspace(-18, 18, 14),
    )
    return observation, keep
