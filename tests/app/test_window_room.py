"""How the window's room is shared among graph, docks and results."""

import pytest
from PySide6.QtWidgets import QApplication

from app.window_docks import BOTTOM_SHARE, LEFT_WIDTH_PX, SIDE_WIDTH_PX
from tests.app.windows import WINDOW_PX, make_window, open_tiny, show_run, window_with_run


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


def test_in_a_low_window_docks_have_their_share_and_the_graph_stays_in_sight(qtbot, tmp_path):
    window = make_window(tmp_path)
    qtbot.addWidget(window)
    window.resize(1100, 700)
    window.show()
    open_tiny(window)
    settle()
    dock = window.parts.docks.docks["trajectory"]
    assert dock.height() == pytest.approx(BOTTOM_SHARE * 700, abs=30)
    board = window.parts.trajectory.picture_widget()
    assert board.height() == board.parentWidget().height()  # all three charts without scrolling
    show_run(window)
    settle()
    assert window.parts.results.isVisible()
    assert window.parts.graph.view.height() >= 150
    assert window.size().toTuple() == (1100, 700)


def test_a_panel_that_opens_at_one_side_leaves_the_other_side_its_width(window):
    docks = window.parts.docks
    docks.show_panel("layers")
    settle()
    assert docks.docks["layers"].width() == pytest.approx(LEFT_WIDTH_PX, abs=40)
    right = max(docks.docks[name].width() for name in ("settings", "inspector"))
    assert right == pytest.approx(SIDE_WIDTH_PX, abs=40)
    assert window.size().toTuple() == WINDOW_PX
