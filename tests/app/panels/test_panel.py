"""Panels draw when they are seen, and then all that is new."""

from app.panels.panel import Panel
from app.selection import Selection


class Counting(Panel):
    NAME = "counting"
    drawn = 0

    def redraw(self) -> None:
        self.drawn += 1


def test_a_hidden_panel_draws_once_when_it_is_shown(qtbot):
    panel = Counting(Selection())
    qtbot.addWidget(panel)
    panel.redraw_soon()
    panel.redraw_soon()
    assert panel.drawn == 0
    panel.show()
    assert panel.drawn == 1
    panel.redraw_soon()
    panel.redraw_soon()
    qtbot.waitUntil(lambda: panel.drawn == 2)


def test_what_was_drawn_is_not_drawn_again(qtbot):
    panel = Counting(Selection())
    qtbot.addWidget(panel)
    panel.show()
    panel.hide()
    panel.show()
    assert panel.drawn == 1
