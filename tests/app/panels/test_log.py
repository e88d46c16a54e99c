"""The log's lines: their words, and their colours in every theme."""

from pathlib import Path

from app.panels.log import LogPanel
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import ExportFinished, FinetuneScored


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


def test_a_folder_is_named_once_and_the_files_in_it_by_name(qtbot):
    panel = LogPanel(Selection())
    qtbot.addWidget(panel)
    folder = Path("runs") / "a run"
    files = tuple(str(folder / name) for name in ("pruned.pt", "pruned.json", "pruned.onnx"))
    panel.show_event(ExportFinished(files, {"onnx": 2e-7}))
    told = panel.view.toPlainText()
    assert f"Exported to {folder}: pruned.pt, pruned.json, pruned.onnx; greatest" in told
