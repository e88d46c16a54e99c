"""How high every slot of a layering stands; no Qt.

The main path runs straight, wires run straight, nothing overlaps.
"""

from collections.abc import Sequence
from itertools import pairwise

from app.graph_layering import Layering

_NODE_GAP, _LANE_GAP, _WIRE_GAP = 26.0, 14.0, 9.0
_SWEEPS = 6


def settle(layering: Layering, heights: Sequence[float]) -> list[float]:
    """Find the middle of every slot: straight main path, straight wires, no overlap."""
    middles = [0.0] * len(heights)
    for rank in layering.ranks:
        _push_apart(rank, [0.0] * len(rank), heights, layering, middles)
    before: list[float] = []
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        if forward:
            if middles == before:
                break
            before = list(middles)
        neighbours = layering.before if forward else layering.after
        for rank in layering.ranks if forward else layering.ranks[::-1]:
            wishes = [_wished_middle(slot, neighbours[slot], layering, middles) for slot in rank]
            _push_apart(rank, wishes, heights, layering, middles)
    return middles


def _wished_middle(
    slot: int, neighbours: Sequence[int], layering: Layering, middles: Sequence[float]
) -> float:
    """The weighted median of the neighbours, so that it lines up exactly with one of them."""
    if len(neighbours) < 2:
        return middles[neighbours[0]] if neighbours else middles[slot]
    ranked = sorted((middles[n], _pull(slot, n, layering)) for n in neighbours)
    half = sum(weight for _, weight in ranked) / 2
    passed = 0.0
    for index, (middle, weight) in enumerate(ranked):
        passed += weight
        if passed > half:
            return middle
        if passed == half:
            return (middle + ranked[index + 1][0]) / 2
    return ranked[-1][0]


def _pull(first: int, second: int, layering: Layering) -> float:
    """How much two linked slots want to be level."""
    if layering.is_main[first] and layering.is_main[second]:
        return 16.0
    lanes = layering.is_lane[first] + layering.is_lane[second]
    return (8.0, 1.0, 4.0)[lanes]


def _push_apart(
    rank: Sequence[int],
    wishes: Sequence[float],
    heights: Sequence[float],
    layering: Layering,
    middles: list[float],
) -> None:
    """Set middles as near to the wishes as order and distances allow: isotonic regression."""
    if len(rank) == 1:
        middles[rank[0]] = wishes[0]
        return
    offsets = [0.0]
    for above, below in pairwise(rank):
        lanes = layering.is_lane[above] + layering.is_lane[below]
        gap = (_NODE_GAP, _LANE_GAP, _WIRE_GAP)[lanes]
        offsets.append(offsets[-1] + (heights[above] + heights[below]) / 2 + gap)
    blocks: list[tuple[float, float, int]] = []  # weight, mean, count
    for slot, wish, offset in zip(rank, wishes, offsets, strict=True):
        # The main path hardly yields to side branches, and these hardly to wires.
        weight = 1e8 if layering.is_main[slot] else 1.0 if layering.is_lane[slot] else 1e4
        mean, count = wish - offset, 1
        while blocks and blocks[-1][1] > mean:
            other, other_mean, other_count = blocks.pop()
            mean = (mean * weight + other_mean * other) / (weight + other)
            weight, count = weight + other, count + other_count
        blocks.append((weight, mean, count))
    shifts = [mean for _, mean, count in blocks for _ in range(count)]
    for slot, shift, offset in zip(rank, shifts, offsets, strict=True):
        middles[slot] = shift + offset
