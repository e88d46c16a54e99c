"""Marks of pinned channels in a cell: a plus for one that stays, a cross for one that goes.

Each is an array (cell, cell) of how much of a pixel is covered, 0-1; `inner` is the cell without
the gap to the next one.
"""

import numpy as np
from numpy.typing import NDArray

MARK_SHARE = 0.62  # of a cell's side

Cover = NDArray[np.float64]


def plus(cell: int, inner: int) -> Cover:
    """Upright strokes."""
    across, along = _distances(cell, inner)
    length, half = MARK_SHARE * inner / 2, _half_stroke(cell)
    lines = [(across, along), (along, across)]
    return _strokes([np.maximum(abs(a) - half, abs(b) - length) for a, b in lines])


def cross(cell: int, inner: int) -> Cover:
    """Slanted strokes."""
    across, along = _distances(cell, inner)
    rising, falling = (across + along) / 2**0.5, (across - along) / 2**0.5
    length, half = 1.2 * MARK_SHARE * inner / 2, _half_stroke(cell)
    lines = [(rising, falling), (falling, rising)]
    return _strokes([np.maximum(abs(a) - half, abs(b) - length) for a, b in lines])


def _distances(cell: int, inner: int) -> tuple[Cover, Cover]:
    places = np.arange(cell) + 0.5 - inner / 2
    across, along = np.meshgrid(places, places)
    return across, along


def _half_stroke(cell: int) -> float:
    return max(0.5, cell / 14)


def _strokes(distances: list[Cover]) -> Cover:
    """Full inside a stroke (distance below 0), fading over one pixel."""
    return np.clip(0.5 - np.minimum(*distances), 0.0, 1.0)
