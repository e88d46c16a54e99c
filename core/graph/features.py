"""LayerGraph + masks + budget -> torch_geometric data, as the encoder sees a network."""

import math
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from core.events import BoolArray
from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph, LayerNode
from core.pruning.masks import kept_channels

with warnings.catch_warnings():
    # torch_geometric still scripts a helper on import; nothing of ours uses it
    warnings.simplefilter("ignore", FutureWarning)
    from torch_geometric.data import Data as GraphData

__all__ = ["KINDS", "NODE_FEATURES", "GraphData", "features_so_far", "graph_data"]

KINDS = (
    "input",
    "conv",
    "depthwise",
    "linear",
    "norm",
    "pool",
    "add",
    "multiply",
    "concat",
    "other",
    "output",
)
KEPT, DECIDED = len(KINDS) + 9, len(KINDS) + 14  # columns that change while a mask is decided
NODE_FEATURES = len(KINDS) + 16
FEATURES_VERSION = 1  # of what the columns mean, for agents that outlive a search


def graph_data(
    graph: LayerGraph,
    groups: CouplingGroups,
    keep: BoolArray,
    macs_budget: float,
    weights: Mapping[str, Tensor] | None = None,
) -> GraphData:
    """Describe a network under a mask (C,) and a budget, before anything is decided.

    weights: the network's state dict; without it the statistics of weights are 0.

    Returns: GraphData with
        x: float32 (layers, NODE_FEATURES), each roughly 0-1;
        edge_index: int64 (2, 2 x edges), with the data and against it;
        group_of_channel: int64 (C,);
        producer_node, producer_group: int64 (P,), which layers write to which coupling group;
        output_node, output_channel: int64 (O,), every output of a layer that a mask decides over;
        output_count: float32 (layers,), all outputs of a layer;
        budget: float32 (1,).
    """
    layers = list(graph.layers)
    place = {layer.name: index for index, layer in enumerate(layers)}
    pairs = [(place[a], place[b]) for a, b in graph.edges]
    pairs += [(b, a) for a, b in pairs]
    producers = [(place[p], group.id) for group in groups.groups for p in group.producers]
    nodes, owners = (torch.tensor(column, dtype=torch.int64) for column in _columns(producers))
    decidable = [layer.channels[layer.channels >= 0] for layer in layers]
    return GraphData(
        x=_node_features(layers, keep, macs_budget, weights or {}),
        edge_index=torch.tensor(_columns(pairs), dtype=torch.int64),
        group_of_channel=torch.from_numpy(groups.group_of_channel),
        producer_node=nodes,
        producer_group=owners,
        output_node=torch.repeat_interleave(torch.tensor([len(own) for own in decidable])),
        output_channel=torch.from_numpy(np.concatenate(decidable).astype(np.int64)),
        output_count=torch.tensor([max(1.0, len(layer.channels)) for layer in layers]),
        budget=torch.tensor([macs_budget], dtype=torch.float32),
    )


def features_so_far(data: GraphData, keep: Tensor, decided: Tensor) -> Tensor:
    """Describe layers while masks are decided: (masks, layers, NODE_FEATURES).

    keep: (masks, C) decisions, 0 or 1; decided: bool (C,), the others count as kept.
    """
    kept = torch.where(decided, keep, 1.0)
    x: Tensor = data.x.expand(len(keep), -1, -1).clone()
    removed = x.new_zeros(x.shape[:2])
    removed.index_add_(1, data.output_node, 1.0 - kept[:, data.output_channel])
    told = x.new_zeros(x.shape[1])
    told.index_add_(0, data.output_node, decided[data.output_channel].to(x.dtype))
    x[..., KEPT] = 1.0 - removed / data.output_count
    x[..., DECIDED] = told / data.output_count
    return x


def _node_features(
    layers: list[LayerNode],
    keep: BoolArray,
    macs_budget: float,
    weights: Mapping[str, Tensor],
) -> Tensor:
    """Describe each layer, float32 (layers, NODE_FEATURES)."""
    macs = max(1, sum(layer.macs for layer in layers))
    params = max(1, sum(layer.params for layer in layers))
    side = max(1, *(_side(layer.input_shape) for layer in layers))
    rows = []
    for depth, layer in enumerate(layers):
        kept = kept_channels(keep, layer.channels)
        rows.append(
            [
                *(float(layer.kind == kind) for kind in KINDS),
                _log_width(layer.input_shape),
                _log_width(layer.output_shape),
                _side(layer.output_shape) / side,
                (layer.kernel[-1] if layer.kernel else 0) / 7,
                float(layer.stride > 1),
                depth / max(1, len(layers) - 1),
                math.sqrt(layer.macs / macs),
                math.sqrt(layer.params / params),
                float(layer.is_prunable),
                float(kept.mean()) if kept.size else 1.0,
                float(np.mean(layer.channels >= 0)) if kept.size else 0.0,
                *_filter_statistics(weights.get(layer.weight_key or "")),
                0.0,  # nothing is decided yet
                macs_budget,
            ]
        )
    return torch.tensor(rows, dtype=torch.float32)


def _filter_statistics(weight: Tensor | None) -> tuple[float, float, float]:
    """Of the L2 norms of a layer's filters: mean (log), deviation and least relative to it."""
    if weight is None or weight.dim() < 2 or not weight.isfinite().all():
        return 0.0, 0.0, 0.0
    norms = weight.detach().float().flatten(1).norm(dim=1)
    mean = float(norms.mean())
    if mean <= 0.0:
        return 0.0, 0.0, 0.0
    deviation = float(norms.std(unbiased=False)) / mean
    return min(math.log2(1.0 + mean) / 8, 1.5), min(deviation, 1.5), float(norms.min()) / mean


def _log_width(shape: tuple[int, ...]) -> float:
    return math.log2(max(1, shape[0] if shape else 1)) / 11  # 2048 channels -> 1


def _side(shape: tuple[int, ...]) -> int:
    return shape[-1] if len(shape) == 3 else 1


def _columns(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [a for a, _ in pairs], [b for _, b in pairs]
