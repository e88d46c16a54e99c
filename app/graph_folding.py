"""Show blocks of a graph as single nodes, without ever making a cycle; no Qt."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import networkx as nx

from app.graph_blocks import BlockTree


@dataclass(frozen=True, eq=False)
class FoldedGraph:
    """A graph in which blocks stand as single nodes, in the order of their first layers."""

    graph: nx.DiGraph
    node_of: Mapping[str, str]  # layer -> the layer itself, or the block that hides it
    refused: frozenset[str]  # blocks left unfolded: a wire leaves them and comes back


def fold(graph: nx.DiGraph, tree: BlockTree, folded: Collection[str]) -> FoldedGraph:
    """Contract the outermost of the `folded` blocks around every layer.

    A block that would close a cycle is refused; the folded blocks in it are then contracted.
    """
    refused: set[str] = set()
    while True:
        node_of = _nodes_of_layers(tree, set(folded) - refused)
        contracted = _contract(graph, node_of)
        knots = [knot for knot in nx.strongly_connected_components(contracted) if len(knot) > 1]
        if not knots:
            return FoldedGraph(contracted, node_of, frozenset(refused))
        for knot in knots:
            refused |= _guilty(graph, tree, knot & tree.blocks.keys())


def first_folded(graph: nx.DiGraph, tree: BlockTree, most_nodes: int) -> frozenset[str]:
    """Choose the blocks to fold so that at most about `most_nodes` nodes are to be seen.

    Blocks unfold level by level, so that what is seen is alike everywhere; more nodes than
    that remain only where no block hides them.
    """
    folded = set(tree.blocks)
    while True:
        seen = fold(graph, tree, folded).graph.nodes
        if len(seen) > most_nodes:
            break
        open_now = {name for name in seen if name in tree.blocks}
        # Runs first: their blocks are of the level that is already seen beside them.
        runs = {name for name in open_now if tree.blocks[name].repeats > 1}
        step = runs or open_now
        if not step or _count_seen(tree, folded - step) > most_nodes:
            break
        folded -= step
    return frozenset(folded)


def _count_seen(tree: BlockTree, folded: Collection[str]) -> int:
    return len(set(_nodes_of_layers(tree, folded).values()))


def _nodes_of_layers(tree: BlockTree, folded: Collection[str]) -> dict[str, str]:
    outermost: dict[str, str] = {"": ""}
    for name, block in tree.blocks.items():  # outer blocks come first
        outermost[name] = outermost[block.parent] or (name if name in folded else "")
    return {layer: outermost[home] or layer for layer, home in tree.home.items()}


def _contract(graph: nx.DiGraph, node_of: Mapping[str, str]) -> nx.DiGraph:
    contracted = nx.DiGraph()
    contracted.add_nodes_from(dict.fromkeys(node_of[layer] for layer in graph.nodes))
    for source, target in graph.edges:
        if node_of[source] != node_of[target]:
            contracted.add_edge(node_of[source], node_of[target])
    return contracted


def _guilty(graph: nx.DiGraph, tree: BlockTree, knot: Collection[str]) -> set[str]:
    """Choose which blocks of a cycle to unfold: those that close one even alone."""
    if len(knot) == 1:
        return set(knot)
    alone = {name for name in knot if _closes_cycle(graph, tree, name)}
    return alone or {min(knot, key=lambda name: (len(tree.blocks[name].layers), name))}


def _closes_cycle(graph: nx.DiGraph, tree: BlockTree, name: str) -> bool:
    inside = set(tree.blocks[name].layers)
    left = {reader for layer in inside for reader in graph.successors(layer)} - inside
    waiting = list(left)
    while waiting:
        for reader in graph.successors(waiting.pop()):
            if reader in inside:
                return True
            if reader not in left:
                left.add(reader)
                waiting.append(reader)
    return False
