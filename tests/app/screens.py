"""What is wrong with a picture of the window: words not drawn, cut or overlapping; wrong strips.

Run as a program, this file looks at a window of its own: QT_SCALE_FACTOR=2 makes it twice as large.
"""

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QWidget

from app.main_window import MainWindow
from app.panels.graph_card import CardItem
from app.panels.inspector import InspectorPanel
from app.panels.parts import ElidedLabel
from tests.app import samples
from tests.app.windows import describe, make_window, show_run

LEAST_INK = 4  # pixels of a word's own colour
COLOUR_DISTANCE = 40  # of channels 0-255 that the eye still calls the same, with smooth edges
Pixels = NDArray[np.int16]


def look_at_all(window: MainWindow) -> list[str]:
    """Bring every panel to the front and say what is wrong with how it looks."""
    found = []
    for name in window.parts.docked:
        window.parts.docks.show_panel(name)
        for _ in range(3):
            QApplication.processEvents()
        for panel in window.parts.docked.values():
            if not window.parts.docks.is_covered(panel):
                panel.redraw_now()  # the others may have become narrower, and have timers for it
        QApplication.processEvents()
        picture = window.grab()
        ratio = picture.devicePixelRatio()
        pixels = as_pixels(picture.toImage())
        seen = labels(window)
        problems = itertools.chain(
            words_not_drawn(window, seen, pixels, ratio),
            words_cut(seen),
            words_overlapping(window, seen),
        )
        found += [f"with {name} in front: {problem}" for problem in problems]
    found += wrong_graph(window)
    found += wrong_layer(window)
    return found


def labels(window: MainWindow) -> list[QLabel]:
    """The labels with words that can be seen whole."""
    return [
        label
        for label in window.findChildren(QLabel)
        if label.isVisible()
        and label.text().strip()
        and label.isEnabled()
        and not window.parts.docks.is_covered(label)
        and is_in_sight(window, label)
    ]


def is_in_sight(window: QMainWindow, widget: QWidget) -> bool:
    """Whether nothing is scrolled away."""
    at = widget.parentWidget()
    while at is not None and at is not window:
        if not at.rect().contains(QRect(widget.mapTo(at, QPoint()), widget.size())):
            return False
        at = at.parentWidget()
    return True


def words_not_drawn(
    window: MainWindow, seen: list[QLabel], pixels: Pixels, ratio: float
) -> Iterator[str]:
    for label in seen:
        if label.textFormat() != Qt.TextFormat.PlainText and "<" in label.text():
            continue  # letters of several colours
        ink = QColor(label.palette().color(label.foregroundRole()))
        area = part(pixels, place_in(window, label), ratio)
        if count_of(area, ink) < LEAST_INK:
            yield f"'{label.text()[:40]}' is not drawn ({describe(label)})"


def words_cut(seen: list[QLabel]) -> Iterator[str]:
    for label in seen:
        wanted = label.sizeHint()
        if label.wordWrap():
            is_cut = label.heightForWidth(label.width()) > label.height() + 1
        else:
            is_cut = wanted.width() > label.width() + 1 or wanted.height() > label.height() + 1
        # Made to be shortened, with all of it in a tooltip.
        may_shrink = label.minimumWidth() > 0 or isinstance(label, ElidedLabel)
        if is_cut and not may_shrink:
            yield f"'{label.text()[:40]}' is cut ({describe(label)})"


def words_overlapping(window: MainWindow, seen: list[QLabel]) -> Iterator[str]:
    placed = [(label, place_in(window, label)) for label in seen]
    for (one, here), (other, there) in itertools.combinations(placed, 2):
        if here.intersects(there):
            yield f"'{one.text()[:30]}' and '{other.text()[:30]}' overlap"


def wrong_graph(window: MainWindow) -> Iterator[str]:
    """Stem keeps all channels but 3; inner keeps 0, 1 and 7."""
    view, kept = window.parts.graph.view, QColor(window.appearance.palette.kept)
    window.parts.graph.fit()
    picture = view.grab()
    image, ratio = picture.toImage(), picture.devicePixelRatio()
    for layer in ("stem", "block.inner"):
        card = window.parts.graph.scene.nodes[layer]
        assert isinstance(card, CardItem)
        owners = samples.tiny_graph().layer(layer).channels
        for channel, owner in enumerate(owners):
            point = view.mapFromScene(card.mapToScene(card.channel_point(channel)))
            colour = image.pixelColor(QPoint(round(point.x() * ratio), round(point.y() * ratio)))
            if is_near(colour, kept) != bool(samples.BEST[owner]):
                yield f"channel {channel} of {layer} has colour {colour.name()}"


def wrong_layer(window: MainWindow) -> Iterator[str]:
    """The strip of the Layer panel: both keep 0 and 1."""
    panel = window.parts.docked["inspector"]
    assert isinstance(panel, InspectorPanel)
    window.parts.docks.show_panel("inspector")
    QApplication.processEvents()
    picture = panel.strip.grab()
    image, ratio = picture.toImage(), picture.devicePixelRatio()
    kept = QColor(window.appearance.palette.kept)
    for channel in range(8):
        area = panel.strip._areas(channel)[0]
        point = QPoint(round(area.center().x() * ratio), round(area.center().y() * ratio))
        if is_near(image.pixelColor(point), kept) != (channel in (0, 1)):
            yield f"channel {channel} of the strip has colour {image.pixelColor(point).name()}"


def place_in(window: QWidget, widget: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint()), widget.size())


def as_pixels(image: QImage) -> Pixels:
    """Red, green and blue of every pixel, shape (height, width, 3)."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).astype(np.int16)


def part(pixels: Pixels, area: QRect, ratio: float) -> Pixels:
    left, top = round(area.left() * ratio), round(area.top() * ratio)
    right, bottom = round((area.right() + 1) * ratio), round((area.bottom() + 1) * ratio)
    return pixels[max(0, top) : bottom, max(0, left) : right]


def count_of(pixels: Pixels, colour: QColor) -> int:
    is_near_all = np.ones(pixels.shape[:2], np.bool_)
    for channel, wanted in enumerate(colour.getRgb()[:3]):  # faster than a maximum over the three
        is_near_all &= np.abs(pixels[..., channel] - wanted) < COLOUR_DISTANCE
    return int(is_near_all.sum())


def is_near(colour: QColor, wanted: QColor) -> bool:
    pairs = zip(colour.getRgb()[:3], wanted.getRgb()[:3], strict=True)
    return max(abs(a - b) for a, b in pairs) < COLOUR_DISTANCE


def main(theme: str, picture: str, letters: str = "1") -> None:
    """Look at a window of this process; print its scale and what is wrong as JSON.

    letters: how many times as large as usual they are.
    """
    app = QApplication(sys.argv[:1])
    font = app.font()
    font.setPointSizeF(font.pointSizeF() * float(letters))
    app.setFont(font)
    with tempfile.TemporaryDirectory() as folder:
        window = make_window(Path(folder), theme)
        window.show()
        show_run(window)
        found = look_at_all(window)
        window.grab().save(picture)
        sys.stdout.write(json.dumps({"scale": window.devicePixelRatio(), "problems": found}))
        window.close()
    app.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
