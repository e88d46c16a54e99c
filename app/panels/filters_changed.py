"""Paints the images of which the pruned network says another class, one card for each."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.panels.filters_tiles import picture_image
from app.theme import LIGHT, RADIUS, SPACE_M, SPACE_S, Palette, text_font
from app.words import percent_text
from core.events import ChangedImagesFound

PICTURE_PX = 64
CARD_PX = (248, PICTURE_PX + 2 * SPACE_M)


class ChangedImages(QAbstractScrollArea):
    """Cards in as many columns as fit: the image, its class, what both networks say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = LIGHT
        self._found: ChangedImagesFound | None = None
        self._pictures: list[QImage] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Images whose class changed"))

    def show_images(self, found: ChangedImagesFound | None) -> None:
        """Show other images, or none."""
        if found is not self._found:
            self._found = found
            self._pictures = [] if found is None else [picture_image(one) for one in found.images]
            self.verticalScrollBar().setValue(0)
            self._arrange()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        self.viewport().update()

    def lines(self, place: int) -> tuple[str, str, str]:
        """What a card says: the true class, the unpruned network's, the pruned network's."""
        found = self._found
        if found is None:
            raise IndexError(place)
        words = [self.tr("is: {}").format(found.labels[place])]
        for text, said, sure in (
            (self.tr("before: {} {}, {}"), found.before, found.confidence_before),
            (self.tr("after: {} {}, {}"), found.after, found.confidence_after),
        ):
            mark = "✓" if said[place] == found.labels[place] else "✗"
            words.append(text.format(mark, said[place], percent_text(float(sure[place]))))
        return words[0], words[1], words[2]

    def sizeHint(self) -> QSize:
        return QSize(CARD_PX[0] + SPACE_M, 240)

    def whole_height(self) -> int:
        """The height of all cards."""
        rows = -(-len(self._pictures) // self._columns)
        return max(0, rows * (CARD_PX[1] + SPACE_M) - SPACE_M)

    def paint_whole(self, painter: QPainter) -> None:
        """Paint all cards."""
        for place in range(len(self._pictures)):
            self._paint_card(painter, place, self.card(place))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._palette.surface))
        painter.translate(0, -self.verticalScrollBar().value())
        self.paint_whole(painter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def card(self, place: int) -> QRectF:
        """Where a card is, before scrolling."""
        width, height = CARD_PX
        row, column = divmod(place, self._columns)
        return QRectF(column * (width + SPACE_M), row * (height + SPACE_M), width, height)

    @property
    def _columns(self) -> int:
        return max(1, (self.viewport().width() + SPACE_M) // (CARD_PX[0] + SPACE_M))

    def _arrange(self) -> None:
        room, bar = self.viewport().height(), self.verticalScrollBar()
        bar.setPageStep(room)
        bar.setSingleStep(CARD_PX[1])
        bar.setRange(0, max(0, self.whole_height() - room))
        self.viewport().update()

    def _paint_card(self, painter: QPainter, place: int, area: QRectF) -> None:
        palette = self._palette
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.outline), 1))
        painter.setBrush(QColor(palette.window))
        painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        picture = QRectF(area.left() + SPACE_M, area.top() + SPACE_M, PICTURE_PX, PICTURE_PX)
        painter.drawImage(picture, self._pictures[place])
        left = picture.right() + SPACE_M
        height = PICTURE_PX / 3
        for line, words in enumerate(self.lines(place)):
            painter.setFont(text_font("caption", bold=line == 0))
            painter.setPen(QColor(palette.text))
            room = QRectF(
                left, picture.top() + line * height, area.right() - left - SPACE_S, height
            )
            metrics = QFontMetricsF(painter.font())
            words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)
