"""Curves between neighbouring slots of a laid out graph; no Qt.

A wire bends only in the gap between two columns, where no layer stands, and crosses a column
straight, in its own lane. So it can touch no layer but its ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.graph_layering import Layering

Point = tuple[float, float]
Segment = tuple[Point, Point, Point, Point]  # start, two control points, end

_WRAP_PITCH, _WRAP_MARGIN = 7.0, 10.0
_CORNER = 9.0
_SLIM = 40.0  # layers up to this wide may be entered from above or below
_CLEARANCE = 6.0


@dataclass(frozen=True)
class Column:
    """The horizontal extent of one rank, and the row of the page in which it is."""

    left: float
    right: float
    row: int


@dataclass(frozen=True)
class WrapLines:
    """The wires that run from the end of one row back to the start of the next."""

    slots: tuple[int, ...]  # that are left, from top to bottom
    top: float  # of the wires between the rows
    left: float  # where the next row begins

    @staticmethod
    def depth(count: int) -> float:
        """The room that `count` parallel wires take."""
        return _WRAP_MARGIN + _WRAP_PITCH * count

    def turns(self, slot: int, row_end: float) -> tuple[float, float, float]:
        """Return x of the turn down, y of the way back, x of the turn into the next row.

        The topmost wire turns outermost, returns lowest and enters innermost: no crossings.
        """
        place = self.slots.index(slot)
        out = len(self.slots) - place
        return (
            row_end + _WRAP_PITCH * out,
            self.top + _WRAP_PITCH * (out - 1),
            self.left - _WRAP_MARGIN - _WRAP_PITCH * place,
        )


@dataclass(frozen=True, eq=False)
class Page:
    """Where the slots of a layering stand."""

    layering: Layering
    sizes: Mapping[str, tuple[float, float]]  # (width, height) of layers
    columns: Sequence[Column]  # by rank
    middles: Sequence[float]  # y of slots
    wraps: Mapping[int, WrapLines]  # by the last rank of a row
    width: float
    height: float

    def ends(self, slot: int) -> tuple[float, float]:
        """Left and right of what stands in a slot; a lane crosses the whole column."""
        column = self.columns[self.layering.rank_of[slot]]
        if self.layering.is_lane[slot]:
            return column.left, column.right
        middle, half = (column.left + column.right) / 2, self.size(slot)[0] / 2
        return middle - half, middle + half

    def size(self, slot: int) -> tuple[float, float]:
        """Width and height of the layer in a slot."""
        return self.sizes[self.layering.names[slot]]


def link_segments(page: Page, source: int, target: int) -> list[Segment]:
    """Curves from the exit of one slot to the entry, or for a lane the exit, of the next."""
    rank = page.layering.rank_of[source]
    here, there = page.columns[rank], page.columns[rank + 1]
    start_y, end_y = page.middles[source], page.middles[target]
    start = page.ends(source)[1]
    if rank in page.wraps:
        turns = page.wraps[rank].turns(source, here.right)
        segments = _wrap(start, start_y, turns, there.left, end_y)
    else:
        port = _port_above_or_below(page, target, start_y)
        if port is not None:
            return [*_straight(start, there.left, start_y), *_land(there.left, start_y, port)]
        segments = _straight(start, here.right, start_y)
        segments += _bend(here.right, start_y, there.left, end_y)
    end = there.right if page.layering.is_lane[target] else page.ends(target)[0]
    return segments + _straight(there.left, end, end_y)


def _straight(left: float, right: float, y: float) -> list[Segment]:
    return [] if left == right else [_line((left, y), (right, y))]


def _line(start: Point, end: Point) -> Segment:
    return start, start, end, end


def _bend(left: float, start_y: float, right: float, end_y: float) -> list[Segment]:
    if abs(start_y - end_y) < 1e-6:
        return _straight(left, right, start_y)
    middle = (left + right) / 2
    return [((left, start_y), (middle, start_y), (middle, end_y), (right, end_y))]


def _port_above_or_below(page: Page, target: int, y: float) -> Point | None:
    """Where a wire at height `y` may land on a slim layer; None if it must come from the left."""
    layering = page.layering
    if layering.is_lane[target]:
        return None
    width, height = page.size(target)
    middle = page.middles[target]
    if width > _SLIM or abs(y - middle) < height / 2 + 2 * _CORNER:
        return None
    low, high = sorted((y, middle))
    for slot in layering.ranks[layering.rank_of[target]]:
        if slot == target or layering.is_lane[slot]:
            continue
        half = page.size(slot)[1] / 2 + _CLEARANCE
        if page.middles[slot] + half > low and page.middles[slot] - half < high:
            return None
    left, right = page.ends(target)
    return (left + right) / 2, middle - height / 2 if y < middle else middle + height / 2


def _land(left: float, y: float, port: Point) -> list[Segment]:
    x, edge = port
    down = 1.0 if edge > y else -1.0
    return [
        *_straight(left, x - _CORNER, y),
        _corner((x - _CORNER, y), (x, y), (x, y + down * _CORNER)),
        _line((x, y + down * _CORNER), (x, edge)),
    ]


def _wrap(
    start: float, start_y: float, turns: tuple[float, float, float], end: float, end_y: float
) -> list[Segment]:
    out, way_back, into = turns
    points = [(start, start_y), (out, start_y), (out, way_back), (into, way_back)]
    points += [(into, end_y), (end, end_y)]
    return _rounded(points)


def _rounded(points: Sequence[Point]) -> list[Segment]:
    """A path of straight lines with rounded corners."""
    segments: list[Segment] = []
    here = points[0]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _distance(before, corner) / 2, _distance(corner, after) / 2)
        enter, leave = _towards(corner, before, radius), _towards(corner, after, radius)
        segments += [_line(here, enter), _corner(enter, corner, leave)]
        here = leave
    return [*segments, _line(here, points[-1])]


def _corner(start: Point, corner: Point, end: Point) -> Segment:
    # 0.55 of the way to the corner: a quarter circle.
    return start, _mix(start, corner, 0.55), _mix(end, corner, 0.55), end


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = _distance(start, end)
    return _mix(start, end, distance / length) if length else start


def _mix(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])
