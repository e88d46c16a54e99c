"""Paints a layer's channels: each one's filter and its activations on a few images."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.panels.filters_tiles import (
    HEADING_PX,
    LABEL_PX,
    STRIP_GAP_PX,
    Strips,
    TileSheet,
    picture_image,
)
from app.panels.mask_strip import CellLook, paint_cell
from app.theme import LIGHT, SPACE_S, SPACE_XS, Palette, text_font
from core.events import BoolArray, LayerLookedInto

MARK_PX = 10
OUTLINE_PX = 2.0
KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class FiltersCanvas(QAbstractScrollArea):
    """A strip for each output channel under the images that it answers to.

    Signals:
        chosen(int): an output channel was clicked or reached by keys.
        pointed(int): the pointer is over an output channel, -1: over none.
    """

    chosen = Signal(int)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self.seen: LayerLookedInto | None = None
        self._kept = self._fixed = np.zeros(0, dtype=np.bool_)
        self._selected: frozenset[int] = frozenset()
        self._pointed = -1
        self.filters = self.activations = TileSheet(np.zeros((0, 0, 1, 1), dtype=np.float32))
        self.strips = Strips(40, 0, 1, (), ())
        self._pictures: list[QImage] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Filters and activations of the selected layer"))
        self.viewport().setMouseTracking(True)

    def show_layer(self, seen: LayerLookedInto, kept: BoolArray, fixed: BoolArray) -> None:
        """Show a layer under a mask; kept and fixed are (output channels,)."""
        if seen is not self.seen:
            self.seen = seen
            self.filters = TileSheet(seen.filters[None])
            self.activations = TileSheet(seen.activations)
            self._pictures = [picture_image(picture) for picture in seen.images]
            self.verticalScrollBar().setValue(0)
        self._kept, self._fixed = kept, fixed
        self.use_palette(self._palette)
        self._arrange()

    def select(self, places: frozenset[int]) -> None:
        """Outline output channels, and scroll to the first if it is not seen."""
        if places == self._selected:
            return
        self._selected = places
        if places and self.seen is not None:
            area = self.strips.area(min(places))
            bar, room = self.verticalScrollBar(), self.viewport().height() - self._header_height
            if not bar.value() <= area.top() <= bar.value() + room - area.height():
                bar.setValue(int(area.top() - HEADING_PX))
        self.viewport().update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self.filters.use_palette(palette)
        self.activations.use_palette(palette)
        self.viewport().update()

    def sizeHint(self) -> QSize:
        return QSize(360, 240)

    def whole_height(self) -> int:
        """The height of all strips under the images."""
        return self._header_height + self.strips.height

    def paint_whole(self, painter: QPainter) -> None:
        """Paint all strips under the images."""
        self._paint(painter, 0, self.whole_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        self._paint(painter, self.verticalScrollBar().value(), self.viewport().height())

    def _paint(self, painter: QPainter, first: int, height: int) -> None:
        """Paint the images, and below them the strips from `first` on, into `height`."""
        if self.seen is None:
            return
        painter.setFont(text_font("caption"))
        top, width = self._header_height, self.viewport().width()
        painter.save()
        painter.setClipRect(0, top, width, height - top)
        painter.translate(0, top - first)
        self._paint_heading(painter, 0, self.tr("Kept: {}"), self.strips.kept)
        below = self.strips.top_of_removed
        self._paint_heading(painter, below, self.tr("Removed: {}"), self.strips.removed)
        for place in self.strips.kept + self.strips.removed:
            area = self.strips.area(place)
            if area.bottom() >= first and area.top() <= first + height:
                self._paint_strip(painter, place, area)
        painter.restore()
        self._paint_header(painter)
        if first:
            painter.fillRect(0, top - 1, width, 1, QColor(self._palette.outline))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        if place is not None:
            self.chosen.emit(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        self._point(-1 if place is None else place)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point(-1)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        order = self.strips.kept + self.strips.removed
        step = KEYS.get(Qt.Key(event.key()))
        if step is None or not order:
            super().keyPressEvent(event)
        elif self._selected:
            self.chosen.emit(self.strips.neighbour(min(self._selected), *step))
        else:
            self.chosen.emit(order[0])

    def place_at(self, point: QPointF) -> int | None:
        """The output channel at a point of the viewport."""
        y = point.y() - self._header_height
        return (
            None if y < 0 else self.strips.place_at(point.x(), y + self.verticalScrollBar().value())
        )

    @property
    def _header_height(self) -> int:
        return self.strips.tile + round(QFontMetricsF(text_font("caption")).height()) + SPACE_S

    def _point(self, place: int) -> None:
        if place != self._pointed:
            self._pointed = place
            self.pointed.emit(place)

    def _arrange(self) -> None:
        if self.seen is None:
            return
        room = self.viewport().size()
        self.strips = Strips.fit(
            room.width(),
            room.height() - self._header_height,
            len(self.seen.activations),
            tuple(np.flatnonzero(self._kept).tolist()),
            tuple(np.flatnonzero(~self._kept).tolist()),
        )
        bar, shown = self.verticalScrollBar(), room.height() - self._header_height
        bar.setPageStep(shown)
        bar.setSingleStep(self.strips.row_height)
        bar.setRange(0, max(0, self.strips.height - shown))
        self.viewport().update()

    def _paint_header(self, painter: QPainter) -> None:
        """The images, over every column of strips."""
        seen, strips = self.seen, self.strips
        assert seen is not None
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QColor(self._palette.muted_text))
        count = max(len(strips.kept), len(strips.removed))
        for column in range(min(strips.columns, count)):
            left = column * (strips.strip_width + STRIP_GAP_PX) + LABEL_PX
            for tile in range(1 + strips.images):
                area = QRectF(left + tile * (strips.tile + 4), 0, strips.tile, strips.tile)
                words = QRectF(
                    area.left(), area.bottom(), area.width(), metrics.height() + SPACE_XS
                )
                if tile:
                    painter.drawImage(area, self._pictures[tile - 1])
                text = seen.labels[tile - 1] if tile else self.tr("filter")
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, words.width())
                painter.drawText(words, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_heading(
        self, painter: QPainter, top: int, words: str, places: tuple[int, ...]
    ) -> None:
        if places:
            painter.setFont(text_font("caption", bold=True))
            painter.setPen(QColor(self._palette.text))
            area = QRectF(0, top, self.viewport().width(), HEADING_PX)
            text = words.format(len(places))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
            painter.setFont(text_font("caption"))

    def _paint_strip(self, painter: QPainter, place: int, area: QRectF) -> None:
        palette, is_selected = self._palette, place in self._selected
        if is_selected:
            painter.fillRect(area.adjusted(-2, -2, 2, 2), QColor(palette.accent_soft))
        mark = QRectF(area.left() + 3, area.center().y() - MARK_PX / 2, MARK_PX, MARK_PX)
        paint_cell(painter, mark, self._look(place), palette)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(palette.text if is_selected else palette.muted_text))
        label = QRectF(area.left(), area.top(), LABEL_PX - 6, area.height())
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(label, right, str(place))
        for tile in range(1 + self.strips.images):
            sheet = self.activations if tile else self.filters
            target = self.strips.tile_area(place, tile)
            sheet.paint(painter, target, max(0, tile - 1), place)
            painter.setPen(QPen(QColor(palette.outline), 1))
            painter.drawRect(target.adjusted(0, 0, -1, -1))
        if is_selected:
            painter.setPen(QPen(QColor(palette.accent), OUTLINE_PX))
            painter.drawRect(area.adjusted(1, -1, 1, 1))

    def _look(self, place: int) -> CellLook:
        if self._fixed[place]:
            return CellLook(self._palette.frozen, is_filled=True, is_barred=True)
        is_kept = bool(self._kept[place])
        return CellLook(self._palette.kept if is_kept else self._palette.edge, is_filled=is_kept)
