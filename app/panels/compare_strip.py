"""Paints two masks of a layer as one strip: two lanes, as wide as there is room.

The upper lane is the shown mask's, the lower one the criterion's. A channel that both keep
fills both lanes, one that a single mask keeps fills its lane only, in another colour: so the
four states differ by place, not by colour alone.
"""

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
    has_gaps = width / len(states) >= GAP_FROM
    surface, track = _rgb(palette.surface), _rgb(palette.raised)
    both = _cover(states == BOTH, edges, width)
    result = np.empty((height, width, 3))
    result[:] = surface
    for top, state, colour in (
        (0, ONLY_LEARNED, palette.accent),
        (lane + gap, ONLY_CRITERION, palette.criteria),
    ):
        alone = _cover(states == state, edges, width)
        line = track * (1 - both - alone)[:, None]
        line = line + both[:, None] * _rgb(palette.kept) + alone[:, None] * _rgb(colour)
        result[top : top + lane] = line
    if has_gaps:
        result[:, np.minimum(np.round(edges[1:]).astype(int), width) - 1] = surface
    rgb = (result + 0.5).astype(np.uint32)
    return 0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def _cover(
    chosen: NDArray[np.bool_], edges: NDArray[np.float64], width: int
) -> NDArray[np.float64]:
    """How much of each pixel (width,) is covered by chosen channels, 0-1."""
    if width >= GAP_FROM * len(chosen):
        edges = np.round(edges)  # crisp cells
    total = np.concatenate([[0.0], np.cumsum(chosen * np.diff(edges))])
    return np.diff(np.interp(np.arange(width + 1), edges, total))


def _rgb(colour: str) -> NDArray[np.float64]:
    value = QColor(colour)
    return np.array([value.red(), value.green(), value.blue()], dtype=np.float64)
