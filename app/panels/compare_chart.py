"""Two masks over depth: for each layer a strip of channels, and bars of how alike they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from app.panels.compare_facts import Compared
from app.panels.compare_strip import paint_strip
from app.panels.masks_cells import Pixels
from app.theme import LIGHT, SPACE_L, SPACE_M, SPACE_S, SPACE_XS, Palette, blend, text_font
from core.comparison_rows import RowComparison

LABEL_SHARE = 0.32  # of the width, at most
STRIP_SHARE = 0.5  # of what the labels leave
MOST_ROW_PX = 26
BAR_PX = 3  # at the left of the selected row
CHANCE_Z = 1.96  # two-sided 5 %: rank correlations within are no more than chance
JACCARD_TICKS = ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))
RANK_TICKS = ((-1.0, "−1"), (0.0, "0"), (1.0, "1"))
MOVES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}


@dataclass(frozen=True)
class Columns:
    """Where the columns stand, in logical pixels."""

    label: QRectF
    strip: QRectF
    jaccard: QRectF
    rank: QRectF
    number_width: float  # at the right of each column of bars; 0: no room for numbers

    def bar(self, column: QRectF) -> QRectF:
        """A column of bars without its numbers."""
        return column.adjusted(0, 0, -self.number_width, 0)


class CompareChart(QAbstractScrollArea):
    """A row for each layer, in the order in which they run.

    Signals:
        row_chosen(int): a row was clicked or reached by keys.
        channel_chosen(int, int): a channel was clicked: its row, its place in the row.
    """

    row_chosen = Signal(int)
    channel_chosen = Signal(int, int)

    def __init__(self, describe: Callable[[int], str], parent: QWidget | None = None) -> None:
        """`describe` gives the tooltip of a row."""
        super().__init__(parent)
        self._describe = describe
        self._palette = LIGHT
        self._compared: Compared | None = None
        self._counts: Sequence[str] = ()
        self._strip_title = ""
        self._selected: frozenset[int] = frozenset()
        self._strips: dict[int, tuple[NDArray[np.int8], Pixels]] = {}  # states and their paint
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Masks compared, layer by layer"))

    def show_comparison(
        self, compared: Compared | None, counts: Sequence[str], strip_title: str
    ) -> None:
        """Show another comparison; `counts` stand beside the layers' names."""
        self._compared, self._counts, self._strip_title = compared, counts, strip_title
        self._arrange()

    def select(self, rows: Sequence[int]) -> None:
        """Highlight rows, and scroll to the first if it is not seen."""
        if self._selected == frozenset(rows):
            return
        self._selected = frozenset(rows)
        if rows:
            bar, room = self.verticalScrollBar(), self.viewport().height() - self._header_height
            top = rows[0] * self._row_height
            lowest, highest = top, top + self._row_height - room
            bar.setValue(round(min(lowest, max(bar.value(), highest))))
        self.viewport().update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self._strips.clear()
        self._arrange()

    def row_at(self, y: float) -> int | None:
        """The row at a height of the viewport."""
        row = int((y - self._header_height + self.verticalScrollBar().value()) // self._row_height)
        return row if y >= self._header_height and 0 <= row < len(self._rows) else None

    def row_area(self, row: int) -> QRectF:
        """A row on the viewport, over its whole width."""
        top = self._header_height + row * self._row_height - self.verticalScrollBar().value()
        return QRectF(0, top, self.viewport().width(), self._row_height)

    def columns(self) -> Columns:
        """Where the columns stand now; heights are the viewport's."""
        metrics, view = self._metrics, self.viewport()
        names = (f"{r.row.layer} {c}" for r, c in zip(self._rows, self._counts, strict=True))
        widest = max(map(metrics.horizontalAdvance, names), default=0.0)
        label = min(widest + 3 * SPACE_M + BAR_PX, LABEL_SHARE * view.width())
        number = metrics.horizontalAdvance("−0.00") + SPACE_M
        room = view.width() - label - 2 * SPACE_L - SPACE_M
        strip = STRIP_SHARE * room
        bars, height = (room - strip) / 2, float(view.height())
        number = number if bars > 3 * number else 0.0
        x = label + strip + SPACE_L
        return Columns(
            QRectF(SPACE_M, 0, label - 2 * SPACE_M, height),
            QRectF(round(label), 0, round(strip), height),
            QRectF(x, 0, bars, height),
            QRectF(x + bars + SPACE_L, 0, bars, height),
            number,
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        if self._compared is None:
            return
        painter.setFont(text_font("caption"))
        columns = self.columns()
        self._paint_grid(painter, columns)
        first = self.row_at(self._header_height) or 0
        last = self.row_at(self.viewport().height() - 1)
        stop = len(self._rows) if last is None else last + 1
        painter.setClipRect(self.viewport().rect().adjusted(0, round(self._header_height), 0, 0))
        for row in range(first, stop):
            self._paint_row(painter, row, columns)
        painter.setClipping(False)
        self._paint_header(painter, columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos().y())
            text = "" if row is None else self._describe(row)
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().y())
        if row is None or self._compared is None or event.button() != Qt.MouseButton.LeftButton:
            return
        strip = self.columns().strip
        share = (event.position().x() - strip.left()) / strip.width()
        order = self._compared.order[row]
        if 0 <= share < 1:
            self.channel_chosen.emit(row, int(order[int(share * len(order))]))
        else:
            self.row_chosen.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in MOVES and self._rows:
            here = min(self._selected, default=-1)
            row = here + MOVES[Qt.Key(event.key())]
            self.row_chosen.emit(min(max(row, 0), len(self._rows) - 1))
        else:
            super().keyPressEvent(event)

    @property
    def _rows(self) -> tuple[RowComparison, ...]:
        return () if self._compared is None else self._compared.result.rows

    @property
    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(text_font("caption"))

    @property
    def _row_height(self) -> int:
        """As high as the text, higher where there is room."""
        least = int(self._metrics.height()) + SPACE_S + SPACE_XS
        room = (self.viewport().height() - self._header_height) // max(1, len(self._rows))
        return max(least, min(room, MOST_ROW_PX))

    @property
    def _header_height(self) -> int:
        return 2 * int(self._metrics.height()) + SPACE_M

    def _arrange(self) -> None:
        room = self.viewport().height() - self._header_height
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, len(self._rows) * self._row_height + SPACE_S - room))
        bar.setPageStep(max(1, room))
        bar.setSingleStep(self._row_height)
        self.viewport().update()

    def _paint_header(self, painter: QPainter, columns: Columns) -> None:
        height = self._metrics.height()
        titles = (
            (columns.strip, self._strip_title),
            (columns.jaccard, self.tr("Jaccard index")),
            (columns.rank, self.tr("Rank correlation")),
        )
        painter.setPen(QColor(self._palette.text))
        for column, title in titles:
            area = QRectF(column.left(), SPACE_XS, column.width(), height)
            shown = self._metrics.elidedText(title, Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft, shown)
        painter.setPen(QColor(self._palette.muted_text))
        for bar, ticks, low in (
            (columns.bar(columns.jaccard), JACCARD_TICKS, 0.0),
            (columns.bar(columns.rank), RANK_TICKS, -1.0),
        ):
            for value, text in ticks:
                x = _across(bar, value, low)
                area = QRectF(x - 2 * SPACE_L, SPACE_XS + height, 4 * SPACE_L, height)
                painter.drawText(area, Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_grid(self, painter: QPainter, columns: Columns) -> None:
        painter.setPen(QPen(QColor(self._palette.grid), 1))
        bottom = self.row_area(len(self._rows) - 1).bottom() if self._rows else 0.0
        for bar, ticks, low in (
            (columns.bar(columns.jaccard), JACCARD_TICKS, 0.0),
            (columns.bar(columns.rank), RANK_TICKS, -1.0),
        ):
            for value, _ in ticks:
                x = round(_across(bar, value, low)) + 0.5
                painter.drawLine(QPointF(x, self._header_height), QPointF(x, bottom))

    def _paint_row(self, painter: QPainter, row: int, columns: Columns) -> None:
        palette, area, data = self._palette, self.row_area(row), self._rows[row]
        if row in self._selected:
            behind = QRectF(0, area.top(), columns.strip.left() - SPACE_S, area.height())
            painter.fillRect(behind, QColor(palette.accent_soft))
            painter.fillRect(QRectF(0, area.top(), BAR_PX, area.height()), QColor(palette.accent))
        middle = Qt.AlignmentFlag.AlignVCenter
        label = QRectF(columns.label.left(), area.top(), columns.label.width(), area.height())
        painter.setPen(QColor(palette.muted_text))
        count = self._counts[row]
        painter.drawText(label, Qt.AlignmentFlag.AlignRight | middle, count)
        room = label.width() - self._metrics.horizontalAdvance(count) - SPACE_M
        name = self._metrics.elidedText(data.row.layer, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(QColor(palette.text))
        painter.drawText(label, Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.drawImage(
            QPointF(columns.strip.left(), area.top() + SPACE_XS), self._strip_image(row, columns)
        )
        self._paint_jaccard(painter, data, columns.jaccard, columns, area)
        self._paint_rank(painter, data, columns.rank, columns, area)

    def _strip_image(self, row: int, columns: Columns) -> QImage:
        assert self._compared is not None
        ratio = self.viewport().devicePixelRatioF()
        width = max(1, round(columns.strip.width() * ratio))
        height = round((self._row_height - 2 * SPACE_XS) * ratio)
        states = self._rows[row].states[self._compared.order[row]]
        painted, pixels = self._strips.get(row, (None, None))
        if (
            painted is None
            or pixels is None
            or pixels.shape != (height, width)
            or not np.array_equal(painted, states)
        ):
            pixels = paint_strip(states, width, height, self._palette)
            self._strips[row] = states, pixels
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        return image

    def _paint_jaccard(
        self,
        painter: QPainter,
        data: RowComparison,
        column: QRectF,
        columns: Columns,
        area: QRectF,
    ) -> None:
        bar = _inside(columns.bar(column), area)
        width = _across(bar, data.jaccard, 0.0) - bar.left()
        painter.fillRect(QRectF(bar.left(), bar.top(), width, bar.height()), self._bar_colour())
        self._paint_number(painter, f"{data.jaccard:.2f}", column, columns, area)
        x = round(_across(bar, data.chance_jaccard, 0.0))
        painter.fillRect(QRectF(x - 1, area.top() + 1, 2, area.height() - 2), self._palette.text)

    def _paint_rank(
        self,
        painter: QPainter,
        data: RowComparison,
        column: QRectF,
        columns: Columns,
        area: QRectF,
    ) -> None:
        bar = _inside(columns.bar(column), area)
        value = data.rank_correlation
        if value is None:
            self._paint_number(painter, "–", column, columns, area)
            return
        start, end = sorted((_across(bar, 0.0, -1.0), _across(bar, value, -1.0)))
        painter.fillRect(QRectF(start, bar.top(), end - start, bar.height()), self._bar_colour())
        self._paint_number(painter, f"{value:.2f}".replace("-", "−"), column, columns, area)
        # how far a correlation of so few channels goes by chance
        reach = min(1.0, CHANCE_Z / (len(data.states) - 1) ** 0.5)
        for side in (-reach, reach):
            x = round(_across(bar, side, -1.0))
            mark = QRectF(x - 1, area.top() + 1, 2, area.height() - 2)
            painter.fillRect(mark, self._palette.text)

    def _paint_number(
        self, painter: QPainter, text: str, column: QRectF, columns: Columns, area: QRectF
    ) -> None:
        if not columns.number_width:
            return
        painter.setPen(QColor(self._palette.muted_text))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRectF(column.left(), area.top(), column.width(), area.height()), right, text
        )

    def _bar_colour(self) -> QColor:
        return blend(self._palette.muted_text, self._palette.surface, 0.55)


def _across(bar: QRectF, value: float, low: float) -> float:
    """Where a value of an axis from `low` to 1 is on a bar."""
    return bar.left() + (value - low) / (1.0 - low) * bar.width()


def _inside(bar: QRectF, area: QRectF) -> QRectF:
    return QRectF(bar.left(), area.top() + SPACE_S, bar.width(), area.height() - 2 * SPACE_S)
