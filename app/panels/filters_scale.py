"""The key to the colours of a picture: a bar from the least to the greatest value."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import LIGHT, SPACE_S, Palette, text_font

BAR_PX = (72, 10)


class ScaleKey(QWidget):
    """A name, then -limit, a bar of the colours, +limit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._name = ""
        self._limit = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    @property
    def texts(self) -> tuple[str, str, str]:
        """The name and both ends."""
        return self._name, f"−{self._limit:.2g}", f"+{self._limit:.2g}"

    def show_scale(self, name: str, limit: float) -> None:
        """Show other words and another greatest value."""
        self._name, self._limit = name, limit
        self.setAccessibleName(" ".join(self.texts))
        self.updateGeometry()
        self.update()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(BAR_PX[0], self.sizeHint().height())

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(text_font("caption"))
        width = sum(metrics.horizontalAdvance(text) + SPACE_S for text in self.texts)
        return QSize(round(width + BAR_PX[0] + 2 * SPACE_S), round(metrics.height() + SPACE_S))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(text_font("caption"))
        metrics = QFontMetricsF(painter.font())
        name, low, high = self.texts
        x = 0.0
        for part in (name, low, None, high):
            if part is None:
                self._paint_bar(painter, QRectF(x, (self.height() - BAR_PX[1]) / 2, *BAR_PX))
                x += BAR_PX[0] + SPACE_S
                continue
            width = metrics.horizontalAdvance(part) + SPACE_S
            painter.setPen(QColor(self._palette.muted_text))
            painter.drawText(
                QRectF(x, 0, width, self.height()), Qt.AlignmentFlag.AlignVCenter, part
            )
            x += width

    def _paint_bar(self, painter: QPainter, area: QRectF) -> None:
        palette = self._palette
        gradient = QLinearGradient(area.topLeft(), area.topRight())
        for at, colour in ((0.0, palette.budget), (0.5, palette.surface), (1.0, palette.accuracy)):
            gradient.setColorAt(at, QColor(colour))
        painter.fillRect(area, gradient)
        painter.setPen(QPen(QColor(palette.outline), 1))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
