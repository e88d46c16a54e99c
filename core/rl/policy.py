"""The agent's networks: one Bernoulli logit per channel, and the value of the state."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import PolicyConfig
from core.graph.features import NODE_FEATURES, GraphData
from core.rl.encoder import encode_states, make_encoder
from core.rl.observation import ONE_SHOT_FEATURES, Observation, Outlook

LEAST_DEVIATION, MOST_DEVIATION = 0.05, 2.0  # of a layer's shift

Channels = Tensor | slice  # int64 (c,), or all
ALL = slice(None)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the encoder makes of S states of one network."""

    groups: Tensor  # (S, groups, hidden): of the layers that write to each coupling group
    graph: Tensor  # (S, hidden): of the whole network

    def part(self, place: slice) -> "Encoded":
        """Some of the states."""
        return Encoded(self.groups[place], self.graph[place])


class ActorCritic(nn.Module):
    """Keep logits from a prior and learned parts that start near 0.

    "channels": logit = scale x prior + head + layer bias + layer offset + channel offset.
    "hierarchical": logit = scale x (rank + shift) + head + channel offset, where each layer has
    a shift ~ N(mean, deviation) and the mean starts at what the prior's one-shot mask keeps.
    The head is an MLP over (layer, graph, budget, channel features), or with a global embedding
    one over the embedding of the whole network.
    """

    def __init__(self, observation: Observation, config: PolicyConfig, hidden: int = 64) -> None:
        super().__init__()
        features = observation.channel_features.shape[1]
        channels, groups = len(observation.prior), observation.group_count
        self.is_hierarchical = config.architecture == "hierarchical"
        self.encoder = make_encoder(NODE_FEATURES, config, hidden)
        self.head: GlobalHead | ChannelHead
        self.layers: LayerBias | LayerShift | None = None
        if config.embedding == "global":
            self.head = GlobalHead(channels, hidden)
        else:
            self.head = ChannelHead(features, hidden)
            self.layers = (
                LayerShift(groups, hidden, config) if self.is_hierarchical else LayerBias(hidden)
            )
        self.critic = nn.Linear(hidden, 1)
        self.rank_scale = config.rank_scale
        self.log_prior_scale = nn.Parameter(torch.zeros(()))
        self.layer_offset: nn.Parameter | None = None
        self.channel_offset: nn.Parameter | None = None
        if config.offsets:
            self.layer_offset = nn.Parameter(torch.zeros(groups))
            self.channel_offset = nn.Parameter(torch.zeros(channels))

    def forward(self, observation: Observation, x: Tensor | None = None) -> Outlook:
        """Answer to states given by their node features (S, nodes, features).

        Without `x` it is the one state in which nothing is decided.
        """
        return self.answer(observation, self.encode(observation, x))

    def encode(self, observation: Observation, x: Tensor | None = None) -> Encoded:
        """See states given by their node features, as `forward` does, but answer nothing yet."""
        graph = observation.graph
        x = graph.x[None] if x is None else x
        z = encode_states(self.encoder, x, graph.edge_index)  # (S, nodes, hidden)
        z_group = _mean_of_producers(z, graph, observation.group_count)
        return Encoded(z_group, z.mean(dim=1))

    def answer(
        self, observation: Observation, encoded: Encoded, channels: Channels = ALL
    ) -> Outlook:
        """Answer to encoded states; the logits (S, c) are those of some channels (c,) only."""
        z_group, z_graph = encoded.groups, encoded.graph
        logits = self.head(z_group, z_graph, observation, channels)
        if self.channel_offset is not None:
            logits = logits + self.channel_offset[channels]
        value = self.critic(z_graph.detach()).squeeze(1)
        scale = self.log_prior_scale.exp()
        if isinstance(self.layers, LayerShift):
            gain = self.rank_scale * scale
            mean = self.layers(z_group, z_graph, observation)
            if self.layer_offset is not None:
                mean = mean + self.layer_offset
            logits = logits + gain * observation.ranks[channels]
            return Outlook(logits, value, mean, self.layers.log_deviations(), gain)
        by_group = logits.new_zeros(len(logits), observation.group_count)
        if self.layers is not None:
            by_group = by_group + self.layers(z_group)
        if self.layer_offset is not None:
            by_group = by_group + self.layer_offset
        moved = by_group[:, observation.group_of_channel[channels]]
        return Outlook(logits + scale * observation.prior[channels] + moved, value)


