"""How the window's room is shared among graph, docks and results."""

import pytest
from PySide6.QtWidgets import QApplication

from app.window_docks import BOTTOM_SHARE, LEFT_WIDTH_PX, SIDE_WIDTH_PX
from tests.app.windows import WINDOW_PX, window_with_run


@pytest.fixture
def window(qtbot, tmp_path):
    with window_with_run(qtbot, tmp_path) as window:
        yield window


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def test_docks_have_their_share_and_the_window_does_not_grow(window):
    docks = window.parts.docks.docks
    height = docks["trajectory"].height()  # without the bar of tabs
    assert height == pytest.approx(BOTTOM_SHARE * window.height(), abs=60)
    assert docks["settings"].width() == SIDE_WIDTH_PX
    assert window.size().toTuple() == WINDOW_PX


def test_a_panel_that_opens_at_one_side_leaves_the_other_side_its_width(window):
    docks = window.parts.docks
    docks.show_panel("layers")
    settle()
    assert docks.docks["layers"].width() == pytest.approx(LEFT_WIDTH_PX, abs=40)
    right = max(docks.docks[name].width() for name in ("settings", "inspector"))
    assert right == pytest.approx(SIDE_WIDTH_PX, abs=40)
    assert window.size().toTuple() == WINDOW_PX
