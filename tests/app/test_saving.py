"""Panels as files and on the clipboard."""

import csv
import re

import pyqtgraph as pg
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel

from app.panels.graph import GraphPanel
from app.panels.panel import Panel, Table
from app.panels.plot_parts import UniformScatter, line_pen, quieten
from app.saving import copy_picture, copy_table, file_name, panel_image, save_panel
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


class Plotted(Panel):
    """Three points and a line in a plot."""

    NAME = "plotted"

    def __init__(self) -> None:
        super().__init__(Selection())
        self.plot = pg.PlotWidget(self, background="#ffffff", enableMenu=False)
        self.plot.resize(200, 160)
        self.resize(200, 160)
        self.points, self.line = UniformScatter(), pg.InfiniteLine(0.8, angle=0)
        self.points.setData([0.2, 0.5, 0.8], [0.2, 0.2, 0.2])
        self.points.paint_as("o", 30, None, "#000000", width=3.0)
        self.line.setPen(line_pen("#0000ff", 4.0))
        for item in (self.points, self.line):
            self.plot.addItem(item, ignoreBounds=True)
        quieten(self.plot)
        for axis in ("left", "bottom"):
            self.plot.getPlotItem().hideAxis(axis)
        self.plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)

    def title(self) -> str:
        return "Plotted"

    def redraw(self) -> None:
        """Everything stands already."""


@pytest.fixture
def plotted(qtbot) -> Plotted:
    panel = Plotted()
    qtbot.addWidget(panel)
    panel.show()
    return panel


def column(image: QImage, x: int, colour: str) -> int:
    """How many pixels of a column have a colour."""
    return sum(image.pixelColor(x, y).name() == colour for y in range(image.height()))


def test_points_and_lines_of_a_plot_have_the_pictures_pixels_not_the_screens(plotted, tmp_path):
    save_panel(plotted, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert column(image, 4, "#0000ff") == 8  # of a line 4 wide
    middle = image.height() * 8 // 10
    ring = [image.pixelColor(image.width() // 2 + x, middle).lightness() for x in range(40)]
    dark = [x for x, lightness in enumerate(ring) if lightness < 10]
    # Radius 15, 3 wide: black from 27 to 33; of a copy of the screen's pixels it would be less.
    assert len(dark) in (5, 6)
    assert set(dark) <= set(range(26, 34))


def test_a_drawing_of_a_plot_holds_no_picture(plotted, tmp_path):
    save_panel(plotted, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<image" not in text
    assert text.count("#0000ff") == 1  # the line


def test_a_picture_leaves_the_plot_as_it_was(plotted):
    points, line = plotted.points.opts["pen"], plotted.line.currentPen
    before = plotted.grab().toImage()
    panel_image(plotted)
    assert plotted.points.opts["pen"] is points
    assert plotted.line.currentPen is line
    assert plotted.grab().toImage() == before
