"""LayerGraph + masks + budget -> torch_geometric data, as the encoder sees a network."""

import math
import warnings

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

__all__ = ["KINDS", "NODE_FEATURES", "GraphData", "graph_data"]

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
NODE_FEATURES = len(KINDS) + 12


def graph_data(
    graph: LayerGraph, groups: CouplingGroups, keep: BoolArray, macs_budget: float
) -> GraphData:
    """Describe a network under a mask (C,) and a budget.

    Returns: GraphData with
        x: float32 (layers, NODE_FEATURES), each roughly 0-1;
        edge_index: int64 (2, 2 x edges), with the data and against it;
        group_of_channel: int64 (C,);
        producer_node, producer_group: int64 (P,), which layers write to which coupling group;
        budget: float32 (1,).
    """
    layers = list(graph.layers)
    place = {layer.name: index for index, layer in enumerate(layers)}
    pairs = [(place[a], place[b]) for a, b in graph.edges]
    pairs += [(b, a) for a, b in pairs]
    producers = [(place[p], group.id) for group in groups.groups for p in group.producers]
    nodes, owners = (torch.tensor(column, dtype=torch.int64) for column in _columns(producers))
    return GraphData(
        x=_node_features(layers, keep, macs_budget),
        edge_index=torch.tensor(_columns(pairs), dtype=torch.int64),
        group_of_channel=torch.from_numpy(groups.group_of_channel),
        producer_node=nodes,
        producer_group=owners,
        budget=torch.tensor([macs_budget], dtype=torch.float32),
    )


def _node_features(layers: list[LayerNode], keep: BoolArray, macs_budget: float) -> Tensor:
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
                macs_budget,
            ]
        )
    return torch.tensor(rows, dtype=torch.float32)


def _log_width(shape: tuple[int, ...]) -> float:
    return math.log2(max(1, shape[0] if shape else 1)) / 11  # 2048 channels -> 1


def _side(shape: tuple[int, ...]) -> int:
    return shape[-1] if len(shape) == 3 else 1


def _columns(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [a for a, _ in pairs], [b for _, b in pairs]
