"""How the cells of the mask matrix look, painted as arrays of pixels.

A kept channel is a full square, a removed one a small dot; the shade is the keep probability.
A frame marks a channel that flipped, a plus one that is pinned to stay, a cross one that is
pinned to go. So no meaning hangs on colour alone.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from app.panels.pin_marks import cross, plus
from app.theme import Palette
from core.pruning.pins import PIN_KEEP, PIN_REMOVE

SHADES = 17  # of keep probability that are told apart
FAINTEST = 0.3  # how much of its colour a kept channel shows at keep probability 0
DOT_SHARE = 0.38  # of a cell's side
SMALLEST_MARKED = 5  # pixels; smaller cells have no room for a gap
PINS = 3

Codes = NDArray[np.int16]
Pixels = NDArray[np.uint32]


def cell_codes(
    keep: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    has_flipped: NDArray[np.bool_],
    pinned: NDArray[np.int8],
) -> Codes:
    """Number the look of every channel; all arrays (channels,), probability 0-1.

    Without probabilities every channel has its full shade.
    """
    shade = np.full(len(keep), SHADES - 1, dtype=np.int16)
    if probability is not None:
        shade[:] = np.clip(probability, 0.0, 1.0) * (SHADES - 1) + 0.5
    pin = np.select([pinned == PIN_KEEP, pinned == PIN_REMOVE], [1, 2], 0)
    code = ((pin * 2 + has_flipped) * 2 + keep) * SHADES + shade
    return code.astype(np.int16)


@lru_cache(maxsize=16)
def cell_looks(cell: int, palette: Palette) -> Pixels:
    """Every look by its code, (codes, cell, cell) of 0xffRRGGBB."""
    surface, kept, muted, text = (
        _rgb(colour) for colour in (palette.surface, palette.kept, palette.muted_text, palette.text)
    )
    shade = np.linspace(0.0, 1.0, SHADES)[:, None]
    strong = surface + (kept - surface) * (FAINTEST + (1.0 - FAINTEST) * shade)
    faint = surface + (muted - surface) * 0.75
    looks = np.empty((PINS, 2, 2, SHADES, cell, cell, 3))
    looks[...] = surface
    square, dot, frame = _square(cell, 1.0), _square(cell, DOT_SHARE), _frame(cell)
    marks = (None, plus(cell, cell - _gap(cell)), cross(cell, cell - _gap(cell)))
    for pin, mark in enumerate(marks):
        for flipped in range(2):
            kept_look, removed_look = looks[pin, flipped, 1], looks[pin, flipped, 0]
            _cover(kept_look, square, strong[:, None, None, :])
            if mark is None:
                _cover(removed_look, dot, faint)
            else:
                _cover(kept_look, mark, surface)
                _cover(removed_look, mark, text)
            if flipped:
                _cover(kept_look, frame, text)
                _cover(removed_look, frame, text)
    rgb = (looks.reshape(-1, cell, cell, 3) + 0.5).astype(np.uint32)
    return 0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def paint_cells(target: Pixels, looks: Pixels, codes: Codes, columns: int, top: int) -> None:
    """Paint cells into `target` (height, width), wrapped after `columns`, from line `top` on.

    `top` may be negative or the cells may reach below: what is outside is left out.
    """
    cell = looks.shape[1]
    first = max(0, -top // cell)
    stop = min(-(-len(codes) // columns), -(-(len(target) - top) // cell))
    for line in range(first, stop):
        seen = codes[line * columns : (line + 1) * columns]
        block = looks[seen].swapaxes(0, 1).reshape(cell, -1)
        y = top + line * cell
        above, below = max(0, -y), max(0, y + cell - len(target))
        width = min(block.shape[1], target.shape[1])
        target[y + above : y + cell - below, :width] = block[above : cell - below, :width]


def as_image(pixels: Pixels) -> QImage:
    """Wrap pixels (height, width) of 0xffRRGGBB; the image owns a copy."""
    height, width = pixels.shape
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def _rgb(colour: str) -> NDArray[np.float64]:
    value = QColor(colour)
    return np.array([value.red(), value.green(), value.blue()], dtype=np.float64)


def _cover(look: NDArray[np.float64], cover: NDArray[np.float64], colour: object) -> None:
    look += (np.asarray(colour) - look) * cover[..., None]


def _gap(cell: int) -> int:
    return max(1, round(cell / 9)) if cell >= SMALLEST_MARKED else 0


def _stroke(cell: int) -> int:
    return max(1, round(cell / 9))


def _square(cell: int, share: float) -> NDArray[np.float64]:
    """A centred square of a share of the cell's side, its edges as faint as they are covered."""
    inner = cell - _gap(cell)
    start, stop = inner * (1 - share) / 2, inner * (1 + share) / 2
    edges = np.arange(cell)
    along = np.clip(np.minimum(edges + 1, stop) - np.maximum(edges, start), 0, 1)
    return np.outer(along, along)


def _frame(cell: int) -> NDArray[np.float64]:
    inner, stroke = cell - _gap(cell), _stroke(cell)
    cover = np.zeros((cell, cell))
    cover[:inner, :inner] = 1.0
    cover[stroke : inner - stroke, stroke : inner - stroke] = 0.0
    return cover
