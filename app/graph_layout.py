"""Place a layer graph on a plane: boxes, and curved routes that touch no other box; no Qt.

Layers stand in columns, one per rank, from left to right. Because a network is far longer than
wide, the columns are broken into rows like the words of a text, where few wires cross, until
the picture has about the shape of the view. Lengths are in pixels at zoom 1.
From top to bottom is the same picture, computed with x and y exchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import networkx as nx
import numpy as np

from app.graph_layering import Layering, make_layering
from app.graph_levels import settle
from app.graph_routes import Column, Page, Point, Segment, WrapLines, link_segments

LARGEST_FITTED_ZOOM = 1.3  # a small network is not blown up to fill a large view

_STRAIGHT_GAP, _BENT_GAP = 20.0, 32.0
_MARGIN = 14.0  # above and below the wires between two rows


@dataclass(frozen=True)
class Box:
    """Where one layer stands: top left corner, size, row of the page and rank in the graph."""

    x: float
    y: float
    width: float
    height: float
    row: int
    rank: int

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, eq=False)
class GraphLayout:
    """Boxes by layer name and routes by (source, target), within 0..width, 0..height.

    A route is a chain of cubic Bezier segments, each (start, control, control, end).
    """

    boxes: Mapping[str, Box]
    routes: Mapping[tuple[str, str], tuple[Segment, ...]]
    width: float
    height: float
    row_count: int

    def transposed(self) -> "GraphLayout":
        """The same picture with x and y exchanged: rows become columns."""
        boxes = {n: Box(b.y, b.x, b.height, b.width, b.row, b.rank) for n, b in self.boxes.items()}
        routes = {
            ends: tuple(tuple((y, x) for x, y in segment) for segment in route)
            for ends, route in self.routes.items()
        }
        return GraphLayout(boxes, routes, self.height, self.width, self.row_count)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A graph in one endless row, before it is broken to fit a view."""

    graph: nx.DiGraph
    layering: Layering
    sizes: Mapping[str, tuple[float, float]]
    middles: tuple[float, ...]  # y of every slot
    widths: tuple[float, ...]  # of every column
    gaps: tuple[float, ...]  # after every column
    tops: tuple[float, ...]  # y of the highest point of every rank
    bottoms: tuple[float, ...]  # and of the lowest
    leaving: tuple[tuple[int, ...], ...]  # slots of every rank from which wires go on
    is_vertical: bool  # all of the above is with x and y exchanged


def arrange(
    graph: nx.DiGraph, sizes: Mapping[str, tuple[float, float]], *, is_vertical: bool = False
) -> Arrangement:
    """Choose ranks, order and heights; `sizes` are (width, height) by layer name.

    The data flows from left to right, or if `is_vertical` from top to bottom.
    """
    layering = make_layering(graph)
    if is_vertical:
        sizes = {name: (height, width) for name, (width, height) in sizes.items()}
    heights = [
        0.0 if lane else sizes[name][1]
        for name, lane in zip(layering.names, layering.is_lane, strict=True)
    ]
    middles = settle(layering, heights)
    widths, gaps, tops, bottoms = [], [], [], []
    for rank in layering.ranks:
        widths.append(
            max(sizes[layering.names[slot]][0] for slot in rank if not layering.is_lane[slot])
        )
        bends = any(abs(middles[a] - middles[b]) > 1 for a in rank for b in layering.after[a])
        gaps.append(_BENT_GAP if bends else _STRAIGHT_GAP)
        tops.append(min([middles[slot] - heights[slot] / 2 for slot in rank]))
        bottoms.append(max([middles[slot] + heights[slot] / 2 for slot in rank]))
    return Arrangement(
        graph=graph,
        layering=layering,
        sizes=sizes,
        middles=tuple(middles),
        widths=tuple(widths),
        gaps=(*gaps[:-1], 0.0) if gaps else (),
        tops=tuple(tops),
        bottoms=tuple(bottoms),
        leaving=tuple(tuple(s for s in rank if layering.after[s]) for rank in layering.ranks),
        is_vertical=is_vertical,
    )


def lay_out(arrangement: Arrangement, view: tuple[float, float] | None = None) -> GraphLayout:
    """Break the row so that the whole graph is as large as possible in a view (width, height).

    Without a view everything stays in one row.
    """
    if not arrangement.widths:
        return GraphLayout({}, {}, 0.0, 0.0, 0)
    best = [(0, len(arrangement.widths))]
    if view is not None:
        view = view[::-1] if arrangement.is_vertical else view
        width, height = size = _page_size(arrangement, best)
        ideal = int((width * view[1] / (view[0] * height)) ** 0.5)
        for row_count in range(max(2, ideal - 1), ideal + 3):
            rows = _break_rows(arrangement, 1.06 * width / row_count)
            page = _page_size(arrangement, rows)
            # A row more must pay: 4 % larger at least.
            if _fit_scale(page, view) > 1.04 * _fit_scale(size, view):
                best, size = rows, page
    page = _put_on_page(arrangement, best)
    return page.transposed() if arrangement.is_vertical else page


