"""Two masks over depth: for each layer a strip of channels, and bars of how alike they are."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from app.panels.compare_bars import BarPainter, Columns
from app.panels.compare_facts import Compared
from app.panels.compare_strip import paint_strip
from app.panels.masks_cells import Pixels
from app.theme import LIGHT, SPACE_M, SPACE_S, SPACE_XS, Palette, text_font
from core.comparison_rows import RowComparison

MOST_ROW_PX = 26
MOVES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}


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
        return Columns.within(view.width(), view.height(), widest, metrics)

    @property
    def whole_height(self) -> float:
        """Of header and all rows, in logical pixels."""
        return float(self._header_height + len(self._rows) * self._row_height + SPACE_S)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        first = self.row_at(self._header_height) or 0
        last = self.row_at(self.viewport().height() - 1)
        self._paint(painter, range(first, len(self._rows) if last is None else last + 1), 0)

    def paint_all(self, painter: QPainter) -> None:
        """Paint all rows, also those that are not seen."""
        size = QSizeF(self.viewport().width(), self.whole_height)
        painter.fillRect(QRectF(QPointF(), size), QColor(self._palette.surface))
        self._paint(painter, range(len(self._rows)), self.verticalScrollBar().value())

    def _paint(self, painter: QPainter, rows: range, lowered: int) -> None:
        """Paint header and rows, these lowered by so many pixels from where they are seen."""
        if self._compared is None:
            return
        painter.setFont(text_font("caption"))
        columns, header = self.columns(), self._header_height
        bars = BarPainter(painter, columns, self._palette, self._metrics)
        bars.grid(header, self.row_area(len(self._rows) - 1).bottom() + lowered)
        bars.header((self._strip_title, self.tr("Jaccard index"), self.tr("Rank correlation")))
        painter.setClipRect(QRectF(0, header, self.viewport().width(), self.whole_height))
        for row in rows:
            area, data = self.row_area(row).translated(0, lowered), self._rows[row]
            is_selected = row in self._selected
            bars.label(area, data.row.layer, self._counts[row], is_selected=is_selected)
            corner = QPointF(columns.strip.left(), area.top() + SPACE_XS)
            painter.drawImage(corner, self._strip_image(row, columns))
            bars.jaccard(area, data.jaccard, data.chance_jaccard)
            bars.rank(area, data.rank_correlation, len(data.states))
        painter.setClipping(False)

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
