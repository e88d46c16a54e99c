"""Pictures of the window in light, dark and twice as large: words drawn whole, strips right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.theme import LIGHT, PALETTES, apply_palette
from tests.app.screens import as_pixels, count_of, labels, look_at_all
from tests.app.windows import make_window, show_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["light", "dark"])
def window(qtbot, tmp_path, request):
    window = make_window(tmp_path, request.param)
    qtbot.addWidget(window)
    window.show()
    show_run(window)
    yield window
    apply_palette(QApplication.instance(), LIGHT)


def test_words_are_drawn_whole_and_strips_have_their_colours(window):
    problems = look_at_all(window)
    assert problems == [], "\n".join(problems)
    assert {"block.inner", "49.8 %", "unpruned 98.2\xa0%"} <= {w.text() for w in labels(window)}


def test_the_window_wears_its_palette(window):
    pixels = as_pixels(window.grab().toImage())
    palette = window.appearance.palette
    assert palette is PALETTES[window.appearance.choice]
    corner = window.grab().toImage().pixelColor(3, window.height() - 3)
    assert corner.name() == palette.window
    assert pixels.shape[:2] == (window.height(), window.width())


@pytest.mark.parametrize(("scale", "letters"), [("2", "1"), ("3", "1"), ("1", "1.25")])
def test_larger_scales_and_letters_show_the_same(tmp_path, scale, letters):
    picture = tmp_path / "large.png"
    done = subprocess.run(
        [sys.executable, "-m", "tests.app.screens", "light", str(picture), letters],
        cwd=ROOT,
        env={**os.environ, "QT_SCALE_FACTOR": scale, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["scale"] == float(scale)
    assert seen["problems"] == []
    image = QImage(str(picture))
    assert image.width() >= 1280 * int(scale)
    assert count_of(as_pixels(image), image.pixelColor(3, image.height() - 3)) > 1000
