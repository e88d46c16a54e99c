"""The log's lines in the colours of the theme."""

from app.panels.log import LogPanel
from app.selection import Selection
from app.theme import DARK, LIGHT


def test_lines_take_the_colours_of_another_theme(qtbot):
    panel = LogPanel(Selection())
    qtbot.addWidget(panel)
    panel.use_palette(LIGHT)
    panel.write_error("It broke.")
    panel.write_warning("Not done.")
    before = panel.view.toPlainText()
    panel.use_palette(DARK)
    assert panel.view.toPlainText() == before
    html = panel.view.document().toHtml().lower()
    assert DARK.error in html
    assert DARK.warning in html
    assert LIGHT.error not in html
