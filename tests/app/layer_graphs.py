"""Small layer graphs made by hand, for tests of the window that need no torch."""

import random

import networkx as nx
import numpy as np

from core.events import NetworkOpened
from core.graph.coupling import CouplingGroup, CouplingGroups, FrozenLayer
from core.graph.layers import LayerGraph, LayerKind, LayerNode


class GraphBuilder:
    """Add layers one after the other; every new width gets channel ids of its own."""

    def __init__(self) -> None:
        self.graph = LayerGraph()
        self.next_channel = 0

    def new_channels(self, count: int) -> np.ndarray:
        """Ids of `count` channels that can be removed."""
        self.next_channel += count
        return np.arange(self.next_channel - count, self.next_channel)

    def add(
        self, name: str, kind: LayerKind, channels: np.ndarray, size: int, *inputs: str, **more
    ) -> str:
        """Add a layer that reads `inputs`; returns its name."""
        before = self.graph.layer(inputs[0]).output_shape if inputs else (len(channels), size, size)
        shape = (len(channels), size, size) if size else (len(channels),)
        self.graph.add_layer(LayerNode(name, kind, before, shape, channels, **more))
        for source in inputs:
            self.graph.add_edge(source, name)
        return name

    def conv(self, name: str, channels: np.ndarray, size: int, source: str, kernel: int = 3) -> str:
        """Add a convolution with its batch norm and ReLU folded in."""
        inputs, outputs = self.graph.layer(source).output_shape[0], len(channels)
        weights = inputs * outputs * kernel * kernel
        return self.add(
            name,
            "conv",
            channels,
            size,
            source,
            kernel=(kernel, kernel),
            macs=weights * size * size,
            params=weights,
            weight_key=f"{name}.weight",
            folded=(name.replace("conv", "bn"), "relu"),
        )

    def groups(self, frozen: dict[str, str] | None = None) -> CouplingGroups:
        """Find who shares channels by looking at the ids."""
        users_of: list[list[LayerNode]] = [[] for _ in range(self.next_channel)]
        for layer in self.graph.layers:
            for channel in layer.channels[layer.channels >= 0]:
                users_of[channel].append(layer)
        groups, start = [], 0
        while start < self.next_channel:
            users, stop = users_of[start], start + 1
            while stop < self.next_channel and users_of[stop] == users:
                stop += 1
            producers = tuple(
                layer.name for layer in users if layer.kind in ("conv", "depthwise", "linear")
            )
            consumers = {
                reader for layer in users for reader in self.graph.successors(layer.name)
            } - set(producers)
            is_stream = any(layer.kind == "add" for layer in users)
            groups.append(
                CouplingGroup(
                    len(groups),
                    producers[0],
                    start,
                    stop,
                    producers,
                    tuple(sorted(consumers)),
                    is_stream,
                )
            )
            start = stop
        reasons = frozen or {}
        return CouplingGroups(tuple(groups), tuple(FrozenLayer(*item) for item in reasons.items()))

    def opened(self, network: str, frozen: dict[str, str] | None = None) -> NetworkOpened:
        """The event with which core announces this graph."""
        layers = list(self.graph.layers)
        return NetworkOpened(
            network=network,
            dataset="digits",
            graph=self.graph,
            groups=self.groups(frozen),
            macs=sum(layer.macs for layer in layers),
            params=sum(layer.params for layer in layers),
            magnitude=np.linspace(0, 1, self.next_channel, dtype=np.float32),
            image_counts={"reward": 1000, "held_out": 200, "test": 300},
            handle=None,
        )


def always_kept(count: int) -> np.ndarray:
    """Channels that no mask can remove."""
    return np.full(count, -1)


def residual_network(blocks: int = 3, width: int = 16, stages: int = 3) -> GraphBuilder:
    """A CIFAR ResNet with option-A shortcuts: blocks=3 is ResNet-20."""
    make, size = GraphBuilder(), 32
    make.add("input", "input", always_kept(3), size)
    stream = make.new_channels(width)
    here = make.conv("conv1", stream, size, "input")
    for stage in range(stages):
        for block in range(blocks):
            name, shortcut = f"layer{stage + 1}.{block}", here
            if stage and not block:
                size //= 2
                extra = make.new_channels(len(stream))
                half = len(stream) // 2
                stream = np.concatenate([extra[:half], stream, extra[half:]])
                shortcut = make.add(f"{name}.shortcut", "other", stream, size, here)
            inner = make.new_channels(len(stream))
            here = make.conv(f"{name}.conv1", inner, size, here)
            here = make.conv(f"{name}.conv2", stream, size, here)
            here = make.add(f"{name}.add", "add", stream, size, here, shortcut)
    here = make.add("avgpool", "pool", stream, 1, here)
    here = make.add("linear", "linear", always_kept(10), 0, here, macs=640, params=650)
    make.add("output", "output", always_kept(10), 0, here)
    return make


def small_network() -> GraphBuilder:
    """Two convolutions of 4 channels added up, one of 6, and a classifier of 3."""
    make = GraphBuilder()
    make.add("input", "input", always_kept(3), 8)
    stream = make.new_channels(4)
    make.conv("stem", stream, 8, "input")
    make.conv("body", stream, 8, "stem")
    make.add("sum", "add", stream, 8, "body", "stem")
    make.conv("head", make.new_channels(6), 8, "sum")
    make.add("classifier", "linear", always_kept(3), 0, "head", macs=18, params=21)
    make.add("output", "output", always_kept(3), 0, "classifier")
    return make


def chain_network(length: int, width: int = 16) -> GraphBuilder:
    """Convolutions one after the other, without module paths."""
    make = GraphBuilder()
    make.add("input", "input", always_kept(3), 32)
    here = "input"
    for index in range(length - 2):
        here = make.conv(f"conv{index}", make.new_channels(width), 32, here)
    make.add("output", "output", always_kept(10), 0, here)
    return make


def nested_network(blocks: int = 4) -> GraphBuilder:
    """A stem and `blocks` equal residual blocks "body.0", ...; in "body.0" a branch more."""
    make = GraphBuilder()
    make.add("input", "input", always_kept(3), 8)
    stream = make.new_channels(4)
    here = make.conv("stem", stream, 8, "input")
    for block in range(blocks):
        name, before = f"body.{block}", here
        here = make.conv(f"{name}.conv1", make.new_channels(6), 8, before)
        here = make.conv(f"{name}.conv2", stream, 8, here)
        if block == 0:
            before = make.conv(f"{name}.shortcut", stream, 8, before, kernel=1)
        here = make.add(f"{name}.add", "add", stream, 8, here, before)
    make.add("head", "linear", always_kept(3), 0, here, macs=12, params=15)
    make.add("output", "output", always_kept(3), 0, "head")
    return make


def random_graph(seed: int, layer_count: int, extra_edges: int) -> nx.DiGraph:
    """A chain with random shortcuts and side branches."""
    draw = random.Random(seed)
    graph = nx.DiGraph()
    graph.add_node("0")
    for index in range(1, layer_count):
        back = 1 if draw.random() < 0.7 else draw.randint(1, min(index, 4))
        graph.add_edge(str(index - back), str(index))
    for _ in range(extra_edges):
        first, second = sorted(draw.sample(range(layer_count), 2))
        graph.add_edge(str(first), str(second))
    return graph
