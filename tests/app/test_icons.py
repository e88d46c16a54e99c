"""Icons: every one is there, is drawn, fades and takes the palette's colour."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon

from app.actions import ACTIONS
from app.icons import ICONS_FOLDER, app_icon, icon, icon_pixmap
from app.theme import DARK, LIGHT

NAMES = sorted(file.stem for file in ICONS_FOLDER.glob("*.svg"))


def colours(pixmap) -> set[str]:
    """The opaque colours of a picture."""
    image = pixmap.toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return {pixel.name() for pixel in pixels if pixel.alpha() == 255}


@pytest.mark.parametrize("name", NAMES)
def test_every_icon_is_drawn(qapp, name):
    assert colours(icon_pixmap(name, "#123456", 32))


def test_every_action_finds_its_icon():
    assert {words.icon for words in ACTIONS.values() if words.icon} <= set(NAMES)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_an_icon_has_the_palette_s_text_colour_and_fades_when_disabled(qapp, palette):
    stop = icon("stop", palette)
    assert palette.text in colours(stop.pixmap(QSize(24, 24)))
    faded = colours(stop.pixmap(QSize(24, 24), QIcon.Mode.Disabled))
    assert palette.text not in faded
    assert QColor(next(iter(faded))).isValid()


def test_the_application_s_icon_comes_in_the_usual_sizes(qapp):
    assert {16, 32, 256} <= {size.width() for size in app_icon().availableSizes()}
