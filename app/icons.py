"""Espalier's own icons: SVG outlines that take their colour from the palette."""

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.theme import Palette, blend

ICONS_FOLDER = Path(__file__).resolve().parent.parent / "resources" / "icons"
# Toolbars, menus and the welcome page, each also at twice the scale.
SIZES_PX = (16, 20, 24, 32, 48, 64)
DISABLED_SHARE = 0.38  # of the colour over the background


def icon(name: str, palette: Palette, colour: str = "") -> QIcon:
    """Draw the icon `name` in `colour`, by default that of text; it fades when disabled."""
    colour = colour or palette.text
    faded = blend(colour, palette.window, DISABLED_SHARE).name()
    result = QIcon()
    for size in SIZES_PX:
        result.addPixmap(icon_pixmap(name, colour, size), QIcon.Mode.Normal)
        result.addPixmap(icon_pixmap(name, faded, size), QIcon.Mode.Disabled)
    return result


def icon_pixmap(name: str, colour: str, size_px: int, scale: float = 1.0) -> QPixmap:
    """Draw the icon `name` as a square of `size_px` logical pixels; FileNotFoundError."""
    side = round(size_px * scale)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_outline(name).replace("currentColor", colour).encode()))
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def app_icon() -> QIcon:
    """The espalier: a tree on a frame, some of its buds pruned."""
    result = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        result.addPixmap(icon_pixmap("espalier", "#000000", size))
    return result


@cache
def _outline(name: str) -> str:
    return (ICONS_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
