"""A panel as a picture or as rows: into PNG, SVG and CSV files, and onto the clipboard."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import (
    QBuffer,
    QCoreApplication,
    QIODevice,
    QPoint,
    QRect,
    QSize,
)
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from app.panels.panel import Panel, Table
from app.panels.plot_picture import sharp_plots
from core.errors import ExportError, readable

PNG_ZOOM = 2.0  # sharp on the screens of today and in print
MOST_PIXELS = 64e6  # of a PNG; a larger one few programs open
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def file_name(panel: Panel, run: str, suffix: str) -> str:
    """Name a file after the run and the panel: "2026-01-31_resnet20_50_masks.png"."""
    words = [word for word in (run, panel.NAME) if word]
    return NOT_IN_NAMES.sub("-", "_".join(words)) + suffix


def save_panel(panel: Panel, path: Path) -> None:
    """Write what a panel shows; the suffix names the format, one of FORMATS.

    Raises: ExportError if the format is unknown, there is nothing to write, or no file.
    """
    make = FORMATS.get(path.suffix.lower())
    if make is None:
        raise ExportError(
            f"Cannot write {readable(path)}: '{readable(path.suffix)}' is no format for panels. "
            f"Choose a name that ends in one of {', '.join(FORMATS)}."
        )
    data = make(panel)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ExportError(
            f"Cannot write {readable(path)}: {error.strerror or error}. Choose another folder "
            "or name."
        ) from error


def copy_picture(panel: Panel) -> None:
    """Put a picture of the panel onto the clipboard."""
    QGuiApplication.clipboard().setImage(panel_image(panel))


def copy_table(panel: Panel) -> None:
    """Put the panel's numbers onto the clipboard, as text with tabs that spreadsheets take.

    Raises: ExportError if the panel has no numbers to show.
    """
    # No QMimeData of Python's own: the clipboard deletes it after Python has gone, and crashes.
    QGuiApplication.clipboard().setText(_written(_table(panel), "excel-tab"))


def panel_image(panel: Panel) -> QImage:
    """Paint a panel at twice its size on the screen, less where that would be very large."""
    size = _made_ready(panel)
    zoom = min(PNG_ZOOM, (MOST_PIXELS / max(1, size.width() * size.height())) ** 0.5)
    image = QImage((size * zoom).expandedTo(QSize(1, 1)), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(zoom)
    image.fill(QColor(panel.colours.window))
    with sharp_plots(panel, zoom), QPainter(image) as painter:
        panel.paint_picture(painter)
    return image


def _png(panel: Panel) -> bytes:
    buffer = _open_buffer()
    panel_image(panel).save(buffer, "PNG")
    return buffer.data().data()


def _svg(panel: Panel) -> bytes:
    size = _made_ready(panel)
    buffer = _open_buffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(round(QGuiApplication.primaryScreen().logicalDotsPerInch()))
    generator.setSize(size)
    generator.setViewBox(_area(size))
    generator.setTitle(f"Espalier: {panel.title()}")
    with sharp_plots(panel, 1.0), QPainter(generator) as painter:
        painter.fillRect(_area(size), QColor(panel.colours.window))
        panel.paint_picture(painter)
    return buffer.data().data()


def _csv(panel: Panel) -> bytes:
    return _written(_table(panel), "excel").encode()


def _written(table: Table, dialect: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, dialect=dialect, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return text.getvalue()


def _table(panel: Panel) -> Table:
    panel.redraw_now()
    table = panel.table()
    if table is None:
        sentence = QCoreApplication.translate(
            "saving", "Cannot write numbers: the panel {} has none yet. Search or open a run first."
        )
        raise ExportError(sentence.format(panel.title()))
    return table


def _made_ready(panel: Panel) -> QSize:
    """Draw what waits to be drawn; returns the picture's size in logical pixels."""
    panel.redraw_now()
    return panel.picture_size().expandedTo(QSize(1, 1))


def _area(size: QSize) -> QRect:
    return QRect(QPoint(), size)


def _open_buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer


FORMATS: dict[str, Callable[[Panel], bytes]] = {".png": _png, ".svg": _svg, ".csv": _csv}
