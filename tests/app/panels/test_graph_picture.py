"""The graph as a file: every format holds it, and what cannot be written is said."""

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QColor, QImage
from PySide6.QtSvg import QSvgRenderer

from app.panels.graph import GraphPanel
from app.selection import Selection
from app.theme import LIGHT
from core.errors import ExportError
from tests.app.layer_graphs import chain_network, residual_network


@pytest.fixture
def panel(qtbot, tmp_path):
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    panel = GraphPanel(Selection(), settings=settings)
    qtbot.addWidget(panel)
    panel.resize(1000, 420)
    return panel


@pytest.fixture
def opened(panel):
    panel.show_event(residual_network(9).opened("resnet56", {"linear": "it is the output"}))
    panel.view.zoom_by(3.0)  # the whole graph is written all the same
    return panel


def kept_share(image: QImage) -> float:
    """How much of a picture has the colour of kept channels."""
    wanted = QColor(LIGHT.kept).rgb()
    points = [(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)]
    return sum(image.pixel(x, y) == wanted for x, y in points) / len(points)


def test_a_png_holds_the_whole_graph(opened, tmp_path):
    path = tmp_path / "graph.png"
    opened.export_picture(path)
    image = QImage(str(path))
    page = opened.scene.page
    assert image.width() == pytest.approx(2 * (page.width + 32), abs=2)
    assert image.height() == pytest.approx(2 * (page.height + 32), abs=2)
    assert 0.1 < kept_share(image) < 0.6
    assert image.pixelColor(3, 3).name() == LIGHT.window


def test_an_svg_holds_names_and_the_same_picture(opened, tmp_path):
    path = tmp_path / "graph.svg"
    opened.export_picture(path)
    text = path.read_text(encoding="utf-8")
    for name in ("layer1.0", "layer3.8", "input 3×32×32"):
        assert f">{name}<" in text
    box = QSvgRenderer(str(path)).viewBoxF()
    assert box.width() == pytest.approx(opened.scene.page.width + 32, abs=2)


def test_a_pdf_has_one_page_of_the_graphs_shape(opened, tmp_path):
    path = tmp_path / "graph.pdf"
    opened.export_picture(path)
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") == 1
    box = data.split(b"/MediaBox [")[1].split(b"]")[0].split()
    page = opened.scene.page
    shape = (page.width + 32) / (page.height + 32)
    assert float(box[2]) / float(box[3]) == pytest.approx(shape, rel=0.02)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_hundreds_of_layers_can_be_written(panel, tmp_path, suffix):
    panel.show_event(chain_network(200).opened("chain"))
    path = tmp_path / f"graph{suffix}"
    panel.export_picture(path)
    assert path.stat().st_size > 10_000


def test_an_unknown_format_is_refused_with_the_known_ones(opened, tmp_path):
    with pytest.raises(ExportError, match=r"'\.gif' is no format.*\.svg, \.png, \.pdf"):
        opened.export_picture(tmp_path / "graph.gif")


def test_a_folder_that_is_not_there_is_named(opened, tmp_path):
    path = tmp_path / "missing" / "graph.svg"
    with pytest.raises(ExportError, match=r"Cannot write .*missing.*No such file"):
        opened.export_picture(path)


def test_without_a_network_there_is_nothing_to_write(panel, tmp_path):
    with pytest.raises(ExportError, match="no network is open"):
        panel.export_picture(tmp_path / "graph.png")
    assert list(tmp_path.glob("*.png")) == []
