"""Paint a layer's channels as an image: one cell per channel, in rows from the top left.

A kept channel is a full square, a removed one a small dot, so that the state can be read
without colour. The shade of either is the policy's keep probability. Channels that no mask can
remove are full squares in grey. A plus marks a channel that is pinned to stay, a cross one that
is pinned to go.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from app.panels.pin_marks import cross, plus
from app.theme import Palette
from core.graph.layers import LayerNode
from core.pruning.pins import NO_PIN, PIN_KEEP, PIN_REMOVE

_LARGEST_CELL = 12.0  # pixels at zoom 1
_LARGEST_IMAGE_CELL = 24
_DOT_SHARE = 0.4
_SMALLER_FOR_EVEN = 0.78
_FAINTEST = 0.32  # how much of its colour a kept channel shows at keep probability 0
_DOT_OPACITY, _FIXED_OPACITY = 0.55, 0.42
_LEVELS = 64  # of keep probability that are told apart


@dataclass(frozen=True)
class StripShape:
    """How a layer's channels are arranged; `cell` is a cell's side in pixels at zoom 1."""

    channels: int
    columns: int
    rows: int
    cell: float

    @property
    def width(self) -> float:
        """Pixels at zoom 1."""
        return self.columns * self.cell

    @property
    def height(self) -> float:
        """Pixels at zoom 1."""
        return self.rows * self.cell

    def position(self, channel: int) -> tuple[int, int]:
        """Column and row of a channel."""
        return channel % self.columns, channel // self.columns


@dataclass(frozen=True, eq=False)
class StripState:
    """What is known of a layer's channels; every array has shape (channels,)."""

    keep: NDArray[np.bool_]
    probability: NDArray[np.float32]  # 0-1
    is_fixed: NDArray[np.bool_]  # no mask can remove it
    pinned: NDArray[np.int8] | None = None  # PIN_KEEP, NO_PIN or PIN_REMOVE; None: nothing is


@lru_cache(maxsize=1024)
def strip_shape(channels: int, width: float, height: float) -> StripShape:
    """Choose large square cells with which all channels fit into width x height.

    A full last row is worth cells that are a little smaller.
    """
    best, best_worth = StripShape(channels, 1, max(1, channels), 1.0), 0.0
    for columns in range(1, channels + 1):
        rows = math.ceil(channels / columns)
        cell = min(_LARGEST_CELL, width / columns, height / rows)
        worth = cell if channels % columns == 0 else cell * _SMALLER_FOR_EVEN
        if worth > best_worth:
            best, best_worth = StripShape(channels, columns, rows, cell), worth
        if width / columns < best_worth:
            break
    return best


class LayerChannels:
    """Looks up the channels of many layers at once, and which of them changed."""

    def __init__(self, layers: Iterable[LayerNode]) -> None:
        known = [layer for layer in layers if len(layer.channels)]
        self._names = [layer.name for layer in known]
        owners = [layer.channels for layer in known]
        self._owners = np.concatenate(owners) if owners else np.zeros(0, np.int64)
        self._is_fixed = self._owners < 0
        self._ends = np.cumsum([len(one) for one in owners], dtype=np.int64)
        self._last: tuple[NDArray[np.generic], ...] | None = None

    def states(
        self,
        keep: NDArray[np.bool_],
        probability: NDArray[np.float32] | None,
        pinned: NDArray[np.int8] | None = None,
    ) -> list[tuple[str, StripState]]:
        """Layers that look different under a mask than under the one before, and how.

        All arrays have shape (channels,); without a probability it is 1 for kept channels.
        """
        shade = keep.astype(np.float32) if probability is None else probability
        kept, shades = np.append(keep, True)[self._owners], np.append(shade, 1.0)[self._owners]
        shades = shades.astype(np.float32)
        pins = np.zeros(len(kept), np.int8)
        if pinned is not None:
            pins = np.append(pinned, np.int8(NO_PIN))[self._owners]
        starts = np.append(0, self._ends)[:-1]
        is_new = np.ones(len(self._names), dtype=np.bool_)
        if self._last is not None and self._names:
            now = (kept, shades, pins)
            differs = np.logical_or.reduce([a != b for a, b in zip(now, self._last, strict=True)])
            is_new = np.logical_or.reduceat(differs, starts)
        self._last = kept, shades, pins
        return [
            (self._names[i], StripState(kept[a:b], shades[a:b], self._is_fixed[a:b], pins[a:b]))
            for i, a, b in zip(
                np.flatnonzero(is_new).tolist(),
                starts[is_new].tolist(),
                self._ends[is_new].tolist(),
                strict=True,
            )
        ]


