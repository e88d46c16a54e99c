"""Which layers of a network belong together; no Qt.

A block holds the layers whose names begin with the same module path. Three or more blocks of
the same structure that follow one another are a run, itself a block: "layer3.1–35".
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from string import digits

from core.graph.layers import LayerGraph

_SHORTEST_RUN = 3


@dataclass(frozen=True)
class Block:
    """Layers that can be shown as one.

    `structure` is equal for blocks with the same kinds, kernels and strides of layers, wired
    alike; their widths may differ.
    """

    name: str  # unlike any layer's: "layer3.0.*"
    title: str  # "layer3.0"
    parent: str  # name of the block around it, "" for none
    layers: tuple[str, ...]  # in running order
    structure: Hashable
    repeats: int = 1  # of a run: how many blocks it holds


@dataclass(frozen=True, eq=False)
class BlockTree:
    """All blocks of a network, outer ones first, and the innermost block of every layer."""

    blocks: Mapping[str, Block]
    home: Mapping[str, str]  # layer -> block, "" for none

    def around(self, name: str) -> tuple[str, ...]:
        """Names of the blocks around a layer or a block, outermost first."""
        block = self.home[name] if name in self.home else self.blocks[name].parent
        chain = []
        while block:
            chain.append(block)
            block = self.blocks[block].parent
        return tuple(reversed(chain))


def find_blocks(graph: LayerGraph) -> BlockTree:
    """Find blocks by module path, and runs of blocks that repeat one structure.

    A path with a single layer, with all layers but one of the block around it, or with every
    layer of the network is no block.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for layer in graph.nodes:
        parts = layer.split(".")
        for length in range(1, len(parts) + 1):
            members[".".join(parts[:length])].append(layer)
    blocks: dict[str, Block] = {}
    for path in sorted(members, key=lambda path: path.count(".")):
        layers, parent = tuple(members[path]), _parent(path, blocks)
        most = len(blocks[parent].layers) - 2 if parent else len(graph) - 1
        if 1 < len(layers) <= most:
            name = f"{path}.*"
            blocks[name] = Block(name, path, parent, layers, _structure(graph, layers))
    blocks = _with_runs(blocks, {layer: index for index, layer in enumerate(graph.nodes)})
    home = dict.fromkeys(graph.nodes, "")
    for block in blocks.values():  # inner blocks overwrite outer ones
        home.update(dict.fromkeys(block.layers, block.name))
    return BlockTree(blocks, home)


def _parent(path: str, blocks: Mapping[str, Block]) -> str:
    while "." in path:
        path = path.rpartition(".")[0]
        if f"{path}.*" in blocks:
            return f"{path}.*"
    return ""


def _structure(graph: LayerGraph, layers: Sequence[str]) -> Hashable:
    place = {name: index for index, name in enumerate(layers)}
    found = []
    for name in layers:
        layer = graph.layer(name)
        readers = sorted(place[reader] for reader in graph.successors(name) if reader in place)
        found.append((layer.kind, layer.kernel, layer.stride, *readers))
    return tuple(found)


def _with_runs(blocks: Mapping[str, Block], order: Mapping[str, int]) -> dict[str, Block]:
    """Put runs between blocks and their parents; outer blocks stay before inner ones."""
    children: dict[str, list[Block]] = defaultdict(list)
    for block in blocks.values():
        children[block.parent].append(block)
    result: dict[str, Block] = {}
    waiting = [("", len(order))]
    while waiting:
        parent, size = waiting.pop(0)
        inside = sorted(children[parent], key=lambda block: order[block.layers[0]])
        for run in _repeated(inside, order):
            layers = tuple(layer for block in run for layer in block.layers)
            if len(run) >= _SHORTEST_RUN and len(layers) < size:
                whole = _run_of(run, parent, layers)
                result[whole.name] = whole
                run = [replace(block, parent=whole.name) for block in run]
            result.update((block.name, block) for block in run)
        waiting += [(block.name, len(block.layers)) for block in inside]
    return result


def _repeated(blocks: Iterable[Block], order: Mapping[str, int]) -> Iterator[list[Block]]:
    """Split blocks in running order where the structure changes or a layer stands between."""
    run: list[Block] = []
    for block in blocks:
        follows = run and order[block.layers[0]] == order[run[-1].layers[-1]] + 1
        if run and not (follows and block.structure == run[-1].structure):
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _run_of(run: Sequence[Block], parent: str, layers: tuple[str, ...]) -> Block:
    first, last = run[0].title, run[-1].title
    alike = takewhile(lambda letters: letters[0] == letters[1], zip(first, last, strict=False))
    shared = last[: len(list(alike))].rstrip(digits)
    title = f"{first}–{last[len(shared) :]}"
    return Block(f"{title}.*", title, parent, layers, run[0].structure, len(run))