class ChannelHead(nn.Module):
    """linear(features) + MLP(layer, graph, budget, features), the same for every channel."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1, bias=False)
        self.first = nn.Linear(2 * hidden + 1 + features, hidden)
        self.last = nn.Linear(hidden, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(
        self,
        z_group: Tensor,
        z_graph: Tensor,
        observation: Observation,
        channels: Channels = ALL,
    ) -> Tensor:
        """(S, groups, hidden), (S, hidden) -> (S, channels)."""
        features = observation.channel_features[channels]
        hidden = z_graph.shape[1]
        # one product for each thing that enters, so that a layer's is made once for its channels
        weight = self.first.weight
        by_layer, by_graph = weight[:, :hidden], weight[:, hidden : 2 * hidden + 1]
        by_channel = weight[:, 2 * hidden + 1 :]
        context = _with_budget(z_graph, observation)  # (S, hidden + 1)
        layers = z_group @ by_layer.T + (context @ by_graph.T)[:, None] + self.first.bias
        own = features @ by_channel.T  # (C, hidden)
        groups = observation.group_of_channel[channels]
        if len(layers) == 1:
            inner = nn.functional.elu(layers[:, groups] + own)
        else:  # many states: in place, for it is memory that takes the time
            inner = nn.functional.elu(layers.index_select(1, groups).add_(own), inplace=True)
        logits: Tensor = (self.last(inner) + self.linear(features)).squeeze(2)
        return logits


class GlobalHead(nn.Module):
    """One embedding of the whole network decides over all channels, as in the paper."""

    def __init__(self, channels: int, hidden: int, width: int = 256) -> None:
        super().__init__()
        self.first = nn.Linear(hidden, width)
        self.last = nn.Linear(width, channels)
        nn.init.orthogonal_(self.last.weight, 0.01)
        nn.init.zeros_(self.last.bias)

    def forward(
        self,
        z_group: Tensor,
        z_graph: Tensor,
        observation: Observation,
        channels: Channels = ALL,
    ) -> Tensor:
        """(S, hidden) -> (S, channels)."""
        del z_group, observation
        inner = torch.tanh(self.first(z_graph))
        return nn.functional.linear(inner, self.last.weight[channels], self.last.bias[channels])


class LayerBias(nn.Module):
    """What the encoder says of a layer moves all its channels alike."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, z_group: Tensor) -> Tensor:
        """(S, groups, hidden) -> (S, groups)."""
        bias: Tensor = self.linear(z_group).squeeze(2)
        return bias


class LayerShift(nn.Module):
    """How much of each layer is kept, relative to the others: mean and deviation of its shift.

    mean = the one-shot mask's, centred, + MLP(layer, graph, budget, one-shot masks), whose last
    layer starts at 0.
    """

    def __init__(self, groups: int, hidden: int, config: PolicyConfig) -> None:
        super().__init__()
        self.first = nn.Linear(2 * hidden + 1 + ONE_SHOT_FEATURES, hidden)
        self.last = nn.Linear(hidden, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        count = groups if config.offsets else 1  # one for all layers fits every network
        self.log_deviation = nn.Parameter(torch.full((count,), math.log(config.shift_deviation)))
        self._groups = groups

    def forward(self, z_group: Tensor, z_graph: Tensor, observation: Observation) -> Tensor:
        """(S, groups, hidden), (S, hidden) -> (S, groups)."""
        one_shot = observation.one_shot
        context = _with_budget(z_graph, observation)[:, None].expand(-1, len(one_shot), -1)
        given = torch.cat([z_group, context, one_shot.expand(len(z_group), -1, -1)], dim=2)
        learned = self.last(nn.functional.elu(self.first(given))).squeeze(2)
        mean: Tensor = one_shot[:, 0] - one_shot[:, 0].mean() + learned
        return mean

    def log_deviations(self) -> Tensor:
        """Log of the deviation of each layer's shift, (groups,)."""
        low, high = math.log(LEAST_DEVIATION), math.log(MOST_DEVIATION)
        return self.log_deviation.clamp(low, high).expand(self._groups)


def _with_budget(z_graph: Tensor, observation: Observation) -> Tensor:
    """(S, hidden) -> (S, hidden + 1)."""
    budget: Tensor = observation.graph.budget
    return torch.cat([z_graph, budget.expand(len(z_graph), 1)], dim=1)


def _mean_of_producers(z: Tensor, graph: GraphData, groups: int) -> Tensor:
    """Average the layers that write to each coupling group, (S, groups, hidden)."""
    sums = z.new_zeros(z.shape[0], groups, z.shape[2])
    sums = sums.index_add(1, graph.producer_group, z[:, graph.producer_node])
    counts = torch.bincount(graph.producer_group, minlength=groups).clamp(min=1)
    return sums / counts[:, None]
