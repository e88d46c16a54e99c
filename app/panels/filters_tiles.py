"""The pictures of a layer's filters and activations: one image for all tiles, and their places."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter

from app.theme import Palette, blend
from core.events import FloatArray

TILE_SIZES = (72, 56, 40)  # logical pixels, the first that leaves nothing to scroll
GAP_PX = 4
STRIP_GAP_PX = 20
SVG_ZOOM = 2
LABEL_PX = 44  # the channel's mark and number
HEADING_PX = 28
NOTHING, ZERO, MOST = 0, 128, 127  # colour codes: no value, the value 0, codes to either side

ByteArray = NDArray[np.uint8]


def colour_codes(values: FloatArray, limit: float) -> ByteArray:
    """Turn values into codes: 128 is 0, 255 is `limit` or more, 1 is -limit; NaN is 0."""
    scaled = np.clip(values / (limit or 1.0), -1.0, 1.0)
    codes = np.where(np.isnan(scaled), NOTHING, ZERO + np.round(MOST * np.nan_to_num(scaled)))
    return codes.astype(np.uint8)


def colour_table(palette: Palette) -> list[int]:
    """The colours of all codes: orange below 0, the surface at 0, blue above."""
    table = [QColor(palette.window).rgb()]
    for code in range(1, 256):
        value = (code - ZERO) / MOST
        end = palette.accuracy if value > 0 else palette.budget
        table.append(blend(end, palette.surface, min(1.0, abs(value))).rgb())
    return table


def picture_image(picture: ByteArray) -> QImage:
    """A picture (height, width, 3) as an image that owns its bytes."""
    pixels = np.ascontiguousarray(picture)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class TileSheet:
    """All tiles of one size in one image, a row of them for each channel."""

    def __init__(self, values: FloatArray) -> None:
        """Take (tiles per channel, channels, rows, columns); the scale is that of the layer."""
        self.per_channel, self.channels, self.rows, self.columns = values.shape
        finite = np.abs(values[np.isfinite(values)])
        # a few outliers must not leave all else pale
        self.limit = float(np.quantile(finite, 0.998)) if finite.size else 0.0
        codes = colour_codes(values, self.limit).transpose(
            1, 2, 0, 3
        )  # channels, rows, tiles, columns
        self._codes: ByteArray = np.ascontiguousarray(
            codes.reshape(self.channels * self.rows, self.per_channel * self.columns)
        )
        height, width = self._codes.shape
        self.image = QImage(self._codes.data, width, height, width, QImage.Format.Format_Indexed8)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self.image.setColorTable(colour_table(palette))

    def area(self, tile: int, channel: int) -> QRect:
        """Where a tile is in the image."""
        return QRect(tile * self.columns, channel * self.rows, self.columns, self.rows)

    def paint(self, painter: QPainter, target: QRectF, tile: int, channel: int) -> None:
        """Paint a tile with its pixels as squares."""
        if painter.paintEngine().type() != QPaintEngine.Type.SVG:
            painter.drawImage(target, self.image, QRectF(self.area(tile, channel)))
            return
        # SVG files hold a whole image for each that is drawn, and viewers blur small ones
        side = SVG_ZOOM * target.size().toSize()
        painter.drawImage(target, self.image.copy(self.area(tile, channel)).scaled(side))


@dataclass(frozen=True)
class Strips:
    """Where the strips of a layer's channels are: kept ones above, removed ones below.

    A strip is a label, the filter, and the activations on as many images as fit.
    """

    tile: int
    images: int
    columns: int
    kept: tuple[int, ...]  # places in the layer's output
    removed: tuple[int, ...]

    @classmethod
    def fit(
        cls, width: int, height: int, images: int, kept: tuple[int, ...], removed: tuple[int, ...]
    ) -> "Strips":
        """Choose the tile size and as many columns as fit into `width`."""
        for tile in TILE_SIZES:
            room = width - LABEL_PX - tile
            shown = max(min(images, 1), min(images, room // (tile + GAP_PX)))
            whole = LABEL_PX + (1 + shown) * (tile + GAP_PX) + STRIP_GAP_PX
            columns = max(1, (width + STRIP_GAP_PX) // whole)
            strips = cls(tile, shown, columns, kept, removed)
            if strips.height <= height and shown == images:
                return strips
        return strips

    @property
    def strip_width(self) -> int:
        """Of one strip, without the gap to the next."""
        return LABEL_PX + (1 + self.images) * (self.tile + GAP_PX)

    @property
    def row_height(self) -> int:
        return self.tile + GAP_PX

    @property
    def height(self) -> int:
        """Of all strips and headings."""
        return self.top_of_removed + self._block(len(self.removed)) + GAP_PX

    @property
    def top_of_removed(self) -> int:
        """Where the heading over the removed channels begins."""
        return self._block(len(self.kept))

    def area(self, place: int) -> QRectF:
        """The strip of an output channel."""
        is_removed, at = self._order_of[place]
        row, column = divmod(at, self.columns)
        top = (self.top_of_removed if is_removed else 0) + HEADING_PX + row * self.row_height
        left = column * (self.strip_width + STRIP_GAP_PX)
        return QRectF(left, top, self.strip_width - GAP_PX, self.tile)

    def tile_area(self, place: int, tile: int) -> QRectF:
        """The square of a strip's tile; 0 is the filter, then the images."""
        strip = self.area(place)
        left = strip.left() + LABEL_PX + tile * (self.tile + GAP_PX)
        return QRectF(left, strip.top(), self.tile, self.tile)

    def place_at(self, x: float, y: float) -> int | None:
        """The output channel at a point."""
        for top, order in ((0, self.kept), (self.top_of_removed, self.removed)):
            row, column = (
                (y - top - HEADING_PX) // self.row_height,
                x // (self.strip_width + STRIP_GAP_PX),
            )
            at = int(row * self.columns + column)
            is_inside = x % (self.strip_width + STRIP_GAP_PX) < self.strip_width
            if 0 <= column < self.columns and row >= 0 and at < len(order) and is_inside:
                return order[at]
        return None

    def neighbour(self, place: int, across: int, down: int) -> int:
        """The channel beside, above or below another, as the arrow keys go."""
        order = self.kept + self.removed
        at = order.index(place) + across + down * self.columns
        return order[min(max(at, 0), len(order) - 1)]

    @cached_property
    def _order_of(self) -> dict[int, tuple[bool, int]]:
        """Of each channel: whether it is removed, and which of its kind it is."""
        return {
            place: (is_removed, at)
            for is_removed, order in ((False, self.kept), (True, self.removed))
            for at, place in enumerate(order)
        }

    def _block(self, count: int) -> int:
        rows = -(-count // self.columns)
        return HEADING_PX + rows * self.row_height + GAP_PX if count else 0
