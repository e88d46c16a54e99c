"""Which node lies next to another, for the arrow keys; no Qt."""

from typing import Literal

import networkx as nx

from app.graph_layout import GraphLayout

Direction = Literal["left", "right", "up", "down"]


def neighbour(
    page: GraphLayout, graph: nx.DiGraph, name: str, direction: Direction, *, is_vertical: bool
) -> str:
    """The node to go to: along the wires with and against the data, by position across them.

    Where there is none, `name` itself; for an unknown name the first node, "" if there is none.
    """
    if name not in page.boxes:
        return next(iter(page.boxes), "")
    is_forward = direction in ("right", "down")
    if (direction in ("up", "down")) == is_vertical:
        return _along(page, graph, name, is_forward=is_forward, across=0 if is_vertical else 1)
    return _across(page, name, is_forward=is_forward, across=0 if is_vertical else 1)


def _along(
    page: GraphLayout, graph: nx.DiGraph, name: str, *, is_forward: bool, across: int
) -> str:
    boxes, here = page.boxes, page.boxes[name]
    ways = graph.successors if is_forward else graph.predecessors
    nearest: str = min(
        ways(name),
        key=lambda n: (
            abs(boxes[n].rank - here.rank),
            abs(boxes[n].centre[across] - here.centre[across]),
        ),
        default=name,
    )
    return nearest


def _across(page: GraphLayout, name: str, *, is_forward: bool, across: int) -> str:
    here, sign = page.boxes[name].centre, 1 if is_forward else -1
    costs = {}
    for other, box in page.boxes.items():
        beyond = sign * (box.centre[across] - here[across])
        if beyond > 1:
            # Nearest across counts double, so that the next row wins over the one after it.
            costs[other] = abs(box.centre[1 - across] - here[1 - across]) + 2 * beyond
    return min(costs, key=costs.__getitem__, default=name)
