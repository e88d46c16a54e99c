"""Write the graph into a picture file: SVG, PDF or PNG."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF
from PySide6.QtGui import QGuiApplication, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from app.panels.graph_scene import GraphScene
from core.errors import ExportError, readable

_MARGIN = 16.0  # round the graph, in pixels at zoom 1
_PNG_ZOOM = 2.0
_MOST_PIXELS, _LONGEST_SIDE = 64e6, 16384.0  # of a PNG; larger ones few programs open
_POINTS_PER_INCH = 72.0
_LARGEST_PAGE_POINTS = 14400.0  # that PDF allows


def write_picture(scene: GraphScene, path: Path) -> None:
    """Write the whole graph as it is folded and coloured now; the suffix names the format.

    Raises: ExportError if the format is unknown, there is no graph, or it cannot be written.
    """
    paint = PICTURE_FORMATS.get(path.suffix.lower())
    if paint is None:
        known = ", ".join(PICTURE_FORMATS)
        raise ExportError(
            f"Cannot write {readable(path)}: '{readable(path.suffix)}' is no format for "
            f"pictures. Choose a name that ends in one of {known}."
        )
    if not scene.nodes:
        raise ExportError(
            f"Cannot write {readable(path)}: no network is open, so there is no graph to draw. "
            "Open a network first."
        )
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    paint(scene, picture_area(scene), buffer)
    buffer.close()
    try:
        path.write_bytes(data.data())
    except OSError as error:
        raise ExportError(
            f"Cannot write {readable(path)}: {error.strerror or error}. Choose another folder "
            "or name."
        ) from error


def picture_area(scene: GraphScene) -> QRectF:
    """The whole graph with a margin, in pixels at zoom 1."""
    area = QRectF(0, 0, scene.page.width, scene.page.height)
    return area.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)


def _write_svg(scene: GraphScene, area: QRectF, device: QIODevice) -> None:
    generator = QSvgGenerator()
    generator.setOutputDevice(device)
    generator.setResolution(_screen_dpi())
    generator.setSize(area.size().toSize())
    generator.setViewBox(QRectF(0, 0, area.width(), area.height()))
    generator.setTitle("Espalier")
    _render(scene, area, generator, 1.0)


def _write_pdf(scene: GraphScene, area: QRectF, device: QIODevice) -> None:
    points = _POINTS_PER_INCH / _screen_dpi()  # per pixel
    zoom = min(1.0, _LARGEST_PAGE_POINTS / (points * max(area.width(), area.height())))
    page = QPageSize(
        area.size() * points * zoom, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch
    )
    writer = QPdfWriter(device)
    writer.setTitle("Espalier")
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
    writer.setResolution(_screen_dpi())
    _render(scene, area, writer, zoom)


def _screen_dpi() -> int:
    # Of the screen, because the cards were measured with its fonts.
    return round(QGuiApplication.primaryScreen().logicalDotsPerInch())


def _write_png(scene: GraphScene, area: QRectF, device: QIODevice) -> None:
    longest, pixels = max(area.width(), area.height()), area.width() * area.height()
    zoom = min(_PNG_ZOOM, _LONGEST_SIDE / longest, (_MOST_PIXELS / pixels) ** 0.5)
    size = QSizeF(area.width() * zoom, area.height() * zoom).toSize()
    image = QImage(size, QImage.Format.Format_RGB32)
    _render(scene, area, image, zoom)
    image.save(device, "PNG")


def _render(
    scene: GraphScene, area: QRectF, device: QImage | QPdfWriter | QSvgGenerator, zoom: float
) -> None:
    painter = QPainter(device)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    target = QRectF(0, 0, area.width() * zoom, area.height() * zoom)
    painter.fillRect(target, scene.backgroundBrush())
    scene.render(painter, target, area)
    painter.end()


PictureWriter = Callable[[GraphScene, QRectF, QIODevice], None]
PICTURE_FORMATS: dict[str, PictureWriter] = {
    ".svg": _write_svg,
    ".png": _write_png,
    ".pdf": _write_pdf,
}
