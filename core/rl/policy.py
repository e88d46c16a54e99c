"""The agent's networks: one Bernoulli logit per channel, and the value of the state."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.graph.features import NODE_FEATURES, GraphData
from core.rl.encoder import GATEncoder


@dataclass(frozen=True, eq=False)
class Observation:
    """What the policy sees: the network as a graph, and its channels."""

    graph: GraphData  # core.graph.features.graph_data
    channel_features: Tensor  # (C, F)
    prior: Tensor  # (C,) logits; 0 everywhere without a prior


class ActorCritic(nn.Module):
    """Keep logits from a prior and learned parts that start near 0.

    logit = prior + linear(features) + MLP(layer, graph, features)
            + layer bias + layer offset + channel offset
    """

    def __init__(
        self, channel_features: int, channel_count: int, group_count: int, hidden: int = 64
    ) -> None:
        super().__init__()
        self.encoder = GATEncoder(NODE_FEATURES, hidden)
        self.linear = nn.Linear(channel_features, 1, bias=False)
        self.layer_bias = nn.Linear(hidden, 1)
        last = nn.Linear(hidden, 1)
        self.actor = nn.Sequential(
            nn.Linear(2 * hidden + channel_features + 1, hidden), nn.ELU(), last
        )
        self.critic = nn.Linear(hidden, 1)
        self.layer_offset = nn.Parameter(torch.zeros(group_count))
        self.channel_offset = nn.Parameter(torch.zeros(channel_count))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.layer_bias.weight)
        nn.init.zeros_(self.layer_bias.bias)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """Return keep logits (C,) and the value of the state ()."""
        graph, features = observation.graph, observation.channel_features
        z = self.encoder(graph.x, graph.edge_index)  # (nodes, hidden)
        z_graph = z.mean(dim=0)  # (hidden,)
        z_group = self._mean_of_producers(z, graph)  # (groups, hidden)
        group = graph.group_of_channel
        context = torch.cat([z_graph, graph.budget]).expand(len(features), -1)
        logits = (
            observation.prior
            + self.linear(features).squeeze(1)
            + self.actor(torch.cat([z_group[group], context, features], dim=1)).squeeze(1)
            + (self.layer_bias(z_group).squeeze(1) + self.layer_offset)[group]
            + self.channel_offset
        )
        return logits, self.critic(z_graph.detach()).squeeze()

    def _mean_of_producers(self, z: Tensor, graph: GraphData) -> Tensor:
        """Average the layers that write to each coupling group, (groups, hidden)."""
        sums = z.new_zeros(len(self.layer_offset), z.shape[1])
        counts = z.new_zeros(len(self.layer_offset), 1)
        sums = sums.index_add(0, graph.producer_group, z[graph.producer_node])
        ones = z.new_ones(len(graph.producer_node), 1)
        return sums / counts.index_add(0, graph.producer_group, ones).clamp(min=1.0)
