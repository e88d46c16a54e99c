"""Paints two masks of a layer as one strip: two lanes, as wide as there is room.

The upper lane is the shown mask's, the lower one the criterion's. A channel that both keep
fills both lanes, one that a single mask keeps fills its lane only, in another colour: so the
four states differ by place, not by colour alone.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.panels.masks_cells import Pixels
from app.theme import Palette
from core.comparison_rows import BOTH, ONLY_CRITERION, ONLY_LEARNED

GAP_FROM = 4.0  # pixels of a cell; narrower ones have no gaps


def paint_strip(states: NDArray[np.int8], width: int, height: int, palette: Palette) -> Pixels:
    """Paint channels (n,) left to right; returns (height, width) of 0xffRRGGBB.

    Where several channels share a pixel it shows their mean.
    """
    gap = max(1, height // 10)
    lane = (height - gap) // 2
    edges = np.linspace(0, width, len(states) + 1)
    both = _cover(states == BOTH, edges, width)
    surface = _packed(_rgb(palette.surface))
    result = np.full((height, width), surface, dtype=np.uint32)
    for top, state, colour in (
        (0, ONLY_LEARNED, palette.accent),
        (lane + gap, ONLY_CRITERION, palette.criteria),
    ):
        alone = _cover(states == state, edges, width)
        shares = np.stack([1.0 - both - alone, both, alone], axis=1)
        colours = np.stack([_rgb(one) for one in (palette.raised, palette.kept, colour)])
        result[top : top + lane] = _packed(shares @ colours)
    if width / len(states) >= GAP_FROM:
        result[:, np.round(edges[1:]).astype(int) - 1] = surface
    return result


def _packed(rgb: NDArray[np.float64]) -> Pixels:
    """Pack colours (..., 3) of 0-255 into 0xffRRGGBB."""
    whole = (rgb + 0.5).astype(np.uint32)
    packed: Pixels = 0xFF000000 | whole[..., 0] << 16 | whole[..., 1] << 8 | whole[..., 2]
    return packed


def _cover(
    chosen: NDArray[np.bool_], edges: NDArray[np.float64], width: int
) -> NDArray[np.float64]:
    """How much of each pixel (width,) is covered by chosen channels, 0-1."""
    if width >= GAP_FROM * len(chosen):
        edges = np.round(edges)  # crisp cells
    total = np.concatenate([[0.0], np.cumsum(chosen * np.diff(edges))])
    return np.diff(np.interp(np.arange(width + 1), edges, total))


@lru_cache(maxsize=64)
def _rgb(colour: str) -> NDArray[np.float64]:
    value = QColor(colour)
    return np.array([value.red(), value.green(), value.blue()], dtype=np.float64)
