"""What stands beside a row of the mask matrix."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from app.theme import SPACE_M, SPACE_S, Palette, text_font

BAR_PX = 3  # at the left of a selected row


@dataclass(frozen=True)
class RowLabel:
    """A row's layer and how many of its channels are kept."""

    name: str
    badge: str  # "+6": so many more layers share the channels
    count: str  # "12/16"

    @property
    def words(self) -> str:
        """All of it in one line."""
        return f"{self.name} {self.badge} {self.count}"


def paint_label(
    painter: QPainter,
    area: QRectF,
    label: RowLabel,
    line_px: float,
    palette: Palette,
    *,
    is_selected: bool,
) -> None:
    """Paint a label into its area; it stands beside the first line, `line_px` high."""
    if is_selected:
        painter.fillRect(area, QColor(palette.accent_soft))
        painter.fillRect(QRectF(0, area.top(), BAR_PX, area.height()), QColor(palette.accent))
    font = text_font("caption")
    metrics = QFontMetricsF(font)
    area = area.adjusted(SPACE_M, 0, -SPACE_M, -SPACE_S)
    area.setHeight(max(metrics.height(), min(area.height(), line_px)))
    painter.setFont(font)
    painter.setPen(QColor(palette.muted_text))
    right, left = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(area, right | middle, label.count)
    room = area.width() - metrics.horizontalAdvance(label.count) - SPACE_M
    badge = metrics.horizontalAdvance(label.badge) + SPACE_S if label.badge else 0.0
    name = metrics.elidedText(label.name, Qt.TextElideMode.ElideLeft, room - badge)
    behind = area.translated(metrics.horizontalAdvance(name) + SPACE_S, 0)
    painter.drawText(behind, left | middle, label.badge)
    painter.setPen(QColor(palette.text))
    painter.drawText(area, left | middle, name)
