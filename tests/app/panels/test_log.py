"""The log's lines in the colours of the theme."""

from app.panels.log import LogPanel
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import FinetuneScored


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


def test_an_epoch_that_was_broken_off_is_told_as_such(qtbot):
    panel = LogPanel(Selection())
    qtbot.addWidget(panel)
    panel.show_event(FinetuneScored("learned", 2, 0.74, 0.9, True))
    panel.show_event(FinetuneScored("learned", 2.33, 0.75, 0.9, True))
    told = panel.view.toPlainText()
    assert "Fine-tuning learned, epoch 2: 74.0 % on held-out images" in told
    assert "Fine-tuning learned, broken off at epoch 2.33: 75.0 % on held-out images" in told
