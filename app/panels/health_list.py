"""The list of signatures: a glyph and a name for each, and under it its state."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from app.panels.health_words import GLYPHS, NAMES, state_colour, translated
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, text_font
from core.health import State

GLYPH_PX = 24
BAR_PX = 3  # at the left of the chosen line
STATE_ROLE, SAID_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class _Line(QStyledItemDelegate):
    """Paints one signature; what is raised is bold."""

    palette = LIGHT

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        heights = [QFontMetricsF(text_font(role)).height() for role in ("body", "caption")]
        return QSize(160, round(sum(heights) + 2 * SPACE_S))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        area, state = QRectF(option.rect), index.data(STATE_ROLE)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, QColor(self.palette.accent_soft))
            painter.fillRect(
                QRectF(area.left(), area.top(), BAR_PX, area.height()), QColor(self.palette.accent)
            )
        glyph = QRectF(area.left() + SPACE_M, area.top(), GLYPH_PX, area.height())
        painter.setFont(text_font("body", bold=True))
        painter.setPen(QColor(state_colour(state, self.palette)))
        painter.drawText(glyph, Qt.AlignmentFlag.AlignCenter, GLYPHS[state])
        words = area.adjusted(SPACE_M + GLYPH_PX + SPACE_S, SPACE_S, -SPACE_S, -SPACE_S)
        painter.setFont(text_font("body", bold=state == "raised"))
        painter.setPen(QColor(self.palette.text))
        painter.drawText(words, Qt.AlignmentFlag.AlignTop, str(index.data()))
        painter.setFont(text_font("caption"))
        painter.setPen(QColor(self.palette.muted_text))
        said = QFontMetricsF(painter.font()).elidedText(
            index.data(SAID_ROLE), Qt.TextElideMode.ElideRight, words.width()
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignBottom, said)
        painter.restore()


class SignatureList(QListWidget):
    """One line for each kind, in their order."""

    def __init__(self, kinds: list[str]) -> None:
        super().__init__()
        self._line = _Line(self)
        self.setItemDelegate(self._line)
        for kind in kinds:
            self.addItem(QListWidgetItem(translated(NAMES[kind])))
            self.show_state(self.count() - 1, "waiting", "")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Signatures"))
        self.setMinimumHeight(self.count() * self.sizeHintForRow(0) + SPACE_S)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def show_state(self, row: int, state: State, said: str) -> None:
        """Show a signature's state, and the words under its name."""
        item = self.item(row)
        item.setData(STATE_ROLE, state)
        item.setData(SAID_ROLE, said)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{item.text()}: {said}")

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._line.palette = palette
        self.viewport().update()
