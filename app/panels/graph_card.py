"""The card of a layer with weights, with a cell for each of its channels."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.panels.graph_items import LayerItem
from app.panels.graph_strip import StripShape, StripState, paint_strip, strip_shape
from app.panels.graph_style import (
    CARD_PAD,
    STRIP_HEIGHT,
    GraphStyle,
    paint_chip,
    paint_lock,
)
from app.panels.graph_text import shape_text, split_name
from app.theme import RADIUS
from core.graph.layers import LayerNode

_STRIP_WIDTH = 50.0
_WIDEST_TEXT = 62.0
_NARROWEST_NAMED = 32.0  # pixels on the screen; narrower cards show their channels only


class CardItem(LayerItem):
    """A layer with weights: scope, name, its channels, kept / total, output shape."""

    def __init__(self, layer: LayerNode, style: GraphStyle, *, is_frozen: bool) -> None:
        super().__init__(layer, style, is_frozen=is_frozen)
        count = len(layer.channels)
        self._shape = strip_shape(count, _STRIP_WIDTH, STRIP_HEIGHT)
        self._state = StripState(
            np.ones(count, np.bool_), np.ones(count, np.float32), layer.channels < 0
        )
        self._lines = ("", "", "")  # scope, name, shape: as much as fits
        self._large_name = (0.0, "", False)  # zoom, what fits of the name, room for both counts
        self._image: QImage | None = None
        self._image_size = (0, 0)

    def use_style(self, style: GraphStyle) -> None:
        self._image = None
        self._large_name = (0.0, "", False)
        super().use_style(style)

    def show_channels(self, state: StripState) -> None:
        self._state = state
        self._image = None
        super().show_channels(state)

    @property
    def strip_rect(self) -> QRectF:
        """Where the channels are, in the item's coordinates."""
        top = CARD_PAD + self.style.small_height + self.style.name_height + 4
        return QRectF(CARD_PAD, top, self._shape.width, self._shape.height)

    @property
    def strip(self) -> StripShape:
        """How the channels are arranged."""
        return self._shape

    def channel_point(self, channel: int) -> QPointF:
        """The middle of a channel's cell, in the item's coordinates."""
        column, row = self._shape.position(channel)
        rect = self.strip_rect
        return QPointF(
            rect.x() + (column + 0.45) * rect.width() / self._shape.columns,
            rect.y() + (row + 0.45) * rect.height() / self._shape.rows,
        )

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setPen(self.outline(scale))
        painter.setBrush(self.fill())
        painter.drawRoundedRect(QRectF(0, 0, *self.size), RADIUS, RADIUS)
        ratio = painter.device().devicePixelRatioF()
        if self.style.is_legible(scale):
            self._paint_strip(painter, self.strip_rect, ratio)
            self._paint_text(painter)
        elif scale * self.size[0] >= _NARROWEST_NAMED:
            line = self._paint_large_text(painter, scale)
            self._paint_strip(painter, self._grown_strip_rect(line), ratio)
        else:
            self._paint_strip(painter, self._grown_strip_rect(0.0), ratio)

    def measure(self) -> tuple[float, float]:
        bold, small = QFontMetricsF(self.style.name_font), QFontMetricsF(self.style.small_font)
        total = len(self.layer.channels)
        chip = small.horizontalAdvance("AA") + 10
        widest = max(
            _STRIP_WIDTH,
            bold.horizontalAdvance(split_name(self.layer.name)[1]),
            small.horizontalAdvance(shape_text(self.layer.output_shape)),
            small.horizontalAdvance(f"{total}/{total}") + chip,
        )
        inner = min(widest, _WIDEST_TEXT)
        self._shape = strip_shape(total, inner, STRIP_HEIGHT)
        elide, (scope, name) = Qt.TextElideMode, split_name(self.layer.name)
        self._lines = (
            small.elidedText(scope, elide.ElideLeft, inner + 2),
            bold.elidedText(name, elide.ElideRight, inner + 2),
            small.elidedText(shape_text(self.layer.output_shape), elide.ElideRight, inner + 2),
        )
        return inner + 2 * CARD_PAD, self.style.card_height

    def _grown_strip_rect(self, line: float) -> QRectF:
        """The strip over the whole card but for a line of text above and below."""
        width = self.size[0] - 2 * CARD_PAD
        height = self.size[1] - 2 * line - 2 * CARD_PAD
        grow = min(width / self._shape.width, height / self._shape.height)
        rect = QRectF(0, 0, self._shape.width * grow, self._shape.height * grow)
        rect.moveCenter(QPointF(self.size[0] / 2, self.size[1] / 2))
        return rect

    def _paint_large_text(self, painter: QPainter, scale: float) -> float:
        """Write name and counts as small as they can be read; returns a line's height."""
        font, metrics = self.style.readable_font(scale)
        if self._large_name[0] != scale:
            width, name = self.size[0] - CARD_PAD, split_name(self.layer.name)[1]
            name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, width)
            room = metrics.horizontalAdvance("0/0" + 2 * str(len(self.layer.channels))[1:])
            self._large_name = scale, name, room <= width
        _, name, has_room = self._large_name
        line = QRectF(0, CARD_PAD / 2, self.size[0], metrics.height())
        painter.setFont(font)
        painter.setPen(QColor(self.style.palette.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        painter.setPen(QColor(self.style.palette.muted_text))
        line.moveBottom(self.size[1] - CARD_PAD / 2)
        counts = f"{self.kept}/{len(self.layer.channels)}" if has_room else str(self.kept)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, counts)
        return metrics.height()

    def _paint_strip(self, painter: QPainter, rect: QRectF, ratio: float) -> None:
        """Blit the strip on whole device pixels: crisp, and much faster than scaling."""
        target = painter.worldTransform().mapRect(rect)
        size = max(1, round(target.width() * ratio)), max(1, round(target.height() * ratio))
        if self._image is None or self._image_size != size:
            cell = math.ceil(size[0] / self._shape.columns)
            image = paint_strip(self._state, self._shape, cell, self.style.palette)
            self._image = image.scaled(*size, mode=Qt.TransformationMode.SmoothTransformation)
            self._image.setDevicePixelRatio(ratio)
            self._image_size = size
        corner = QPointF(round(target.x() * ratio) / ratio, round(target.y() * ratio) / ratio)
        painter.save()
        painter.resetTransform()
        painter.drawImage(corner, self._image)
        painter.restore()

    def _paint_text(self, painter: QPainter) -> None:
        style, palette = self.style, self.style.palette
        muted = QColor(palette.muted_text)
        strong = QColor(palette.text) if self.is_prunable else muted
        scope, name, shape = self._lines
        bottom = self.size[1] - CARD_PAD + 1 - style.small_drop
        painter.setFont(style.small_font)
        painter.setPen(muted)
        painter.drawText(QPointF(CARD_PAD, CARD_PAD - 1 + style.small_rise), scope)
        painter.drawText(QPointF(CARD_PAD, bottom), shape)
        painter.setPen(strong)
        counts = f"{self.kept}/{len(self.layer.channels)}"
        painter.drawText(QPointF(CARD_PAD, bottom - style.small_height), counts)
        painter.setFont(style.name_font)
        top = CARD_PAD - 1 + style.small_height + style.name_rise
        painter.drawText(QPointF(CARD_PAD, top), name)
        y = self.size[1] - CARD_PAD + 1 - 2 * style.small_height
        mark = QRectF(CARD_PAD, y, self.size[0] - 2 * CARD_PAD, style.small_height)
        if self.is_frozen:
            paint_lock(painter, mark, palette)
        elif self.group_label:
            paint_chip(painter, mark, self.group_label, style, is_lit=self.is_lit)
