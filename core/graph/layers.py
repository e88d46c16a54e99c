"""The layer graph as plain values: no torch, no tensors, safe to show in another thread."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray

LayerKind = Literal[
    "input",
    "conv",
    "depthwise",
    "linear",
    "norm",  # only a norm that follows no layer of its own; others are folded
    "pool",
    "add",
    "multiply",
    "concat",
    "other",
    "output",
]


@dataclass(frozen=True, eq=False)
class LayerNode:
    """One layer as it is drawn and as the encoder sees it.

    Shapes are those of one image, without the batch: (channels, height, width) or (channels,).
    `channels` holds, for each output channel, the id of the channel that decides over it,
    or -1 where it is always kept.
    """

    name: str
    kind: LayerKind
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    channels: NDArray[np.int64]  # (output channels,)
    kernel: tuple[int, ...] = ()
    stride: int = 1
    macs: int = 0
    params: int = 0
    weight_key: str | None = None  # state-dict key of the weight
    folded: tuple[str, ...] = ()  # norms and activations that are drawn with this layer

    @property
    def is_prunable(self) -> bool:
        """Whether a mask can remove at least one of the layer's output channels."""
        return bool((self.channels >= 0).any())


class LayerGraph(nx.DiGraph):  # type: ignore[type-arg]
    """A directed acyclic graph of layers, in the order in which they ran.

    Nodes are layer names with the attribute `layer`; edges point with the data.
    """

    def add_layer(self, layer: LayerNode) -> None:
        """Add a layer as a node under its name."""
        self.add_node(layer.name, layer=layer)

    def layer(self, name: str) -> LayerNode:
        """Return the layer of that name; KeyError if there is none."""
        layer: LayerNode = self.nodes[name]["layer"]
        return layer

    @property
    def layers(self) -> Iterator[LayerNode]:
        """All layers in the order in which they ran."""
        return (self.layer(name) for name in self.nodes)
