"""Paints attention: a row for each layer, with arcs to its neighbours and a bar of its shares."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.panels.attention_facts import Attention
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, text_font
from app.words import percent_text

ROW_PX = 22
BAR_PX = 12
NAME_SHARE, NAME_MOST_PX = 0.28, 220
LANE_PX = 180  # of the arcs, with room for a weight at each side
NUMBER_PX = 64
WEIGHT_PX = 46  # "100.0 %"
DOT_PX = 5
ARC_WIDTHS = 0.6, 4.0  # pixels at weight 0 and 1
ARC_REACH_PX = 10.0, 7.0  # of an arc: at least, and more for each row that it spans
FAINT = 0.4  # of arcs that do not end in the selected layer, while one is selected


class AttentionCanvas(QAbstractScrollArea):
    """Rows of layers in the order in which they run.

    Arcs to the left of the lane's axis bring what lies before, to the right what comes after.

    Signals:
        chosen(int): the row of a layer was clicked or reached by keys.
        pointed(int): the pointer is over the row of a layer, -1: over none.
    """

    chosen = Signal(int)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._attention: Attention | None = None
        self._selected = self._pointed = -1
        self._is_whole = False  # painted into a picture, without scrolling
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Attention between layers"))
        self.viewport().setMouseTracking(True)

    def show_attention(self, attention: Attention) -> None:
        """Show another measurement, encoder layer or head."""
        self._attention = attention
        self._arrange()

    def select(self, place: int) -> None:
        """Mark a layer's row and its arcs, -1: none; scroll to it if it is not seen."""
        if place == self._selected:
            return
        self._selected = place
        self._show_selected()
        self.viewport().update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self.viewport().update()

    def row_at(self, y: float) -> int:
        """The row at a height of the viewport, -1 outside of all."""
        row = int((y - ROW_PX + self.verticalScrollBar().value()) // ROW_PX)
        count = 0 if self._attention is None else len(self._attention.names)
        return row if y >= ROW_PX and 0 <= row < count else -1

    def bar_area(self, row: int) -> QRectF:
        """Where the bar of a row is on the viewport."""
        left = self._name_width + LANE_PX + SPACE_M
        width = max(40.0, self.viewport().width() - left - NUMBER_PX)
        return QRectF(left, self._middle(row) - BAR_PX / 2, width, BAR_PX)

    def sizeHint(self) -> QSize:
        return QSize(420, 260)

    def whole_height(self) -> int:
        """The height of all rows under their header."""
        count = 0 if self._attention is None else len(self._attention.names)
        return (1 + count) * ROW_PX + SPACE_S

    def paint_whole(self, painter: QPainter) -> None:
        """Paint all rows under their header."""
        self._is_whole = True
        self._paint(painter, self.whole_height())
        self._is_whole = False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        self._paint(painter, self.viewport().height())

    def _paint(self, painter: QPainter, height: int) -> None:
        attention = self._attention
        if attention is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(text_font("caption"))
        first = self._scrolled // ROW_PX
        last = min(len(attention.names), first + height // ROW_PX + 2)
        painter.save()
        painter.setClipRect(0, ROW_PX, self.viewport().width(), height - ROW_PX)
        for row in range(first, last):
            self._paint_row(painter, attention, row)
        self._paint_arcs(painter, attention, first, last)
        painter.restore()
        self._paint_header(painter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._show_selected()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().y())
        if row >= 0:
            self.chosen.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.row_at(event.position().y()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point(-1)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        step, attention = steps.get(Qt.Key(event.key())), self._attention
        if step is None or attention is None:
            super().keyPressEvent(event)
        else:
            row = 0 if self._selected < 0 else self._selected + step
            self.chosen.emit(min(max(row, 0), len(attention.names) - 1))

    @property
    def _name_width(self) -> float:
        return min(NAME_MOST_PX, NAME_SHARE * self.viewport().width())

    @property
    def _axis(self) -> float:
        return self._name_width + LANE_PX / 2

    def _middle(self, row: int) -> float:
        return ROW_PX + (row + 0.5) * ROW_PX - self._scrolled

    @property
    def _scrolled(self) -> int:
        """How far the rows are moved up, in pixels."""
        return 0 if self._is_whole else self.verticalScrollBar().value()

    def _show_selected(self) -> None:
        place, bar = self._selected, self.verticalScrollBar()
        room = self.viewport().height() - ROW_PX
        if place >= 0 and not bar.value() <= place * ROW_PX <= bar.value() + room - ROW_PX:
            bar.setValue(int((place + 0.5) * ROW_PX - room / 2))

    def _point(self, row: int) -> None:
        if row != self._pointed:
            self._pointed = row
            self.pointed.emit(row)

    def _arrange(self) -> None:
        room, bar = self.viewport().height(), self.verticalScrollBar()
        bar.setPageStep(room - ROW_PX)
        bar.setSingleStep(ROW_PX)
        bar.setRange(0, max(0, self.whole_height() - room))
        self.viewport().update()

    def _paint_header(self, painter: QPainter) -> None:
        painter.setPen(QColor(self._palette.muted_text))
        bar, metrics = self.bar_area(0), QFontMetricsF(painter.font())
        right = QRectF(bar.right(), 0, NUMBER_PX - SPACE_S, ROW_PX)
        half = LANE_PX / 2 - SPACE_S
        for area, flag, words in (
            (QRectF(SPACE_S, 0, self._name_width, ROW_PX), "left", self.tr("layer")),
            (QRectF(self._axis - half - 2, 0, half, ROW_PX), "right", self.tr("from before")),
            (QRectF(self._axis + SPACE_S + 2, 0, half, ROW_PX), "left", self.tr("from after")),
            (
                QRectF(bar.left(), 0, bar.width(), ROW_PX),
                "left",
                self.tr("share of attention"),
            ),
            (right, "right", self.tr("evenness")),
        ):
            align = Qt.AlignmentFlag.AlignRight if flag == "right" else Qt.AlignmentFlag.AlignLeft
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, align | Qt.AlignmentFlag.AlignVCenter, words)
        painter.fillRect(
            QRectF(0, ROW_PX - 1, self.viewport().width(), 1), QColor(self._palette.outline)
        )

    def _paint_row(self, painter: QPainter, attention: Attention, row: int) -> None:
        palette, middle = self._palette, self._middle(row)
        is_selected = row == self._selected
        if is_selected:
            whole = QRectF(0, middle - ROW_PX / 2, self.viewport().width(), ROW_PX)
            painter.fillRect(whole, QColor(palette.accent_soft))
            painter.fillRect(QRectF(0, whole.top(), 3, ROW_PX), QColor(palette.accent))
        painter.setPen(QColor(palette.text if is_selected else palette.muted_text))
        metrics = QFontMetricsF(painter.font())
        room = QRectF(SPACE_S + 2, middle - ROW_PX / 2, self._name_width - SPACE_M, ROW_PX)
        name = metrics.elidedText(attention.names[row], Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(palette.accent if is_selected else palette.edge))
        painter.drawEllipse(QPointF(self._axis, middle), DOT_PX / 2, DOT_PX / 2)
        self._paint_bar(painter, attention, row, is_selected)

    def _paint_bar(
        self, painter: QPainter, attention: Attention, row: int, is_selected: bool
    ) -> None:
        palette, area = self._palette, self.bar_area(row)
        colours = palette.accuracy, palette.edge, palette.reward
        left = area.left()
        evenly = area.left()
        painter.setFont(text_font("caption"))
        for place, colour in enumerate(colours):
            width = float(attention.shares[row, place]) * area.width()
            painter.fillRect(QRectF(left, area.top(), max(0.0, width - 1), BAR_PX), QColor(colour))
            left += width
            evenly += float(attention.even_shares[row, place]) * area.width()
            if place < 2 and area.left() < evenly < area.right() - 1:
                tick = QRectF(evenly - 0.75, area.top() - 3, 1.5, BAR_PX + 6)
                painter.fillRect(tick, QColor(palette.text))
        evenness = float(attention.evenness[row])
        words = "–" if evenness != evenness else percent_text(evenness)
        painter.setPen(QColor(palette.text if is_selected else palette.muted_text))
        room = QRectF(area.right(), area.top() - 5, NUMBER_PX - SPACE_S, BAR_PX + 10)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_arcs(self, painter: QPainter, attention: Attention, first: int, last: int) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        top = np.minimum(attention.source, attention.target)
        bottom = np.maximum(attention.source, attention.target)
        is_marked = attention.target == self._selected
        for edges in (~is_marked, is_marked):  # those of the selected layer above the others
            for edge in np.flatnonzero(edges & (top < last) & (bottom >= first)):
                self._paint_arc(
                    painter,
                    int(attention.source[edge]),
                    int(attention.target[edge]),
                    float(attention.weight[edge]),
                )

    def _paint_arc(self, painter: QPainter, source: int, row: int, weight: float) -> None:
        is_marked = row == self._selected
        if is_marked:
            self._paint_number(painter, source, row, weight)
        if source == row:
            return
        side = -1 if source < row else 1
        colour = QColor(self._palette.accuracy if side < 0 else self._palette.reward)
        faint = FAINT if self._selected >= 0 else 1.0
        colour.setAlphaF(1.0 if is_marked else faint * (0.4 + 0.6 * weight))
        start, end, x = self._middle(source), self._middle(row), self._axis
        least, more = ARC_REACH_PX
        room = LANE_PX / 2 - WEIGHT_PX
        reach = side * min(room, least + more * (abs(row - source) - 1)) * 4 / 3
        path = QPainterPath(QPointF(x, start))
        path.cubicTo(x + reach, start, x + reach, end, x, end)
        thin, thick = ARC_WIDTHS
        painter.setPen(QPen(colour, thin + (thick - thin) * weight))
        painter.drawPath(path)

    def _paint_number(self, painter: QPainter, source: int, row: int, weight: float) -> None:
        """Write a weight into the row that is looked at, on the side of its arc."""
        half = LANE_PX / 2
        left = self._axis - half if source <= row else self._axis
        area = QRectF(left, self._middle(source) - ROW_PX / 2, half, ROW_PX)
        flag = Qt.AlignmentFlag.AlignLeft if source <= row else Qt.AlignmentFlag.AlignRight
        painter.setPen(QColor(self._palette.text))
        painter.drawText(area, flag | Qt.AlignmentFlag.AlignVCenter, percent_text(weight))
