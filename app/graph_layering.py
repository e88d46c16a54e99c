"""Sort a directed acyclic graph into ranks from left to right; no Qt, no sizes.

Every layer gets the rank of its longest path from the input. A connection that spans several
ranks passes through a lane in each rank between, so that it is never hidden behind a layer.
All connections of one source share its lanes: the many readers of one output look like taps on
one wire. Source: Sugiyama et al. 1981; the ordering is by barycentres.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

_SWEEPS = 8


@dataclass(frozen=True, eq=False)
class Layering:
    """Slots in ranks. A slot holds a layer, or a lane of the wire that leaves a layer.

    `ranks` lists slots from top to bottom. `before` and `after` are the linked slots of the
    neighbouring ranks.
    """

    names: tuple[str, ...]  # per slot: the layer, or the source of the wire
    is_lane: tuple[bool, ...]
    rank_of: tuple[int, ...]
    ranks: tuple[tuple[int, ...], ...]
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]
    slot_of: dict[str, int]  # of layers
    lane_of: dict[tuple[str, int], int]  # of (source, rank)
    is_main: tuple[bool, ...]  # per slot: a layer on a longest path through the graph

    def path(self, source: str, target: str) -> list[int]:
        """Slots of one connection: source, its lanes, target."""
        first, last = self.slot_of[source], self.slot_of[target]
        lanes = range(self.rank_of[first] + 1, self.rank_of[last])
        return [first, *(self.lane_of[source, rank] for rank in lanes), last]


def layer_ranks(graph: nx.DiGraph) -> dict[str, int]:
    """Return each layer's rank: the length of its longest path from an input.

    Sources other than the first layer (constants) stand just before their first reader.
    """
    order = list(nx.topological_sort(graph))
    ranks: dict[str, int] = {}
    for name in order:
        ranks[name] = max((ranks[p] + 1 for p in graph.predecessors(name)), default=0)
    for name in order[1:]:
        if graph.in_degree(name) == 0 and graph.out_degree(name) > 0:
            ranks[name] = min(ranks[s] for s in graph.successors(name)) - 1
    return ranks


def make_layering(graph: nx.DiGraph) -> Layering:
    """Give every layer and every passing wire a slot, in an order with few crossings."""
    rank_by_name = layer_ranks(graph)
    names, is_lane = list(graph.nodes), [False] * len(graph)
    rank_of = [rank_by_name[name] for name in names]
    slot_of = {name: slot for slot, name in enumerate(names)}
    lane_of: dict[tuple[str, int], int] = {}
    for source in graph.nodes:
        reach = max((rank_by_name[t] for t in graph.successors(source)), default=0)
        for rank in range(rank_by_name[source] + 1, reach):
            lane_of[source, rank] = len(names)
            names.append(source)
            is_lane.append(True)
            rank_of.append(rank)
    after = _links(graph, rank_by_name, slot_of, lane_of, len(names))
    before: list[list[int]] = [[] for _ in names]
    for slot, targets in enumerate(after):
        for target in targets:
            before[target].append(slot)
    ranks = _first_order(names, is_lane, rank_of, after)
    main = _main_path(graph, rank_by_name)
    return Layering(
        names=tuple(names),
        is_lane=tuple(is_lane),
        rank_of=tuple(rank_of),
        ranks=tuple(map(tuple, _uncross(ranks, before, after))),
        before=tuple(map(tuple, before)),
        after=tuple(map(tuple, after)),
        slot_of=slot_of,
        lane_of=lane_of,
        is_main=tuple(n in main and not lane for n, lane in zip(names, is_lane, strict=True)),
    )


def _main_path(graph: nx.DiGraph, ranks: dict[str, int]) -> set[str]:
    last = max(ranks.values(), default=0)
    main: set[str] = set()
    for name in sorted(graph.nodes, key=ranks.__getitem__, reverse=True):
        if ranks[name] == last or any(
            t in main and ranks[t] == ranks[name] + 1 for t in graph.successors(name)
        ):
            main.add(name)
    return main


def _links(
    graph: nx.DiGraph,
    rank_by_name: dict[str, int],
    slot_of: dict[str, int],
    lane_of: dict[tuple[str, int], int],
    slot_count: int,
) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in range(slot_count)]
    for source, target in graph.edges:
        last = rank_by_name[target] - 1
        after[lane_of.get((source, last), slot_of[source])].append(slot_of[target])
    for (source, rank), lane in lane_of.items():
        after[lane_of.get((source, rank - 1), slot_of[source])].append(lane)
    return after


def _first_order(
    names: Sequence[str],
    is_lane: Sequence[bool],
    rank_of: Sequence[int],
    after: Sequence[Sequence[int]],
) -> list[list[int]]:
    # Wires first, then layers on a side branch (what follows them is a wire), then the main
    # path: so skip connections pass above the layers that they skip.
    def key(slot: int) -> tuple[bool, bool, int]:
        side_branch = bool(after[slot]) and all(is_lane[target] for target in after[slot])
        return not is_lane[slot], not side_branch, slot

    ranks: list[list[int]] = [[] for _ in range(max(rank_of, default=-1) + 1)]
    for slot in sorted(range(len(names)), key=key):
        ranks[rank_of[slot]].append(slot)
    return ranks


def _uncross(
    ranks: list[list[int]], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]
) -> list[list[int]]:
    best, fewest = ranks, _count_crossings(ranks, after)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        ranks = [list(rank) for rank in ranks]
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        walk = range(1, len(ranks)) if forward else range(len(ranks) - 2, -1, -1)
        for index in walk:
            fixed = ranks[index - 1 if forward else index + 1]
            _sort_by_barycentre(ranks[index], fixed, neighbours)
        crossings = _count_crossings(ranks, after)
        if crossings < fewest:
            best, fewest = ranks, crossings
    return best


def _sort_by_barycentre(
    rank: list[int], fixed: Sequence[int], neighbours: Sequence[Sequence[int]]
) -> None:
    if len(rank) < 2:
        return
    place = {slot: index for index, slot in enumerate(fixed)}
    keys: dict[int, float] = {}
    for index, slot in enumerate(rank):
        linked = neighbours[slot]
        if len(linked) == 1:
            keys[slot] = place[linked[0]]
        else:
            keys[slot] = sum(place[n] for n in linked) / len(linked) if linked else index
    rank.sort(key=keys.__getitem__)


def _count_crossings(ranks: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> int:
    total = 0
    for left, right in pairwise(ranks):
        place = {slot: index for index, slot in enumerate(right)}
        ends: list[int] = []
        for slot in left:
            linked = after[slot]
            if len(linked) == 1:
                ends.append(place[linked[0]])
            else:
                ends += sorted([place[target] for target in linked])
        if ends != sorted(ends):
            total += _count_inversions(ends)
    return total


def _count_inversions(values: Sequence[int]) -> int:
    total = 0
    seen: list[int] = []
    for value in values:
        total += len(seen) - bisect_right(seen, value)
        insort(seen, value)
    return total
