"""The card of a layer with weights, with a cell for each of its channels."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.panels.graph_items import LayerItem
from app.panels.graph_pixels import PixelImage
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
_NARROWEST_NAMED = 28.0  # pixels on the screen; narrower cards show their channels only


class CardItem(LayerItem):
    """A layer with weights: scope, name, its channels, kept / total, output shape."""

    def __init__(self, layer: LayerNode, style: GraphStyle, *, is_frozen: bool) -> None:
        super().__init__(layer, style, is_frozen=is_frozen)
        count = len(layer.channels)
        self._shape = StripShape(count, 1, max(1, count), 1.0)  # until it is measured
        self._state = StripState(
            np.ones(count, np.bool_), np.ones(count, np.float32), layer.channels < 0
        )
        self._inner = 0.0  # width of the text
        self._lines: tuple[str, str, str] | None = None  # scope, name, shape: what fits of them
        self._large_name = (0.0, "", False)  # zoom, what fits of the name, room for both counts
        self._strip_image = PixelImage(self._make_strip)

    def use_style(self, style: GraphStyle) -> None:
        self._strip_image.forget()
        self._large_name = (0.0, "", False)
        super().use_style(style)

    def show_channels(self, state: StripState) -> None:
        self._state = state
        self._strip_image.forget()
        super().show_channels(state)

    @property
    def kept_share(self) -> float:
        """The share of the channels that are kept, 0-1."""
        return self.kept / max(1, len(self.layer.channels))

    @property
    def strip_rect(self) -> QRectF:
        """Where the channels are, in the item's coordinates."""
        if self.style.is_vertical:
            left = self.size[0] - CARD_PAD - self._shape.width
            return QRectF(left, CARD_PAD, self._shape.width, self._shape.height)
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

    def is_named(self, scale: float) -> bool:
        """Whether name and counts are written at this zoom: on all cards, or on none."""
        return scale * (_STRIP_WIDTH + 2 * CARD_PAD) >= _NARROWEST_NAMED

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setPen(self.outline(scale))
        painter.setBrush(self.fill())
        painter.drawRoundedRect(QRectF(0, 0, *self.size), RADIUS, RADIUS)
        if self.style.is_legible(scale):
            self._strip_image.paint(painter, self.strip_rect)
            self._paint_text(painter)
        elif self.is_named(scale):
            line = self._paint_large_text(painter, scale)
            self._strip_image.paint(painter, self._grown_strip_rect(line))
        else:
            self._strip_image.paint(painter, self._grown_strip_rect(0.0))

    def measure(self) -> tuple[float, float]:
        bold, small = self.style.name_metrics, self.style.small_metrics
        total = len(self.layer.channels)
        chip = small.horizontalAdvance("AA") + 10
        widest = max(
            _STRIP_WIDTH,
            bold.horizontalAdvance(split_name(self.layer.name)[1]),
            small.horizontalAdvance(shape_text(self.layer.output_shape)),
            small.horizontalAdvance(f"{total}/{total}") + chip,
        )
        self._inner = inner = min(widest, _WIDEST_TEXT)
        height = self.style.card_height
        if self.style.is_vertical:
            self._shape = strip_shape(total, STRIP_HEIGHT, height - 2 * CARD_PAD)
        else:
            self._shape = strip_shape(total, inner, STRIP_HEIGHT)
        self._lines = None
        beside = self._shape.width + CARD_PAD if self.style.is_vertical else 0.0
        return inner + 2 * CARD_PAD + beside, height

    def _fitting_lines(self) -> tuple[str, str, str]:
        bold, small = self.style.name_metrics, self.style.small_metrics
        elide, room = Qt.TextElideMode, self._inner + 2
        scope, name = split_name(self.layer.name)
        while "." in name and bold.horizontalAdvance(name) > room:
            head, _, name = name.partition(".")
            scope = f"{scope}.{head}" if scope else head
        return (
            small.elidedText(scope, elide.ElideLeft, room),
            bold.elidedText(name, elide.ElideRight, room),
            small.elidedText(shape_text(self.layer.output_shape), elide.ElideRight, room),
        )

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

    def _make_strip(self, width: int, height: int) -> QImage:
        cell = math.ceil(width / self._shape.columns)
        return paint_strip(self._state, self._shape, cell, self.style.palette)

    def _paint_text(self, painter: QPainter) -> None:
        style, palette = self.style, self.style.palette
        muted = QColor(palette.muted_text)
        strong = QColor(palette.text) if self.is_prunable else muted
        if self._lines is None:
            self._lines = self._fitting_lines()
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
        mark = QRectF(CARD_PAD, y, self._inner, style.small_height)
        if self.is_frozen:
            paint_lock(painter, mark, palette)
        elif self.group_label:
            paint_chip(painter, mark, self.group_label, style, is_lit=self.is_lit)