def paint_strip(state: StripState, shape: StripShape, cell: int, palette: Palette) -> QImage:
    """Paint the cells `cell` pixels wide; unused cells are transparent."""
    cell = max(1, min(cell, _LARGEST_IMAGE_CELL))
    looks = _cell_looks(cell, palette)
    levels = np.full(shape.rows * shape.columns, 2 * _LEVELS + 1)  # unused
    used = levels[: shape.channels]
    used[:] = state.probability * (_LEVELS - 1) + 0.5
    used[state.keep] += _LEVELS
    used[state.is_fixed] = 2 * _LEVELS
    painted = looks[levels]
    if state.pinned is not None and state.pinned.any():
        _mark_pins(painted, state, palette)
    cells = painted.reshape(shape.rows, shape.columns, cell, cell)
    data = np.ascontiguousarray(cells.swapaxes(1, 2))
    height, width = shape.rows * cell, shape.columns * cell
    image = QImage(data.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # the array goes; the image must own its pixels


def _mark_pins(painted: NDArray[np.uint32], state: StripState, palette: Palette) -> None:
    """Draw plus and cross into the cells (cells, cell, cell) of pinned channels, in place.

    A kept one shows its whole colour behind the mark; a removed one has the mark for its dot.
    """
    assert state.pinned is not None
    cell = painted.shape[1]
    full, inner = _cell_looks(cell, palette)[2 * _LEVELS - 1], _inner(cell)
    for pin, mark in ((PIN_KEEP, plus(cell, inner)), (PIN_REMOVE, cross(cell, inner))):
        is_pinned = state.pinned == pin
        cover = mark[..., None].astype(np.float32)
        text, surface = (_bgra(colour) * 255 for colour in (palette.text, palette.surface))
        behind = full.view(np.uint8).reshape(cell, cell, 4)
        kept = behind + (surface - behind) * cover * (behind[..., 3:] > 0)
        removed = text * cover
        for is_kept, look in ((True, kept), (False, removed)):
            places = np.flatnonzero(is_pinned & (state.keep == is_kept))
            pixels = (look + 0.5).astype(np.uint8)
            painted[places] = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]


@lru_cache(maxsize=32)
def _cell_looks(cell: int, palette: Palette) -> NDArray[np.uint32]:
    """Every look of a cell, shape (looks, cell, cell), premultiplied 0xAARRGGBB.

    First removed and then kept cells by keep probability, then a fixed and an unused one.
    """
    surface, kept, frozen = (_bgra(c) for c in (palette.surface, palette.kept, palette.frozen))
    faint = _bgra(palette.muted_text)
    shade = np.linspace(0, 1, _LEVELS, dtype=np.float32)[:, None]
    # A removed channel turns from grey to green as the policy wants it back.
    removed = surface + (faint + (kept - faint) * shade - surface) * _DOT_OPACITY
    strong = surface + (kept - surface) * (_FAINTEST + (1 - _FAINTEST) * shade)
    fixed = surface + (frozen - surface) * _FIXED_OPACITY
    colours = np.concatenate([removed, strong, fixed[None], np.zeros((1, 4), np.float32)])
    cover = np.broadcast_to(_full_square(cell), (len(colours), cell, cell)).copy()
    cover[:_LEVELS] = _small_dot(cell)
    looks = (cover[..., None] * colours[:, None, None, :] * 255 + 0.5).astype(np.uint8)
    return looks.view(np.uint32)[..., 0]


def _bgra(colour: str) -> NDArray[np.float32]:
    c = QColor(colour)
    return np.array([c.blueF(), c.greenF(), c.redF(), 1.0], dtype=np.float32)


def _inner(cell: int) -> int:
    return cell - 1 if cell >= 4 else cell  # a hairline between cells


def _full_square(cell: int) -> NDArray[np.float32]:
    cover, inner = np.zeros((cell, cell), dtype=np.float32), _inner(cell)
    cover[:inner, :inner] = 1
    return cover


def _small_dot(cell: int) -> NDArray[np.float32]:
    if cell < 3:  # too small for a dot: as much paint as a dot would have
        return np.full((cell, cell), _DOT_SHARE**2, dtype=np.float32)
    inner = _inner(cell)
    # Coverage of every pixel by a centred square: its overlap along each axis.
    start, stop = inner * (1 - _DOT_SHARE) / 2, inner * (1 + _DOT_SHARE) / 2
    edges = np.arange(cell, dtype=np.float32)
    along = np.clip(np.minimum(edges + 1, stop) - np.maximum(edges, start), 0, 1)
    return np.outer(along, along).astype(np.float32)
