"""Espalier's own icons: SVG outlines that take their colour from the palette."""

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.theme import Palette, blend

ICONS_FOLDER = Path(__file__).resolve().parent.parent / "resources" / "icons"
DISABLED_SHARE = 0.38  # of the colour over the background


def icon(name: str, palette: Palette, colour: str = "") -> QIcon:
    """Make the icon `name` in `colour`, by default that of text; it fades when disabled."""
    colour = colour or palette.text
    return QIcon(_OutlineEngine(name, colour, blend(colour, palette.window, DISABLED_SHARE).name()))


def icon_pixmap(name: str, colour: str, size_px: int, scale: float = 1.0) -> QPixmap:
    """Draw the icon `name` as a square of `size_px` logical pixels; FileNotFoundError."""
    pixmap = _paint(name, colour, QSize(size_px, size_px) * scale)
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def app_icon() -> QIcon:
    """The espalier: a tree on a frame, some of its buds pruned."""
    result = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        result.addPixmap(icon_pixmap("espalier", "", size))
    return result


class _OutlineEngine(QIconEngine):
    """Draws an outline when it is asked for, sharp at any scale."""

    def __init__(self, name: str, colour: str, faded: str) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        self._faded = faded

    def paint(self, painter: QPainter, area: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        _renderer(self._name, self._colour_of(mode)).render(painter, QRectF(area))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return _paint(self._name, self._colour_of(mode), size)

    def clone(self) -> QIconEngine:
        return _OutlineEngine(self._name, self._colour, self._faded)

    def _colour_of(self, mode: QIcon.Mode) -> str:
        return self._faded if mode == QIcon.Mode.Disabled else self._colour


def _paint(name: str, colour: str, size: QSize) -> QPixmap:
    pixmap = QPixmap(size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _renderer(name, colour).render(painter, QRectF(pixmap.rect()))
    painter.end()
    return pixmap


@cache
def _renderer(name: str, colour: str) -> QSvgRenderer:
    outline = (ICONS_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(outline.replace("currentColor", colour).encode()))
