"""Facts about the two palettes: legible, distinct, and really applied."""

import dataclasses
import itertools

import pyqtgraph as pg
import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit, QSpinBox

from app.theme import (
    DARK,
    LIGHT,
    TEXT_SCALE,
    Palette,
    apply_palette,
    blend,
    contrast,
    system_palette,
    text_font,
)

BOTH = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)


def checked_box() -> QCheckBox:
    box = QCheckBox("kept")
    box.setChecked(True)
    return box


def distance_of(first: str, second: str) -> int:
    """The largest difference of a channel."""
    pairs = zip(QColor(first).getRgb(), QColor(second).getRgb(), strict=True)
    return max(abs(a - b) for a, b in pairs)


@pytest.fixture
def restored(qapp):
    yield qapp
    qapp.setStyleSheet("")
    apply_palette(qapp, LIGHT)


def test_black_on_white_has_contrast_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


def test_half_black_half_white_is_grey():
    assert blend("#000000", "#ffffff", 0.5).name() == "#808080"


@BOTH
@pytest.mark.parametrize("text", ["text", "muted_text", "accent", "error", "warning", "success"])
@pytest.mark.parametrize("under", ["window", "surface", "raised"])
def test_text_is_legible(palette: Palette, text: str, under: str):
    assert contrast(getattr(palette, text), getattr(palette, under)) >= 4.5


@BOTH
def test_text_on_selections_is_legible(palette: Palette):
    assert contrast(palette.accent_text, palette.accent) >= 4.5
    assert contrast(palette.text, palette.accent_soft) >= 4.5


@BOTH
@pytest.mark.parametrize(
    "line",
    ["kept", "removed", "budget", "accuracy", "ema", "baseline", "criteria", "best", "reward"],
)
def test_lines_stand_out_from_the_surface(palette: Palette, line: str):
    assert contrast(getattr(palette, line), palette.surface) >= 3.0


@BOTH
@pytest.mark.parametrize("under", ["window", "surface"])
def test_borders_of_fields_and_boxes_stand_out(palette: Palette, under: str):
    for border in (palette.field_edge, palette.muted_text):
        assert contrast(border, getattr(palette, under)) >= 3.0


@BOTH
@pytest.mark.parametrize(
    ("make", "border"),
    [
        (QLineEdit, "field_edge"),
        (QSpinBox, "field_edge"),
        (QComboBox, "field_edge"),
        (QPlainTextEdit, "field_edge"),
        (checked_box, "muted_text"),
    ],
)
def test_a_border_is_drawn_in_its_colour(restored, qtbot, palette: Palette, make, border: str):
    apply_palette(restored, palette)
    widget = make()
    qtbot.addWidget(widget)
    widget.ensurePolished()
    widget.resize(90, 30)
    image = widget.grab().toImage()
    row = [image.pixelColor(x, image.height() // 2).name() for x in range(20)]
    assert max(contrast(drawn, palette.window) for drawn in row[:3]) >= 3.0
    nearest = min(row[:3], key=lambda drawn: distance_of(drawn, getattr(palette, border)))
    assert distance_of(nearest, getattr(palette, border)) < 12  # of channels 0-255


@BOTH
def test_curves_are_apart_for_colour_blind_eyes(palette: Palette):
    curves = [palette.kept, palette.accuracy, palette.budget, palette.reward]
    for matrix in COLOUR_BLINDNESS.values():
        for first, second in itertools.combinations(curves, 2):
            assert distance(simulate(first, matrix), simulate(second, matrix)) > 20


@BOTH
def test_every_colour_is_written_as_rrggbb(palette: Palette):
    for entry in dataclasses.fields(palette):
        value = getattr(palette, entry.name)
        if entry.name not in ("name", "is_dark"):
            assert QColor(value).name() == value


@BOTH
def test_applying_a_palette_colours_qt_and_the_plots(restored, palette: Palette):
    apply_palette(restored, palette)
    assert restored.palette().color(QPalette.ColorRole.Window).name() == palette.window
    assert palette.raised in restored.styleSheet()
    assert pg.getConfigOption("background") == palette.surface


def test_an_undecided_desktop_gets_the_palette_of_its_window_colour(restored):
    apply_palette(restored, DARK)
    assert system_palette(restored) in (LIGHT, DARK)


def test_the_type_scale_grows_from_caption_to_title(qapp):
    sizes = [text_font(role).pointSizeF() for role in TEXT_SCALE]
    assert sizes == sorted(sizes)
    assert text_font("body").pointSizeF() == pytest.approx(qapp.font().pointSizeF(), abs=0.1)


# Linear-RGB matrices of full dichromacy. Source: Machado et al. 2009, severity 1.0.
COLOUR_BLINDNESS = {
    "protanopia": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deuteranopia": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


def simulate(colour: str, matrix) -> tuple[float, float, float]:
    rgb = QColor(colour)
    linear = [c**2.2 for c in (rgb.redF(), rgb.greenF(), rgb.blueF())]
    mixed = [sum(w * c for w, c in zip(row, linear, strict=True)) for row in matrix]
    return tuple(max(0.0, min(1.0, c)) for c in mixed)


def distance(first, second) -> float:
    """CIE76 difference of two linear-RGB colours."""
    return sum((a - b) ** 2 for a, b in zip(lab(first), lab(second), strict=True)) ** 0.5


def lab(linear) -> tuple[float, float, float]:
    r, g, b = linear
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
