"""Place a layer graph on a plane: boxes, and curved routes that touch no other box; no Qt.

Layers stand in columns, one per rank, from left to right. Because a network is far longer than
wide, the columns are broken into rows like the words of a text, where few wires cross, until
the picture has about the shape of the view. Lengths are in pixels at zoom 1.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import networkx as nx

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


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A graph in one endless row, before it is broken to fit a view."""

    graph: nx.DiGraph
    layering: Layering
    sizes: Mapping[str, tuple[float, float]]
    middles: tuple[float, ...]  # y of every slot
    widths: tuple[float, ...]  # of every column
    gaps: tuple[float, ...]  # after every column


def arrange(graph: nx.DiGraph, sizes: Mapping[str, tuple[float, float]]) -> Arrangement:
    """Choose ranks, order and heights; `sizes` are (width, height) by layer name."""
    layering = make_layering(graph)
    heights = [
        0.0 if lane else sizes[name][1]
        for name, lane in zip(layering.names, layering.is_lane, strict=True)
    ]
    middles = settle(layering, heights)
    widths = [
        max(sizes[layering.names[slot]][0] for slot in rank if not layering.is_lane[slot])
        for rank in layering.ranks
    ]
    gaps = []
    for rank in layering.ranks[:-1]:
        bends = any(abs(middles[a] - middles[b]) > 1 for a in rank for b in layering.after[a])
        gaps.append(_BENT_GAP if bends else _STRAIGHT_GAP)
    return Arrangement(graph, layering, sizes, tuple(middles), tuple(widths), (*gaps, 0.0))


def lay_out(arrangement: Arrangement, view: tuple[float, float] | None = None) -> GraphLayout:
    """Break the row so that the whole graph is as large as possible in a view (width, height).

    Without a view everything stays in one row.
    """
    if not arrangement.widths:
        return GraphLayout({}, {}, 0.0, 0.0, 0)
    best = [(0, len(arrangement.widths))]
    if view is not None:
        width, height = size = _page_size(arrangement, best)
        ideal = int((width * view[1] / (view[0] * height)) ** 0.5)
        for row_count in range(max(2, ideal - 1), ideal + 3):
            rows = _break_rows(arrangement, 1.06 * width / row_count)
            page = _page_size(arrangement, rows)
            # A row more must pay: 4 % larger at least.
            if _fit_scale(page, view) > 1.04 * _fit_scale(size, view):
                best, size = rows, page
    return _put_on_page(arrangement, best)


def _fit_scale(page: tuple[float, float], view: tuple[float, float]) -> float:
    return min(view[0] / page[0], view[1] / page[1], LARGEST_FITTED_ZOOM)


def _break_rows(arrangement: Arrangement, limit: float) -> list[tuple[int, int]]:
    """Choose (first, stop) ranks of rows at most `limit` wide: full rows, few wires cut."""
    layering, gaps = arrangement.layering, arrangement.gaps
    starts = [0.0]
    for width, gap in zip(arrangement.widths, gaps, strict=True):
        starts.append(starts[-1] + width + gap)
    count = len(gaps)
    cost, previous = [0.0] + [inf] * count, [0] * (count + 1)
    for stop in range(1, count + 1):
        is_last = stop == count
        cut = sum(1 for slot in layering.ranks[stop - 1] if layering.after[slot])
        end = starts[stop] - gaps[stop - 1]
        longest = min(bisect_left(starts, end - limit), stop - 1)
        shortest = stop if is_last else bisect_left(starts, end - limit / 2)
        for first in range(longest, shortest):
            slack = 1 - (end - starts[first]) / limit
            # The last row may be short, but a single layer on a row of its own looks lost.
            ragged = (0.5 if is_last else 4.0) * slack * slack
            total = cost[first] + 0.6 * cut + ragged
            if total < cost[stop]:
                cost[stop], previous[stop] = total, first
    rows, stop = [], count
    while stop:
        rows.append((previous[stop], stop))
        stop = previous[stop]
    return rows[::-1]


def _page_size(arrangement: Arrangement, rows: Sequence[tuple[int, int]]) -> tuple[float, float]:
    page = _make_page(arrangement, rows)
    return page.width, page.height


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
    layering, sizes = arrangement.layering, arrangement.sizes
    columns: list[Column] = []
    middles = list(arrangement.middles)
    wraps: dict[int, WrapLines] = {}
    leaving = [[s for s in layering.ranks[stop - 1] if layering.after[s]] for _, stop in rows]
    edge = WrapLines.depth(max(map(len, leaving))) if len(rows) > 1 else 0.0
    top, width = 0.0, 0.0
    for row, (first, stop) in enumerate(rows):
        slots = [slot for rank in layering.ranks[first:stop] for slot in rank]
        halves = {s: 0.0 if layering.is_lane[s] else sizes[layering.names[s]][1] / 2 for s in slots}
        shift = top - min(middles[s] - halves[s] for s in slots)
        for slot in slots:
            middles[slot] += shift
        x = edge
        for rank in range(first, stop):
            columns.append(Column(x, x + arrangement.widths[rank], row))
            x += arrangement.widths[rank] + arrangement.gaps[rank]
        width = max(width, columns[-1].right + edge)
        top = max(middles[s] + halves[s] for s in slots)
        if row < len(rows) - 1:
            wires = tuple(sorted(leaving[row], key=middles.__getitem__))
            wraps[stop - 1] = WrapLines(wires, top + _MARGIN, edge)
            top += _MARGIN + WrapLines.depth(len(wires))
    return Page(layering, sizes, columns, middles, wraps, width, top)


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
