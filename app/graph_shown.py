"""What of a network is to be seen: its blocks, which of them are folded, what is coupled; no Qt."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.graph_blocks import Block, BlockTree, find_blocks
from app.graph_folding import FoldedGraph, first_folded, fold
from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph, LayerNode

MOST_NODES = 44  # of a first picture; beyond that the cards of a window cannot be read

WEIGHTED_KINDS = frozenset({"conv", "depthwise", "linear"})
_MOST_LETTERS = 2


class ShownGraph:
    """A network with its blocks. A node is a layer, or a folded block that hides layers."""

    def __init__(self, graph: LayerGraph, groups: CouplingGroups) -> None:
        self.network = graph
        self.groups = groups
        self.tree: BlockTree = find_blocks(graph)
        self.frozen = {entry.layer: entry.reason for entry in groups.frozen}
        of_channel = groups.group_of_channel
        self._groups_of = {
            layer.name: frozenset(of_channel[layer.channels[layer.channels >= 0]].tolist())
            for layer in graph.layers
        }
        shared = [group for group in groups.groups if self._weighted_count(group) > 1]
        self._letters = {group.id: group_letters(index) for index, group in enumerate(shared)}
        self._groups_leaving: dict[str, frozenset[int]] = {}
        self._folded = set(first_folded(graph, self.tree, MOST_NODES))
        self.seen: FoldedGraph = fold(graph, self.tree, self._folded)

    @property
    def nodes(self) -> Collection[str]:
        """All nodes in running order."""
        nodes: Collection[str] = self.seen.graph.nodes
        return nodes

    def node_of(self, layer: str) -> str:
        """The node that shows a layer, "" if there is no such layer."""
        return self.seen.node_of.get(layer, "")

    def block(self, node: str) -> Block | None:
        """The block that a node stands for, None for layers."""
        return self.tree.blocks.get(node)

    def layers_of(self, node: str) -> Sequence[str]:
        """Names of the layers that a node shows or hides."""
        block = self.block(node)
        return (node,) if block is None else block.layers

    def weighted_layers(self, node: str) -> list[LayerNode]:
        """The convolutions and linear layers in a node."""
        layers = (self.network.layer(name) for name in self.layers_of(node))
        return [layer for layer in layers if layer.kind in WEIGHTED_KINDS]

    def unfolded_around(self, node: str) -> tuple[str, ...]:
        """The blocks that could hide a node and do not, outermost first."""
        around = self.tree.around(node)
        return tuple(name for name in around if name not in self.seen.refused)

    def fold(self, block: str) -> bool:
        """Show a block as one node; whether that changed what is seen."""
        return self._set_folded(self._folded | {block})

    def unfold(self, block: str) -> bool:
        """Show what is in a block; whether that changed what is seen."""
        return self._set_folded(self._folded - {block})

    def fold_all(self) -> bool:
        """Show as few nodes as possible; whether that changed what is seen."""
        return self._set_folded(set(self.tree.blocks))

    def unfold_all(self) -> bool:
        """Show every layer; whether that changed what is seen."""
        return self._set_folded(set())

    def show_layer(self, layer: str) -> bool:
        """Unfold all that hides a layer; whether that changed what is seen."""
        known = layer in self.tree.home
        return known and self._set_folded(self._folded - set(self.tree.around(layer)))

    def groups_of(self, node: str) -> frozenset[int]:
        """Ids of all groups whose channels are in a node."""
        if node not in self._groups_of:
            inside = (self._groups_of[name] for name in self.layers_of(node))
            self._groups_of[node] = frozenset().union(*inside)
        return self._groups_of[node]

    def groups_leaving(self, node: str) -> frozenset[int]:
        """Ids of the groups whose channels run along the wires that leave a node."""
        if node not in self._groups_leaving:
            layers = self.layers_of(node)
            inside = set(layers)
            ends = (n for n in layers if not inside.issuperset(self.network.successors(n)))
            self._groups_leaving[node] = frozenset().union(*map(self.groups_of, ends))
        return self._groups_leaving[node]

    def group_label(self, node: str) -> str:
        """Letters of what is cut together with other layers, of blocks with those outside."""
        ids = self.groups_of(node) & self._letters.keys()
        if self.block(node):
            inside = set(self.layers_of(node))
            ids = {id for id in ids if not inside.issuperset(self.groups.groups[id].producers)}
        mine = [self._letters[id] for id in sorted(ids)]
        more = "+" if len(mine) > _MOST_LETTERS else ""
        return "".join(mine[: 1 if more else _MOST_LETTERS]) + more

    def frozen_reasons(self, node: str) -> dict[str, int]:
        """Why layers in a node keep all channels, and how many of them for each reason."""
        reasons = [self.frozen[n] for n in self.layers_of(node) if n in self.frozen]
        return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}

    def is_frozen(self, node: str) -> bool:
        """Whether the reasons are known why nothing in a node can be removed."""
        weighted = [layer.name for layer in self.weighted_layers(node)]
        names = weighted if self.block(node) else [node]
        return bool(names) and all(name in self.frozen for name in names)

    def find(self, text: str) -> tuple[str, ...]:
        """Layers with every word of the text in their name or in that of a folded norm."""
        words = text.casefold().split()
        if not words:
            return ()
        return tuple(
            layer.name
            for layer in self.network.layers
            if any(_has_all(name, words) for name in (layer.name, *layer.folded))
        )

    def _weighted_count(self, group: CouplingGroup) -> int:
        names = (name for name in group.producers if name in self.network)
        return sum(self.network.layer(name).kind in WEIGHTED_KINDS for name in names)

    def _set_folded(self, folded: set[str]) -> bool:
        before = self.nodes
        self._folded = folded
        self.seen = fold(self.network, self.tree, folded)
        return set(before) != set(self.nodes)


def group_letters(index: int) -> str:
    """A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


class BlockChannels:
    """Counts the kept channels of a folded block, layer by layer."""

    def __init__(self, layers: Iterable[LayerNode]) -> None:
        owners = [layer.channels for layer in layers if len(layer.channels)]
        self.totals = np.array([len(one) for one in owners], dtype=np.int64)  # (layers,)
        self.is_prunable = np.array([(one >= 0).any() for one in owners], dtype=np.bool_)
        self._owners = np.concatenate(owners) if owners else np.zeros(0, np.int64)
        self._starts = np.cumsum(self.totals) - self.totals

    def count(self, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Kept channels of every layer, shape (layers,)."""
        if not len(self.totals):
            return self.totals
        is_kept = np.append(keep, True)[self._owners]
        counts: NDArray[np.int64] = np.add.reduceat(is_kept.astype(np.int64), self._starts)
        return counts


def _has_all(name: str, words: Iterable[str]) -> bool:
    return all(word in name.casefold() for word in words)
