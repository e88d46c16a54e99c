"""The columns of the comparison chart: their places, headers, labels and bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XS, Palette, blend

LABEL_SHARE = 0.32  # of the width, at most
STRIP_SHARE = 0.5  # of what the labels leave
MARKER_PX = 3  # at the left of the selected row
MARK_PX = 2  # of what chance would do
CHANCE_Z = 1.96  # two-sided 5 %: rank correlations within are no more than chance


@dataclass(frozen=True)
class Axis:
    """Values along a column, from `low` to 1."""

    low: float
    ticks: tuple[tuple[float, str], ...]

    def across(self, bar: QRectF, value: float) -> float:
        """Where a value is on a bar."""
        return bar.left() + (value - self.low) / (1.0 - self.low) * bar.width()


JACCARD = Axis(0.0, ((0.0, "0"), (0.5, "0.5"), (1.0, "1")))
RANK = Axis(-1.0, ((-1.0, "−1"), (0.0, "0"), (1.0, "1")))


@dataclass(frozen=True)
class Columns:
    """Where the columns stand over the whole height, in logical pixels."""

    label: QRectF
    strip: QRectF
    jaccard: QRectF
    rank: QRectF
    number_width: float  # at the right of each column of bars; 0: no room for numbers

    @classmethod
    def within(cls, width: float, height: float, label: float, metrics: QFontMetricsF) -> "Columns":
        """Divide a width; `label` is what the widest label needs."""
        label = min(label + 3 * SPACE_M + MARKER_PX, LABEL_SHARE * width)
        number = metrics.horizontalAdvance("−0.00") + SPACE_M
        room = width - label - 2 * SPACE_L - SPACE_M
        strip = STRIP_SHARE * room
        bars = (room - strip) / 2
        x = label + strip + SPACE_L
        return cls(
            QRectF(SPACE_M, 0, label - 2 * SPACE_M, height),
            QRectF(round(label), 0, round(strip), height),
            QRectF(x, 0, bars, height),
            QRectF(x + bars + SPACE_L, 0, bars, height),
            number if bars > 3 * number else 0.0,
        )

    def bars(self) -> Iterator[tuple[Axis, QRectF]]:
        """Each axis with its column, without the column's numbers."""
        for axis, column in ((JACCARD, self.jaccard), (RANK, self.rank)):
            yield axis, column.adjusted(0, 0, -self.number_width, 0)


class BarPainter:
    """Paints headers, labels and bars in one palette; the painter has its font."""

    def __init__(
        self, painter: QPainter, columns: Columns, palette: Palette, metrics: QFontMetricsF
    ) -> None:
        self._painter, self._columns = painter, columns
        self._palette, self._metrics = palette, metrics
        self._fill = blend(palette.muted_text, palette.surface, 0.55)

    def header(self, titles: Sequence[str]) -> None:
        """Write the titles of strip and bars, and the axes' values below."""
        painter, columns, height = self._painter, self._columns, self._metrics.height()
        painter.setPen(QColor(self._palette.text))
        places = (columns.strip, columns.jaccard, columns.rank)
        for column, title in zip(places, titles, strict=True):
            area = QRectF(column.left(), SPACE_XS, column.width(), height)
            shown = self._metrics.elidedText(title, Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft, shown)
        painter.setPen(QColor(self._palette.muted_text))
        for axis, bar in columns.bars():
            for value, text in axis.ticks:
                left = axis.across(bar, value) - 2 * SPACE_L
                area = QRectF(left, SPACE_XS + height, 4 * SPACE_L, height)
                painter.drawText(area, Qt.AlignmentFlag.AlignHCenter, text)

    def grid(self, top: float, bottom: float) -> None:
        """Draw a line down from each value of the axes."""
        self._painter.setPen(QPen(QColor(self._palette.grid), 1))
        for axis, bar in self._columns.bars():
            for value, _ in axis.ticks:
                x = round(axis.across(bar, value)) + 0.5
                self._painter.drawLine(QPointF(x, top), QPointF(x, bottom))

    def label(self, area: QRectF, name: str, count: str, *, is_selected: bool) -> None:
        """Write what stands beside a row."""
        painter, palette, metrics = self._painter, self._palette, self._metrics
        if is_selected:
            behind = QRectF(0, area.top(), self._columns.strip.left() - SPACE_S, area.height())
            painter.fillRect(behind, QColor(palette.accent_soft))
            behind.setWidth(MARKER_PX)
            painter.fillRect(behind, QColor(palette.accent))
        place = _row_of(self._columns.label, area)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(palette.muted_text))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, count)
        room = place.width() - metrics.horizontalAdvance(count) - SPACE_M
        painter.setPen(QColor(palette.text))
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideLeft, room)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | middle, shown)

    def jaccard(self, area: QRectF, value: float, chance: float) -> None:
        """Draw a row's Jaccard index and what chance would give."""
        (axis, bar), _ = self._columns.bars()
        self._bar(area, axis, bar, value)
        self._mark(area, axis.across(bar, chance))
        self._number(area, self._columns.jaccard, f"{value:.2f}")

    def rank(self, area: QRectF, value: float | None, count: int) -> None:
        """Draw a row's rank correlation, and how far one of `count` channels goes by chance."""
        if value is None:
            self._number(area, self._columns.rank, "–")
            return
        _, (axis, bar) = self._columns.bars()
        self._bar(area, axis, bar, value)
        reach = min(1.0, CHANCE_Z / (count - 1) ** 0.5)
        for end in (-reach, reach):
            self._mark(area, axis.across(bar, end))
        self._number(area, self._columns.rank, f"{value:.2f}".replace("-", "−"))

    def _bar(self, area: QRectF, axis: Axis, bar: QRectF, value: float) -> None:
        start, end = sorted((axis.across(bar, 0.0), axis.across(bar, value)))
        height = area.height() - 2 * SPACE_S
        self._painter.fillRect(QRectF(start, area.top() + SPACE_S, end - start, height), self._fill)

    def _mark(self, area: QRectF, x: float) -> None:
        place = QRectF(round(x) - 1, area.top() + 1, MARK_PX, area.height() - 2)
        self._painter.fillRect(place, QColor(self._palette.text))

    def _number(self, area: QRectF, column: QRectF, text: str) -> None:
        if self._columns.number_width:
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self._painter.setPen(QColor(self._palette.muted_text))
            self._painter.drawText(_row_of(column, area), right, text)


def _row_of(column: QRectF, area: QRectF) -> QRectF:
    return QRectF(column.left(), area.top(), column.width(), area.height())
