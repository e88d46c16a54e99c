"""What a policy for many networks sees of one: its prunable groups, as a graph of their own.

A node is a coupling group of which channels may go, in the order of depth; an edge leads to every
group that is reached without passing another one, and back. The same numbers describe networks of
any depth and width: shares, ranks and logs relative to the network's mean.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.events import BoolArray, FloatArray, StageAdvanced
from core.graph.assembly import Analysis
from core.graph.coupling import CouplingGroup
from core.graph.layers import LayerGraph
from core.pruning.baselines import ALLOCATIONS, one_shot_mask, uniform
from core.pruning.budget import Float64Array, KeptShareModel
from core.pruning.refit import Refit
from core.rl.observation import keep_logits

RANKED_BY = "obs_bn"  # within a group: a refit makes up for most of what OBS lets go first
RANKINGS = (RANKED_BY, "obs_per_mac", "taylor", "contribution", "l1")  # that the policy mixes
RANKING_GAIN = 3.0  # a preference among them counts as much as a shift of a group
ALLOCATED_BY = (  # criterion and allocation of the one-shot masks that the policy mixes
    ("obs_bn", "balanced"),
    ("obs_bn", "global"),
    ("obs_per_mac", "global"),
    ("contribution", "global"),
    ("taylor", "balanced"),
    ("l1", "uniform"),
)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of a group's scores
GROUP_FEATURES = 11 + 2 * len(QUANTILES)
VIEW_VERSION = 2  # of what the features mean, for agents that outlive a training
FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class NetworkView:
    """One network under any budget that leaves the same channels to decide over."""

    features: Tensor  # (G, GROUP_FEATURES)
    edge_index: Tensor  # int64 (2, edges)
    node_of_channel: NDArray[np.int64]  # (C,) row of the features; 0 where nothing is decided
    ranks: Float64Array  # (C, RANKINGS) logit of a channel's rank in its group
    priorities: tuple[Float64Array, ...]  # (C,) each, of ALLOCATED_BY
    macs: KeptShareModel
    removable: BoolArray  # (C,)
    refit: Refit

    def parts(self, macs_budget: float) -> Generator[StageAdvanced, None, tuple[Tensor, Tensor]]:
        """What can be mixed at a budget: what the one-shot masks keep, and what each part loses.

        Yields: StageAdvanced after each refit, of which some ten take seconds in a wide network.
        Returns: the logit of the share that each mask of ALLOCATED_BY keeps of each group, float32
            (G, ALLOCATED_BY); what each of them loses and, with the same share of every group, each
            of RANKINGS, float32 (ALLOCATED_BY + RANKINGS,): the log of the refit's error above the
            least of its kind.
        """
        own, nodes = self.removable, torch.from_numpy(self.node_of_channel[self.removable])
        masks, ranked = (
            [one_shot_mask(one, self.macs, macs_budget, own) for one in priorities]
            for priorities in (self.priorities, self.ranks.T)
        )
        kept = [keep_logits([mask[own]], nodes, is_prior_known=True)[:, 0] for mask in masks]
        known = {mask.tobytes(): mask for mask in (*masks, *ranked)}  # some are the same
        errors: dict[bytes, float] = {}
        for key, mask in known.items():
            errors[key] = self.refit.refit(mask).error
            yield StageAdvanced(len(errors))
        lost = []
        for alike in (masks, ranked):
            logs = torch.tensor([errors[mask.tobytes()] for mask in alike]).clamp(min=FLOOR).log()
            lost.append(logs - logs.min())
        return torch.stack(kept, dim=1), torch.cat(lost)

    def priority(self, answer: Tensor) -> Float64Array:
        """Mixed rank and shift of its group, (C,); larger means keep.

        answer: (G + RANKINGS,) the shifts, and how much each ranking is preferred.
        """
        values, groups = answer.detach().double(), len(self.features)
        shares = torch.softmax(RANKING_GAIN * values[groups:], dim=0).numpy()
        shifts = values[:groups].numpy()[self.node_of_channel]
        priority: Float64Array = self.ranks @ shares + shifts
        return priority

    def mask(self, answer: Tensor, macs_budget: float) -> BoolArray:
        """Fill the budget in the order of the priority: (G + RANKINGS,) -> (C,)."""
        return one_shot_mask(self.priority(answer), self.macs, macs_budget, self.removable)


def view_network(
    analysis: Analysis,
    importances: Mapping[str, FloatArray],
    macs: KeptShareModel,
    removable: BoolArray,
    refit: Refit,
) -> NetworkView:
    """Describe a network by its layer graph and what the criteria say of its channels.

    importances: criterion -> (C,). removable: (C,), at least one is True. refit: of its readers.
    """
    groups = [g for g in analysis.groups.groups if removable[g.start : g.stop].any()]
    nodes = np.zeros(len(removable), dtype=np.int64)
    for node, group in enumerate(groups):
        nodes[group.start : group.stop] = node
    ranks = [uniform(importances[criterion], analysis.groups) for criterion in RANKINGS]
    shares = np.stack(ranks, axis=1)
    return NetworkView(
        features=_features(analysis, groups, macs, importances[RANKED_BY]),
        edge_index=_edges(analysis.graph, groups),
        node_of_channel=nodes,
        ranks=np.log(shares / (1.0 - shares)),
        priorities=tuple(
            ALLOCATIONS[allocation](importances[criterion], analysis.groups)
            for criterion, allocation in ALLOCATED_BY
        ),
        macs=macs,
        removable=removable,
        refit=refit,
    )


def _features(
    analysis: Analysis, groups: Sequence[CouplingGroup], macs: KeptShareModel, scores: FloatArray
) -> Tensor:
    """Describe each group, float32 (G, GROUP_FEATURES)."""
    graph, count = analysis.graph, len(groups)
    saved = macs.marginal_macs(np.ones(len(scores), dtype=np.bool_)) / macs.total  # (C,)
    place = {name: depth for depth, name in enumerate(graph.nodes)}
    side = max(1, *(_side(layer.output_shape) for layer in graph.layers))
    log_scores = np.log(scores.astype(np.float64) + FLOOR * max(float(scores.mean()), FLOOR))
    middle, share = log_scores.mean(), [saved[g.start : g.stop].mean() for g in groups]
    rows = []
    for node, group in enumerate(groups):
        layer = graph.layer(group.producers[0])
        own = log_scores[group.start : group.stop]
        quantiles = np.quantile(own, QUANTILES)
        rows.append(
            [
                np.log2(len(group)) / 6,
                _side(layer.output_shape) / side,
                float(layer.stride > 1),
                (layer.kernel[-1] if layer.kernel else 0) / 3,
                place[layer.name] / max(1, len(place) - 1),
                (node + 1) / count,
                np.log(count) / 4,
                float(group.is_stream),
                float(any(graph.layer(name).kind == "depthwise" for name in group.producers)),
                np.log(share[node] * count + FLOOR) / 4,
                np.log(share[node] * len(group) * count + FLOOR) / 2,
                *((quantiles - middle) / 2),
                *(quantiles - quantiles[len(QUANTILES) // 2]),
            ]
        )
    return torch.tensor(np.clip(np.array(rows), -6.0, 6.0), dtype=torch.float32)


def _edges(graph: LayerGraph, groups: Sequence[CouplingGroup]) -> Tensor:
    """Which groups follow which, both ways, int64 (2, edges)."""
    node_of = {name: node for node, group in enumerate(groups) for name in group.producers}
    pairs = set()
    for name, node in node_of.items():
        waiting, seen = list(graph.successors(name)), set[str]()
        while waiting:
            layer = waiting.pop()
            if layer in seen:
                continue
            seen.add(layer)
            if layer in node_of:
                pairs |= {(node, node_of[layer]), (node_of[layer], node)}
            else:
                waiting.extend(graph.successors(layer))
    distinct = sorted(pair for pair in pairs if pair[0] != pair[1])
    return torch.tensor(distinct, dtype=torch.int64).reshape(-1, 2).T


def _side(shape: tuple[int, ...]) -> int:
    return shape[-1] if len(shape) == 3 else 1
