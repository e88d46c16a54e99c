"""What the policy sees of a network, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.events import BoolArray
from core.graph.features import GraphData

ONE_SHOT_FEATURES = 3


@dataclass(frozen=True, eq=False)
class Observation:
    """What the policy sees: the network as a graph, its channels, and one-shot masks of it."""

    graph: GraphData  # core.graph.features.graph_data
    channel_features: Tensor  # (C, F)
    prior: Tensor  # (C,) logits; 0 everywhere without a prior
    ranks: Tensor  # (C,) of rank_logits
    one_shot: Tensor  # (G, ONE_SHOT_FEATURES) of keep_logits

    @property
    def group_of_channel(self) -> Tensor:
        """The coupling group of each channel, int64 (C,)."""
        groups: Tensor = self.graph.group_of_channel
        return groups

    @property
    def group_count(self) -> int:
        """How many coupling groups there are, G."""
        return len(self.one_shot)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What the policy answers to S states of one network.

    logit = logits + gain x shift of the channel's group, where there are shifts.
    """

    logits: Tensor  # (S, C)
    value: Tensor  # (S,) what the critic expects
    shift_mean: Tensor | None = None  # (S, G)
    log_deviation: Tensor | None = None  # (G,)
    gain: Tensor | None = None  # ()


def rank_logits(scores: Tensor, group_of_channel: Tensor) -> Tensor:
    """Logit of each channel's rank in its group by its score, (C,).

    A rank is a share, (place + 1/2) / channels of the group, so that a shift of logit(k) keeps
    the share k of a layer. Equals share their places: without a prior all logits are 0.
    """
    logits = torch.empty(len(scores))
    for group in range(int(group_of_channel.max()) + 1):
        own = group_of_channel == group
        logits[own] = torch.logit((average_ranks(scores[own]) + 0.5) / int(own.sum()))
    return logits


def keep_logits(
    masks: Sequence[BoolArray], group_of_channel: Tensor, *, is_prior_known: bool
) -> Tensor:
    """How much one-shot masks keep of each group: (G, ONE_SHOT_FEATURES).

    masks: the prior's, then those of the criteria. Columns: logit of the share that the prior's
    mask keeps (0 where there is no prior); mean and deviation of all others' logits.
    """
    group_count = int(group_of_channel.max()) + 1
    sizes = torch.bincount(group_of_channel, minlength=group_count).float()
    rows = []
    for mask in masks:
        kept = torch.zeros(group_count).index_add_(
            0, group_of_channel, torch.from_numpy(mask).float()
        )
        least = 0.7 / (sizes + 1.0)  # an emptied or a whole layer is not infinitely so
        rows.append(torch.logit(torch.clamp(kept / sizes, least, 1.0 - least)))
    others = torch.stack(rows[1:] or rows)
    first = rows[0] if is_prior_known else torch.zeros(group_count)
    return torch.stack([first, others.mean(dim=0), others.std(dim=0, unbiased=False)], dim=1)


def average_ranks(values: Tensor) -> Tensor:
    """Rank of each value in the last dimension, from 0; equals share the mean of their places."""
    order = torch.sort(values, dim=-1).values.contiguous()
    given = values.contiguous()
    below = torch.searchsorted(order, given)
    not_above = torch.searchsorted(order, given, right=True)
    return (below + not_above - 1).to(torch.float32) / 2
