"""Paints the mask matrix: a row of cells for each layer, as one image of what is seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.panels.masks_cells import Codes, Pixels, cell_looks, paint_cells
from app.panels.masks_labels import RowLabel, paint_label
from app.panels.masks_layout import CELL_SIZES, Cell, MatrixLayout, comfortable_cell
from app.selection import NO_CHANNEL
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, text_font

LABEL_SHARE = 0.36  # of the width, at most
OUTLINE_PX = 2.0


class MaskCanvas(QAbstractScrollArea):
    """Shows looks of channels and knows where each is; what they mean, the panel knows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._labels: Sequence[RowLabel] = ()
        self._label_width = 0
        self._order = np.zeros(0, dtype=np.int64)  # channel ids as they are shown
        self._position = self._order  # where in the order each channel id is
        self._starts = np.zeros(1, dtype=np.int64)  # of the rows in the order
        self._codes: Codes = np.zeros(0, dtype=np.int16)
        self._chosen_size: int | None = None  # of cells; None: a comfortable one
        self._layout = MatrixLayout((), 8, 1, 1, 0)
        self._pixels: Pixels = np.zeros((1, 1), dtype=np.uint32)  # that the image shows
        self._image: QImage | None = None
        self._image_top = 0
        self._selected_rows: frozenset[int] = frozenset()
        self._selected = self._cursor = self._anchor = self._hovered = NO_CHANNEL
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def cell_px(self) -> float:
        """The side of a cell, in logical pixels."""
        return self._layout.cell / self._ratio

    def show_rows(self, labels: Sequence[RowLabel], counts: Sequence[int]) -> None:
        """Show other rows; nothing is selected or marked in them."""
        self._labels = labels
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        self._selected = self._cursor = self._anchor = self._hovered = NO_CHANNEL
        self._selected_rows = frozenset()
        self._order = np.zeros(0, dtype=np.int64)
        self._codes = np.zeros(0, dtype=np.int16)
        self.verticalScrollBar().setValue(0)
        self._arrange()

    def show_cells(
        self, labels: Sequence[RowLabel], order: NDArray[np.int64], codes: Codes
    ) -> None:
        """Show channel ids in an order, row by row, each as its code says; both (channels,)."""
        self._labels = labels
        if order is not self._order:
            self._order = order
            self._position = np.empty_like(order)
            self._position[order] = np.arange(len(order))
        self._codes = codes
        self._repaint()

    def select(self, rows: Sequence[int], channel: int) -> None:
        """Outline rows and a channel, and scroll to them if they are not seen."""
        self._selected_rows, self._selected = frozenset(rows), channel
        if len(self._order) and channel != NO_CHANNEL:
            self._cursor = self._anchor = channel
            self._scroll_to(self.cell_of(channel))
        elif len(self._order) and rows:
            self._scroll_between(*self._layout.tops[rows[0] : rows[0] + 2].tolist())
        self.viewport().update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self._arrange()

    def marked(self) -> list[int]:
        """Channel ids from where marking began to the cursor, within the cursor's row."""
        if self._cursor == NO_CHANNEL or not len(self._order):
            return []
        end, start = (int(self._position[c]) for c in (self._cursor, self._anchor))
        row = self.cell_of(self._cursor).row
        start = min(max(start, int(self._starts[row])), int(self._starts[row + 1]) - 1)
        ids: list[int] = self._order[min(start, end) : max(start, end) + 1].tolist()
        return ids

    def cell_of(self, channel: int) -> Cell:
        """Where a channel is shown."""
        flat = int(self._position[channel])
        row = int(np.searchsorted(self._starts, flat, side="right")) - 1
        return Cell(row, flat - int(self._starts[row]))

    def channel_of(self, cell: Cell) -> int:
        """The channel id that a cell shows."""
        return int(self._order[self._starts[cell.row] + cell.place])

    def area_of(self, channel: int) -> QRectF:
        """The channel's cell on the viewport, in logical pixels."""
        left, top = self._layout.corner(self.cell_of(channel))
        y = (top - self._top) / self._ratio
        return QRectF(self._label_width + left / self._ratio, y, self.cell_px, self.cell_px)

    def channel_at(self, point: QPointF) -> int:
        """The channel id at a point of the viewport, or NO_CHANNEL."""
        x = int((point.x() - self._label_width) * self._ratio)
        cell = self._layout.cell_at(x, int(point.y() * self._ratio) + self._top)
        return NO_CHANNEL if cell is None or not len(self._order) else self.channel_of(cell)

    def row_at(self, point: QPointF) -> int | None:
        """The row at a point of the viewport."""
        return self._layout.row_at(int(point.y() * self._ratio) + self._top)

    def zoom(self, steps: int) -> None:
        """Make cells larger or smaller; 0 steps: as is comfortable."""
        place = int(np.searchsorted(CELL_SIZES, round(self.cell_px))) + steps
        place = min(max(place, 0), len(CELL_SIZES) - 1)
        self._chosen_size = CELL_SIZES[place] if steps else None
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        if not len(self._codes):
            return
        if self._image is None or self._image_top != self._top:
            self._image, self._image_top = self._paint_image(), self._top
        painter.drawImage(QPointF(self._label_width, 0), self._image)
        self._paint_labels(painter, self._top, self.viewport().height())
        self._paint_outlines(painter)

    @property
    def whole_height(self) -> float:
        """Of all rows, in logical pixels."""
        return self._layout.height / self._ratio

    def paint_all(self, painter: QPainter) -> None:
        """Paint all rows, also those that are not seen, without what points at channels."""
        size = QSizeF(self.viewport().width(), self.whole_height)
        painter.fillRect(QRectF(QPointF(), size), QColor(self._palette.surface))
        if len(self._codes):
            pixels = np.empty((self._layout.height, self._layout.width), dtype=np.uint32)
            painter.drawImage(QPointF(self._label_width, 0), self._paint_cells(pixels, 0))
            self._paint_labels(painter, 0, self.whole_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.DevicePixelRatioChange):
            self._arrange()

    @property
    def _ratio(self) -> float:
        return self.viewport().devicePixelRatioF()

    @property
    def _top(self) -> int:
        """Device pixels above what is seen."""
        return round(self.verticalScrollBar().value() * self._ratio)

    def _repaint(self) -> None:
        self._image = None
        self.viewport().update()

    def _arrange(self) -> None:
        """Choose the size of the cells and find where each is."""
        view, ratio = self.viewport(), self._ratio
        metrics = QFontMetricsF(text_font("caption"))
        widest = max(
            (metrics.horizontalAdvance(label.words) for label in self._labels), default=0.0
        )
        self._label_width = int(min(widest + 4 * SPACE_M, LABEL_SHARE * view.width()))
        counts = tuple(np.diff(self._starts).tolist())
        width, least = view.width() - self._label_width, metrics.height()
        size = self._chosen_size or comfortable_cell(counts, width, view.height(), least, SPACE_S)
        is_wrapped = max(counts, default=0) * size > width
        self._layout = MatrixLayout(
            counts,
            cell=max(2, round(size * ratio)),
            width=max(1, int(width * ratio)),
            least_height=int(np.ceil(least * ratio)),
            gap=round((SPACE_M if is_wrapped else SPACE_S) * ratio),
        )
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, int(np.ceil(self._layout.height / ratio)) - view.height()))
        bar.setPageStep(view.height())
        bar.setSingleStep(max(1, round(least + SPACE_S)))
        self._repaint()

    def _scroll_to(self, cell: Cell) -> None:
        top = self._layout.corner(cell)[1]
        self._scroll_between(top, top + self._layout.cell)

    def _scroll_between(self, top: int, bottom: int) -> None:
        """Scroll until two heights, in device pixels, are seen; the upper one if not both can."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        lowest, highest = top / self._ratio - SPACE_M, bottom / self._ratio + SPACE_M - height
        if bar.value() < highest or bar.value() > lowest:
            bar.setValue(int(min(lowest, max(bar.value(), highest))))

    def _paint_image(self) -> QImage:
        shape = max(1, round(self.viewport().height() * self._ratio)), self._layout.width
        if self._pixels.shape != shape:
            self._pixels = np.empty(shape, dtype=np.uint32)
        return self._paint_cells(self._pixels, self._top)

    def _paint_cells(self, pixels: Pixels, top: int) -> QImage:
        """Paint what is seen from `top` on into pixels, which the image goes on using."""
        layout = self._layout
        pixels.fill(QColor(self._palette.surface).rgb())
        height, width = pixels.shape
        looks, codes = cell_looks(layout.cell, self._palette), self._codes[self._order]
        for row in layout.rows_between(top, top + height):
            own = codes[self._starts[row] : self._starts[row + 1]]
            y = layout.corner(Cell(row, 0))[1] - top
            paint_cells(pixels, looks, own, layout.columns, y)
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self._ratio)
        return image

    def _paint_labels(self, painter: QPainter, top: int, height: float) -> None:
        ratio, layout = self._ratio, self._layout
        for row in layout.rows_between(top, top + round(height * ratio)):
            start, end = ((int(y) - top) / ratio for y in layout.tops[row : row + 2])
            paint_label(
                painter,
                QRectF(0, start, self._label_width, end - start),
                self._labels[row],
                self.cell_px,
                self._palette,
                is_selected=row in self._selected_rows,
            )

    def _paint_outlines(self, painter: QPainter) -> None:
        accent, text = QColor(self._palette.accent), QColor(self._palette.text)
        if self._hovered != NO_CHANNEL:
            self._outline(painter, self._hovered, QPen(text, 1))
        marked = self.marked()
        for channel in marked if len(marked) > 1 else ():
            self._outline(painter, channel, QPen(accent, 1))
        if self._selected != NO_CHANNEL:
            self._outline(painter, self._selected, QPen(accent, OUTLINE_PX))
        if self._cursor not in (NO_CHANNEL, self._selected) and self.hasFocus():
            self._outline(painter, self._cursor, QPen(accent, OUTLINE_PX, Qt.PenStyle.DotLine))

    def _outline(self, painter: QPainter, channel: int, pen: QPen) -> None:
        out = pen.widthF() / 2
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.area_of(channel).adjusted(-out, -out, out - 1, out - 1))