def _fit_scale(page: tuple[float, float], view: tuple[float, float]) -> float:
    return min(view[0] / page[0], view[1] / page[1], LARGEST_FITTED_ZOOM)


def _break_rows(arrangement: Arrangement, limit: float) -> list[tuple[int, int]]:
    """Choose (first, stop) ranks of rows at most `limit` wide: full rows, few wires cut."""
    gaps = arrangement.gaps
    starts = np.cumsum([0.0, *np.add(arrangement.widths, gaps)])
    ends = starts[1:] - gaps
    longest = np.searchsorted(starts, ends - limit)
    shortest = np.searchsorted(starts, ends - limit / 2)
    count = len(gaps)
    cost, previous = np.full(count + 1, inf), [0] * (count + 1)
    cost[0] = 0.0
    for stop in range(1, count + 1):
        is_last = stop == count
        first = min(longest[stop - 1], stop - 1)
        beyond = max(stop if is_last else shortest[stop - 1], first + 1)
        slack = 1 - (ends[stop - 1] - starts[first:beyond]) / limit
        # The last row may be short, but a single layer on a row of its own looks lost.
        costs = cost[first:beyond] + (0.5 if is_last else 4.0) * slack * slack
        best = int(costs.argmin())
        cost[stop] = costs[best] + 0.6 * len(arrangement.leaving[stop - 1])
        previous[stop] = int(first) + best
    rows, stop = [], count
    while stop:
        rows.append((previous[stop], stop))
        stop = previous[stop]
    return rows[::-1]


def _page_size(arrangement: Arrangement, rows: Sequence[tuple[int, int]]) -> tuple[float, float]:
    edge, width, height = _edge(arrangement, rows), 0.0, 0.0
    for row, (first, stop) in enumerate(rows):
        inner = sum(arrangement.widths[first:stop]) + sum(arrangement.gaps[first : stop - 1])
        width = max(width, inner + 2 * edge)
        height += max(arrangement.bottoms[first:stop]) - min(arrangement.tops[first:stop])
        if row < len(rows) - 1:
            height += _MARGIN + WrapLines.depth(len(arrangement.leaving[stop - 1]))
    return width, height


def _edge(arrangement: Arrangement, rows: Sequence[tuple[int, int]]) -> float:
    """The room that wires need beside the rows to turn into the next one."""
    most = max(len(arrangement.leaving[stop - 1]) for _, stop in rows)
    return WrapLines.depth(most) if len(rows) > 1 else 0.0


def _put_on_page(arrangement: Arrangement, rows: Sequence[tuple[int, int]]) -> GraphLayout:
    layering, sizes = arrangement.layering, arrangement.sizes
    page = _make_page(arrangement, rows)
    boxes = {}
    for name, slot in layering.slot_of.items():
        rank, (width, height) = layering.rank_of[slot], sizes[name]
        column = page.columns[rank]
        x, y = (column.left + column.right - width) / 2, page.middles[slot] - height / 2
        boxes[name] = Box(x, y, width, height, column.row, rank)
    return GraphLayout(boxes, _route(arrangement, page), page.width, page.height, len(rows))


def _make_page(arrangement: Arrangement, rows: Sequence[tuple[int, int]]) -> Page:
    columns: list[Column] = []
    middles = list(arrangement.middles)
    wraps: dict[int, WrapLines] = {}
    edge = _edge(arrangement, rows)
    top, width = 0.0, 0.0
    for row, (first, stop) in enumerate(rows):
        shift = top - min(arrangement.tops[first:stop])
        x = edge
        for rank in range(first, stop):
            for slot in arrangement.layering.ranks[rank]:
                middles[slot] += shift
            columns.append(Column(x, x + arrangement.widths[rank], row))
            x += arrangement.widths[rank] + arrangement.gaps[rank]
        width = max(width, columns[-1].right + edge)
        top = max(arrangement.bottoms[first:stop]) + shift
        if row < len(rows) - 1:
            wires = tuple(sorted(arrangement.leaving[stop - 1], key=middles.__getitem__))
            wraps[stop - 1] = WrapLines(wires, top + _MARGIN, edge)
            top += _MARGIN + WrapLines.depth(len(wires))
    return Page(arrangement.layering, arrangement.sizes, columns, middles, wraps, width, top)


def _route(arrangement: Arrangement, page: Page) -> dict[tuple[str, str], tuple[Segment, ...]]:
    layering = arrangement.layering
    links = {
        (source, target): link_segments(page, source, target)
        for source, targets in enumerate(layering.after)
        for target in targets
    }
    routes = {}
    for source, target in arrangement.graph.edges:
        path = layering.path(source, target)
        routes[source, target] = tuple(s for link in pairwise(path) for s in links[link])
    return routes
