"""Fonts, sizes and small marks that everything in the graph shares."""

from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from app.theme import Palette, text_font

CARD_PAD = 6.0
STRIP_HEIGHT = 72.0
LEGIBLE_POINTS = 5.6  # on the screen; smaller text is left out


@dataclass(frozen=True, eq=False)
class GraphStyle:
    """Fonts and colours of everything in the graph, made once per palette and orientation."""

    palette: Palette
    name_font: QFont
    small_font: QFont
    name_metrics: QFontMetricsF
    small_metrics: QFontMetricsF
    name_height: float
    small_height: float
    name_rise: float  # of the baseline below the top of a line
    small_rise: float
    small_drop: float  # of the bottom of a line below the baseline
    is_vertical: bool  # the data flows downwards, so cards are wide and low
    _readable: dict[float, tuple[QFont, QFontMetricsF]] = field(default_factory=dict)

    @classmethod
    def of(cls, palette: Palette, *, is_vertical: bool = False) -> "GraphStyle":
        """Take the sizes from the application's font."""
        name, small = text_font("caption", bold=True), text_font("caption")
        small.setPointSizeF(small.pointSizeF() * 0.9)
        large, fine = QFontMetricsF(name), QFontMetricsF(small)
        return cls(
            palette=palette,
            name_font=name,
            small_font=small,
            name_metrics=large,
            small_metrics=fine,
            name_height=large.height(),
            small_height=fine.height(),
            name_rise=large.ascent(),
            small_rise=fine.ascent(),
            small_drop=fine.descent(),
            is_vertical=is_vertical,
        )

    @property
    def card_height(self) -> float:
        """Two lines of name and two of numbers; between them the strip, if not beside them."""
        strip = 4.0 if self.is_vertical else STRIP_HEIGHT + 8
        return 2 * CARD_PAD + self.name_height + 3 * self.small_height + strip

    def readable_font(self, scale: float) -> tuple[QFont, QFontMetricsF]:
        """The smallest font that can be read at this zoom."""
        if scale not in self._readable:
            self._readable.clear()
            font = QFont(self.small_font)
            font.setPointSizeF(LEGIBLE_POINTS / scale)
            self._readable[scale] = font, QFontMetricsF(font)
        return self._readable[scale]

    def is_legible(self, scale: float) -> bool:
        """Whether the small font can be read at this zoom."""
        return scale * self.small_font.pointSizeF() >= 0.87 * LEGIBLE_POINTS


def paint_lock(painter: QPainter, line: QRectF, palette: Palette) -> None:
    """Paint a small padlock at the right end of a line."""
    painter.save()
    height = line.height() * 0.42
    body = QRectF(line.right() - height * 1.25, line.center().y() - 0.1 * height, 0, 0)
    body.setSize(QRectF(0, 0, height * 1.25, height).size())
    painter.setPen(QPen(QColor(palette.muted_text), 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shackle = body.adjusted(body.width() * 0.2, -height * 0.75, -body.width() * 0.2, -height * 0.1)
    painter.drawArc(shackle, 0, 180 * 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.muted_text))
    painter.drawRoundedRect(body, 1.2, 1.2)
    painter.restore()


def paint_chip(
    painter: QPainter, line: QRectF, label: str, style: GraphStyle, *, is_lit: bool
) -> None:
    """Paint the letters of a layer's coupled channels at the right end of a line."""
    palette = style.palette
    width = style.small_metrics.horizontalAdvance(label) + 7
    chip = QRectF(line.right() - width, line.top() + 0.5, width, line.height() - 1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.accent if is_lit else palette.raised))
    painter.drawRoundedRect(chip, 3, 3)
    painter.setPen(QColor(palette.accent_text if is_lit else palette.muted_text))
    painter.setFont(style.small_font)
    painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, label)
