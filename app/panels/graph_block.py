"""The card of a folded block: how much of each of its layers is kept, and of all together."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.graph_blocks import Block
from app.graph_shown import BlockChannels
from app.panels.graph_items import NodeItem
from app.panels.graph_pixels import PixelImage
from app.panels.graph_style import (
    CARD_PAD,
    STRIP_HEIGHT,
    GraphStyle,
    paint_chip,
    paint_lock,
)
from app.panels.graph_text import split_name
from app.theme import RADIUS, Palette, blend

_LEAF, _LEAVES = 3.5, 2  # of the stack that looks out behind the card
_PROFILE_WIDTH, _WIDEST_TEXT = 62.0, 104.0
_STACK = _LEAF * _LEAVES
_SIGN = 9.0  # side of the plus
_NARROWEST_NAMED = 32.0  # pixels on the screen


class BlockItem(NodeItem):
    """A folded block: scope, name, a bar per layer, kept share, number of layers."""

    def __init__(
        self,
        block: Block,
        channels: BlockChannels,
        layer_count: int,
        style: GraphStyle,
        *,
        is_frozen: bool,
    ) -> None:
        super().__init__(
            block.name, style, is_prunable=bool(channels.is_prunable.any()), is_frozen=is_frozen
        )
        self.block = block
        self.channels = channels
        self.counts = channels.totals  # kept channels of every weighted layer
        self._layer_count = layer_count
        self._inner = 0.0
        self._lines = ("", "")  # scope, name: as much as fits
        self._profile = PixelImage(self._make_profile)

    @property
    def kept_share(self) -> float:
        """The share of the channels of all layers that are kept, 0-1; 1 without channels."""
        total = int(self.channels.totals.sum())
        return int(self.counts.sum()) / total if total else 1.0

    @property
    def sign_rect(self) -> QRectF:
        """Where the plus is that unfolds the block, in the item's coordinates."""
        card = self._card_rect()
        return QRectF(card.right() - CARD_PAD - _SIGN, card.top() + CARD_PAD, _SIGN, _SIGN)

    def use_style(self, style: GraphStyle) -> None:
        self._profile.forget()
        super().use_style(style)

    def show_counts(self, counts: NDArray[np.int64]) -> None:
        """Show how many channels of every weighted layer are kept, shape (layers,)."""
        if not np.array_equal(counts, self.counts):
            self.counts = counts
            self._profile.forget()
            self.update()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        self._paint_stack(painter, scale)
        if self.style.is_legible(scale):
            self._profile.paint(painter, self._profile_rect())
            self._paint_text(painter)
            self._paint_sign(painter)
        elif scale * min(self.size) >= _NARROWEST_NAMED:
            self._profile.paint(painter, self._grown_rect(self._paint_large_text(painter, scale)))
        else:
            self._profile.paint(painter, self._grown_rect(0.0))

    def measure(self) -> tuple[float, float]:
        style = self.style
        bold, small = style.name_metrics, style.small_metrics
        chip = small.horizontalAdvance(self._badge() or "AA") + 12
        scope, name = split_name(self.block.title)
        widest = max(
            _PROFILE_WIDTH,
            bold.horizontalAdvance(name),
            small.horizontalAdvance(self._count_text()),
            bold.horizontalAdvance("100 %") + chip,
        )
        self._inner = inner = min(widest, _WIDEST_TEXT)
        self._lines = (
            small.elidedText(scope, Qt.TextElideMode.ElideLeft, inner - _SIGN - 3),
            bold.elidedText(name, Qt.TextElideMode.ElideMiddle, inner + 2),
        )
        width, height = inner + 2 * CARD_PAD, style.card_height
        height += style.name_height - style.small_height
        # Leaves look out on one side, with as much room on the other: wires meet the card's
        # middle and touch no leaf.
        if style.is_vertical:
            return width + _PROFILE_WIDTH + CARD_PAD + 2 * _STACK, height
        return width, height + 2 * _STACK

    def _card_rect(self) -> QRectF:
        whole = QRectF(0, 0, *self.size)
        if self.style.is_vertical:
            return whole.adjusted(_STACK, 0, -_STACK, 0)
        return whole.adjusted(0, _STACK, 0, -_STACK)

    def _badge(self) -> str:
        return f"×{self.block.repeats}" if self.block.repeats > 1 else ""

    def _count_text(self) -> str:
        return f"{self._layer_count} layers"

    def _share_text(self) -> str:
        return f"{100 * self.kept_share:.0f} %" if len(self.counts) else "–"

    def _profile_rect(self) -> QRectF:
        style, card = self.style, self._card_rect()
        if style.is_vertical:
            left = card.left() + 2 * CARD_PAD + self._inner
            top = card.top() + CARD_PAD + _SIGN + 4
            return QRectF(left, top, _PROFILE_WIDTH, card.bottom() - CARD_PAD - top)
        top = card.top() + CARD_PAD + style.small_height + style.name_height + 4
        return QRectF(CARD_PAD, top, self._inner, STRIP_HEIGHT)

    def _grown_rect(self, line: float) -> QRectF:
        return self._card_rect().adjusted(CARD_PAD, CARD_PAD + line, -CARD_PAD, -CARD_PAD - line)

    def _paint_stack(self, painter: QPainter, scale: float) -> None:
        card, pen, fill = self._card_rect(), self.outline(scale), self.fill()
        painter.setPen(pen)
        painter.setBrush(blend(self.style.palette.raised, fill.name(), 0.7))
        for leaf in range(_LEAVES, 0, -1):
            inset, out = 3.0 * leaf, _LEAF * leaf
            if self.style.is_vertical:
                behind = card.adjusted(20.0, inset, out, -inset)
            else:
                behind = card.adjusted(inset, -out, -inset, -20.0)
            painter.drawRoundedRect(behind, RADIUS, RADIUS)
        painter.setBrush(fill)
        painter.drawRoundedRect(card, RADIUS, RADIUS)

    def _paint_text(self, painter: QPainter) -> None:
        style, palette, card = self.style, self.style.palette, self._card_rect()
        muted = QColor(palette.muted_text)
        strong = QColor(palette.text) if self.is_prunable else muted
        left, top, bottom = card.left() + CARD_PAD, card.top() + CARD_PAD - 1, card.bottom()
        bottom += 1 - CARD_PAD
        scope, name = self._lines
        painter.setFont(style.small_font)
        painter.setPen(muted)
        painter.drawText(QPointF(left, top + style.small_rise), scope)
        painter.drawText(QPointF(left, bottom - style.small_drop), self._count_text())
        painter.setFont(style.name_font)
        painter.setPen(strong)
        painter.drawText(QPointF(left, top + style.small_height + style.name_rise), name)
        line = QRectF(left, bottom - style.small_height - style.name_height, self._inner, 0)
        line.setHeight(style.name_height)
        painter.drawText(QPointF(left, line.top() + style.name_rise), self._share_text())
        if self.is_frozen:
            paint_lock(painter, line, palette)
        elif label := self._badge() or self.group_label:
            paint_chip(painter, line, label, style, is_lit=self.is_lit)

    def _paint_large_text(self, painter: QPainter, scale: float) -> float:
        """Write name and share as small as they can be read; returns a line's height."""
        font, metrics = self.style.readable_font(scale)
        card = self._card_rect()
        name = split_name(self.block.title)[1]
        name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, card.width() - CARD_PAD)
        line = QRectF(card.left(), card.top() + CARD_PAD / 2, card.width(), metrics.height())
        painter.setFont(font)
        painter.setPen(QColor(self.style.palette.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        line.moveBottom(card.bottom() - CARD_PAD / 2)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._share_text())
        return metrics.height()

    def _paint_sign(self, painter: QPainter) -> None:
        rect = self.sign_rect
        painter.setPen(QPen(QColor(self.style.palette.muted_text), 1.4))
        painter.drawLine(
            QPointF(rect.left(), rect.center().y()), QPointF(rect.right(), rect.center().y())
        )
        painter.drawLine(
            QPointF(rect.center().x(), rect.top()), QPointF(rect.center().x(), rect.bottom())
        )

    def _make_profile(self, width: int, height: int) -> QImage:
        shares = self.counts / np.maximum(self.channels.totals, 1)
        return paint_profile(shares, self.channels.is_prunable, (width, height), self.style.palette)


def paint_profile(
    shares: NDArray[np.float64],
    is_prunable: NDArray[np.bool_],
    size: tuple[int, int],
    palette: Palette,
) -> QImage:
    """Paint a bar for each layer, as high as its kept share (0-1); `size` is in pixels.

    What is removed is a pale rest above; layers of which nothing can be removed are grey.
    """
    width, height = size
    colours = _looks(palette)
    look = np.zeros((height, width), dtype=np.int64)
    if len(shares):
        layers = np.arange(width) * len(shares) // width  # of every column of pixels
        used = np.ones(width, dtype=np.bool_)
        if width >= 4 * len(shares):  # a hairline between bars
            used[:-1] = np.diff(layers) == 0
        is_kept = np.arange(height)[:, None] >= np.round(height * (1 - shares[layers]))
        look = np.where(is_kept, 2, 1)
        look[:, ~is_prunable[layers]] = 3
        look[:, ~used] = 0
    data = np.ascontiguousarray(colours[look])
    image = QImage(data.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # the array goes; the image must own its pixels


def _looks(palette: Palette) -> NDArray[np.uint8]:
    """Colours of nothing, removed, kept and fixed, shape (4, 4), premultiplied BGRA."""
    colours = [
        blend(palette.kept, palette.surface, 0.16),
        QColor(palette.kept),
        blend(palette.frozen, palette.surface, 0.42),
    ]
    rows = [(0, 0, 0, 0), *((c.blue(), c.green(), c.red(), 255) for c in colours)]
    return np.array(rows, dtype=np.uint8)
