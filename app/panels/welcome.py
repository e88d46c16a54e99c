"""The empty window: three sentences, three ways to begin, and one to go on."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon, icon_pixmap
from app.panels.welcome_offer import UnfinishedOffer
from app.theme import LIGHT, RADIUS, SPACE_L, SPACE_M, SPACE_S, SPACE_XL, Palette, text_font
from core.events import Event

LOGO_PX = 88
CARD_PX = (180, 128)
ICON_PX = 28


class WelcomePanel(QWidget):
    """An invitation: open a network, drop a file, try the demo, or go on with `unfinished`."""

    def __init__(self, open_action: QAction, demo_action: QAction, parent: QWidget | None = None):
        super().__init__(parent)
        self.open_button = _Choice("open", open_action, self.tr("Network and images"))
        self.demo_button = _Choice("demo", demo_action, self.tr("Digits, under a minute"))
        self.drop_area = _DropArea(self.tr("Drop a file here"), self.tr("Network, weights, images"))
        self.unfinished = UnfinishedOffer(3 * CARD_PX[0] + 2 * SPACE_L)
        self._logo = QLabel()
        self._sentences = QLabel(
            self.tr(
                "Espalier trains a network against a budget, as a tree against a frame.\n"
                "An agent learns which channels to cut while you watch.\n"
                "You take home a smaller network that is proved equal to the one on the screen."
            )
        )
        self._build()
        self.use_palette(LIGHT)

    def show_event(self, event: Event) -> None:
        """Nothing that happens changes the invitation."""

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        scale = self.devicePixelRatioF()
        self._logo.setPixmap(icon_pixmap("espalier", palette.text, LOGO_PX, scale))
        for choice in (self.open_button, self.demo_button, self.drop_area, self.unfinished):
            choice.use_palette(palette)

    def _build(self) -> None:
        title = QLabel(self.tr("Espalier"))
        font = text_font("title")
        font.setPointSizeF(font.pointSizeF() * 1.6)
        title.setFont(font)
        self._sentences.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for part, space in (
            (self._logo, SPACE_M),
            (title, SPACE_M),
            (self._sentences, SPACE_XL + SPACE_M),
        ):
            layout.addWidget(part, alignment=Qt.AlignmentFlag.AlignHCenter)
            layout.addSpacing(space)
        choices = QHBoxLayout()
        choices.setSpacing(SPACE_L)
        choices.addStretch(1)
        for choice in (self.open_button, self.drop_area, self.demo_button):
            choices.addWidget(choice)
        choices.addStretch(1)
        layout.addLayout(choices)
        layout.addSpacing(SPACE_L)
        layout.addWidget(self.unfinished, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)


class _Choice(QPushButton):
    """A card that runs an action: an icon, a name, a few words."""

    def __init__(self, icon_name: str, action: QAction, note: str) -> None:
        super().__init__()
        self._icon_name = icon_name
        self._title = action.iconText()
        self._note = note
        self._colours = LIGHT
        self.setFixedSize(QSize(*CARD_PX))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(action.toolTip())
        self.setAccessibleName(self._title)
        self.setAccessibleDescription(note)
        self.clicked.connect(action.trigger)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._colours = palette
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self._colours
        is_lit = self.underMouse() or self.hasFocus()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.accent if is_lit else palette.outline), 1.5))
        painter.setBrush(QColor(palette.accent_soft if self.isDown() else palette.surface))
        painter.drawRoundedRect(_inner(self), 2 * RADIUS, 2 * RADIUS)
        _paint_words(painter, self, palette, self._icon_name, self._title, self._note)


class _DropArea(QWidget):
    """A dashed field; the window itself takes what is dropped anywhere."""

    def __init__(self, title: str, note: str) -> None:
        super().__init__()
        self._title = title
        self._note = note
        self._colours = LIGHT
        self.setFixedSize(QSize(*CARD_PX))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)
        self.setAccessibleDescription(note)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._colours = palette
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self._colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(palette.edge), 1.5, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawRoundedRect(_inner(self), 2 * RADIUS, 2 * RADIUS)
        _paint_words(painter, self, palette, "drop", self._title, self._note)


def _inner(widget: QWidget) -> QRectF:
    return QRectF(widget.rect()).adjusted(1, 1, -1, -1)


def _paint_words(
    painter: QPainter, widget: QWidget, palette: Palette, icon_name: str, title: str, note: str
) -> None:
    """Paint an icon, a title and a note below each other, in the middle of a card."""
    top = 22
    left = (widget.width() - ICON_PX) // 2
    icon(icon_name, palette, palette.accent).paint(painter, left, top, ICON_PX, ICON_PX)
    for text, font, colour, line in (
        (title, text_font("body", bold=True), palette.text, 0),
        (note, text_font("caption"), palette.muted_text, 1),
    ):
        painter.setFont(QFont(font))
        painter.setPen(QColor(colour))
        row_top = top + ICON_PX + SPACE_L + line * (SPACE_XL + SPACE_S)
        area = QRectF(SPACE_S, row_top, widget.width() - 2 * SPACE_S, 20)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
