"""Panels as files and on the clipboard."""

import csv
import re

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel

from app.panels.graph import GraphPanel
from app.panels.panel import Panel, Table
from app.saving import copy_picture, copy_table, file_name, save_panel
from app.selection import Selection
from app.theme import LIGHT
from core.errors import ExportError
from tests.app import samples


class Numbers(Panel):
    NAME = "numbers"

    def __init__(self, rows) -> None:
        super().__init__(Selection())
        self.rows = rows
        self.label = QLabel("", self)
        self.resize(80, 40)

    def title(self) -> str:
        return "Numbers"

    def redraw(self) -> None:
        self.label.setText("drawn")
        self.label.setStyleSheet("background: #00805d")
        self.label.resize(80, 40)

    def table(self) -> Table | None:
        return Table(("layer", "macs_kept"), self.rows) if self.rows else None


@pytest.fixture
def panel(qtbot) -> Numbers:
    panel = Numbers([("stem, first", 0.5), ("über", None)])
    qtbot.addWidget(panel)
    return panel


def test_a_file_is_named_after_run_and_panel(panel):
    assert file_name(panel, "2026-01-31_resnet20_50", ".png") == (
        "2026-01-31_resnet20_50_numbers.png"
    )
    assert file_name(panel, "a b/c", ".csv") == "a-b-c_numbers.csv"
    assert file_name(panel, "", ".svg") == "numbers.svg"


def test_png_is_drawn_first_and_twice_as_large(panel, tmp_path):
    save_panel(panel, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.size().toTuple() == (160, 80)
    assert image.pixelColor(150, 5) == QColor(LIGHT.kept)


def test_svg_has_letters_not_pixels(panel, tmp_path):
    save_panel(panel, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert re.search(r"<text[^>]*>\s*drawn\s*</text>", text)
    assert 'viewBox="0 0 80 40"' in text


def test_csv_has_a_header_and_its_commas_quoted(panel, tmp_path):
    save_panel(panel, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["layer", "macs_kept"], ["stem, first", "0.5"], ["über", ""]]


def test_the_clipboard_gets_a_picture_and_tabs(panel):
    copy_picture(panel)
    assert QApplication.clipboard().image().size().toTuple() == (160, 80)
    copy_table(panel)
    assert QApplication.clipboard().text() == "layer\tmacs_kept\nstem, first\t0.5\nüber\t\n"


def test_a_panel_without_numbers_says_so(panel, tmp_path):
    panel.rows = []
    with pytest.raises(ExportError, match="Numbers has none yet"):
        save_panel(panel, tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("name", ["a.bmp", "no-folder/a.png"])
def test_what_cannot_be_written_is_told(panel, tmp_path, name):
    with pytest.raises(ExportError, match="Cannot write"):
        save_panel(panel, tmp_path / name)


def test_the_graph_is_saved_whole_and_as_rows(qtbot, tmp_path):
    graph = GraphPanel(Selection())
    qtbot.addWidget(graph)
    graph.resize(300, 200)
    graph.show_event(samples.network_opened())
    save_panel(graph, tmp_path / "graph.svg")
    assert "classifier" in (tmp_path / "graph.svg").read_text(encoding="utf-8")
    save_panel(graph, tmp_path / "graph.csv")
    lines = (tmp_path / "graph.csv").read_text(encoding="utf-8").splitlines()
    assert lines[2].startswith("stem,conv,4x8x8,4,4,")
