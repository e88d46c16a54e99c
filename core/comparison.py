"""How the learned mask differs from the magnitude mask, layer by layer, and what a layer costs.

Plain NumPy in closed form: cheap enough to be asked on every click.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph, LayerNode
from core.pruning.masks import jaccard, kept_channels

BoolArray = NDArray[np.bool_]
Importance = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class LayerComparison:
    """Two masks of one layer's output channels that keep equally many of them.

    All arrays have shape (output channels,). Channels that no mask can remove are in both
    masks and marked in `is_fixed`; the counts and the overlap leave them out.
    """

    learned: BoolArray
    magnitude: BoolArray
    is_fixed: BoolArray

    @property
    def kept(self) -> int:
        """How many removable channels each of the two masks keeps."""
        return int(self.learned[~self.is_fixed].sum())

    @property
    def removable(self) -> int:
        """How many channels a mask can remove."""
        return int((~self.is_fixed).sum())

    @property
    def shared(self) -> int:
        """How many removable channels both masks keep."""
        return int((self.learned & self.magnitude & ~self.is_fixed).sum())

    @property
    def overlap(self) -> float:
        """Jaccard index of the removable channels that are kept, 0-1."""
        return jaccard(self.learned[~self.is_fixed], self.magnitude[~self.is_fixed])


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs for one image, whole and pruned."""

    macs_before: int
    macs_after: int
    params_before: int
    params_after: int


def compare_layer(layer: LayerNode, keep: BoolArray, magnitude: Importance) -> LayerComparison:
    """Set the learned mask of `layer` beside the magnitude mask of the same kept count.

    `keep` and `magnitude` are (channels,) over the whole network; larger magnitude means keep.
    Of equally important channels the first are kept.
    """
    owners = layer.channels
    is_fixed = owners < 0
    learned = kept_channels(keep, owners)
    scores = np.append(magnitude.astype(np.float64), np.inf)[owners]
    # Always-kept channels score infinitely, so they come first and do not distort the rest.
    order = np.argsort(-scores, kind="stable")
    by_magnitude = np.zeros(len(owners), dtype=np.bool_)
    by_magnitude[order[: int(learned.sum())]] = True
    return LayerComparison(learned=learned, magnitude=by_magnitude, is_fixed=is_fixed)


def layer_cost(graph: LayerGraph, name: str, keep: BoolArray) -> LayerCost:
    """Count the MACs and parameters of layer `name` before and after pruning.

    A weight shrinks with its kept inputs and its kept outputs, biases and folded norms with
    the kept outputs alone. Layers without weights cost nothing on either side.
    """
    layer = graph.layer(name)
    outputs = _kept_share(keep, layer.channels)
    inputs = 1.0 if layer.kind == "depthwise" else _kept_input_share(graph, layer, keep)
    weights = _weight_count(layer)
    vectors = layer.params - weights
    return LayerCost(
        macs_before=layer.macs,
        macs_after=round(layer.macs * inputs * outputs),
        params_before=layer.params,
        params_after=round(weights * inputs * outputs + vectors * outputs),
    )


def coupled_layers(groups: CouplingGroups, layer: LayerNode) -> tuple[str, ...]:
    """Name the other layers that lose a channel whenever `layer` loses one."""
    return _other_layers(layer, [groups.groups[i].producers for i in _groups_of(groups, layer)])


def reading_layers(groups: CouplingGroups, layer: LayerNode) -> tuple[str, ...]:
    """Name the layers that read the channels of `layer` and shrink with it."""
    return _other_layers(layer, [groups.groups[i].consumers for i in _groups_of(groups, layer)])


def _groups_of(groups: CouplingGroups, layer: LayerNode) -> list[int]:
    ids = layer.channels[layer.channels >= 0]
    return [int(group) for group in np.unique(groups.group_of_channel[ids])]


def _other_layers(layer: LayerNode, names: list[tuple[str, ...]]) -> tuple[str, ...]:
    in_order = dict.fromkeys(name for part in names for name in part)
    in_order.pop(layer.name, None)
    return tuple(in_order)


def _kept_input_share(graph: LayerGraph, layer: LayerNode, keep: BoolArray) -> float:
    sources = [graph.layer(name).channels for name in graph.predecessors(layer.name)]
    return _kept_share(keep, np.concatenate(sources)) if sources else 1.0


def _kept_share(keep: BoolArray, owners: NDArray[np.int64]) -> float:
    return float(kept_channels(keep, owners).mean()) if owners.size else 1.0


def _weight_count(layer: LayerNode) -> int:
    """Count the weights that multiply inputs.

    Each works once per output position, those of a transposed convolution once per input
    position. The other count is the smaller one, or more than there are parameters.
    """
    positions = (prod(layer.output_shape[1:]), prod(layer.input_shape[1:]))
    counts = (layer.macs // count for count in positions if count)
    return max((count for count in counts if count <= layer.params), default=0)
