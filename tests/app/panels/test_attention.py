"""Attention as numbers by hand, as rows, and as a choice of encoder layer and head."""

import itertools
import math
import re

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.panels.attention import AttentionPanel
from app.panels.attention_facts import Attention
from app.saving import panel_image, save_panel
from app.selection import Selection
from app.theme import LIGHT
from core.events import AttentionMeasured
from tests.app.layer_graphs import chain_network
from tests.app.samples import network_opened, search_started

NAMES = ("a", "b", "c")
EDGES = (("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("a", "a"), ("b", "b"), ("c", "c"))
#        into b      into a      into c      into b      itself


def measured(update: int = 1, edges=EDGES, weights=None) -> AttentionMeasured:
    if weights is None:
        first = [0.5, 0.4, 1.0, 0.25, 0.6, 0.25, 0.0]
        weights = [[first, [1 / 3, 0.5, 0.5, 1 / 3, 0.5, 1 / 3, 0.5]]] * 2
    return AttentionMeasured(update, edges, np.array(weights, dtype=np.float32))


def even_event(names, update: int = 1) -> AttentionMeasured:
    pairs = list(itertools.pairwise(names))
    edges = (*pairs, *((b, a) for a, b in pairs), *((name, name) for name in names))
    into = {name: sum(b == name for _, b in edges) for name in names}
    weights = [[[1 / into[b] for _, b in edges]] * 4] * 2
    return AttentionMeasured(update, edges, np.array(weights, dtype=np.float32))


@pytest.fixture
def panel(qtbot):
    panel = AttentionPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(800, 400)
    panel.show()
    return panel


def test_looks_are_sorted_by_what_lies_before_itself_and_after():
    attention = Attention.of(NAMES, measured(), 0, 0)
    looks = [(look.source, look.relation, round(look.weight, 6)) for look in attention.looks(1)]
    assert looks == [(0, "before", 0.5), (1, "itself", 0.25), (2, "after", 0.25)]
    assert attention.counts.tolist() == [2, 3, 2]


def test_shares_and_even_shares_by_hand():
    attention = Attention.of(NAMES, measured(), 0, 0)
    assert attention.shares == pytest.approx(
        np.array([[0, 0.6, 0.4], [0.5, 0.25, 0.25], [1.0, 0, 0]])
    )
    third = 1 / 3
    assert attention.even_shares == pytest.approx(
        np.array([[0, 0.5, 0.5], [third, third, third], [0.5, 0.5, 0]])
    )


def test_evenness_by_hand():
    attention = Attention.of(NAMES, measured(), 0, 0)
    a = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4)) / math.log(2)
    b = -(0.5 * math.log(0.5) + 0.5 * math.log(0.25)) / math.log(3)
    assert attention.evenness == pytest.approx([a, b, 0.0], abs=1e-6)
    assert attention.most_selective == 2
    even = Attention.of(NAMES, measured(), 0, 1)
    assert even.evenness == pytest.approx([1.0, 1.0, 1.0])
    assert even.mean_evenness == pytest.approx(1.0)


def test_a_layer_without_neighbours_has_no_evenness():
    attention = Attention.of(("a",), measured(edges=(("a", "a"),), weights=[[[1.0]]]), None, None)
    assert math.isnan(attention.evenness[0])
    assert attention.most_selective is None
    assert math.isnan(attention.mean_evenness)


def test_the_mean_is_taken_over_encoder_layers_and_heads():
    weights = [[[0.2], [0.4]], [[0.6], [0.8]]]
    event = measured(edges=(("a", "a"),), weights=weights)
    for layer, head, expected in ((None, None, 0.5), (0, None, 0.3), (None, 1, 0.6), (1, 0, 0.6)):
        assert Attention.of(("a",), event, layer, head).weight == pytest.approx([expected])


def test_it_invites_until_something_is_measured(panel):
    panel.show_event(network_opened())
    panel.show_event(search_started())
    assert panel._pages.currentIndex() == 0
    assert panel.table() is None
    names = [layer.name for layer in network_opened().graph.layers]
    panel.show_event(even_event(names))
    panel.redraw_now()
    assert panel._pages.currentIndex() == 1
    panel.show_event(search_started())
    panel.redraw_now()
    assert panel._pages.currentIndex() == 0


def test_even_attention_is_said_to_be_even(panel):
    panel.show_event(network_opened())
    names = [layer.name for layer in network_opened().graph.layers]
    for update in (1, 5):
        panel.show_event(even_event(names, update))
    panel.redraw_now()
    text = panel.caption.text()
    assert text.startswith("Evenness after update 5: 100.0 % (100 %: the same weight for all).")
    assert "After update 1 it was 100.0 %." in text
    assert "prefers hardly any neighbour" in text
    panel.selection.select_layer("stem")
    assert "stem looks at: " in panel.readout.text()
    assert panel.readout.text().endswith("(evenly: 33.3 % each)")


def test_a_weight_has_the_same_digits_in_the_rows_and_in_words(panel, tmp_path):
    panel.show_event(network_opened())
    panel.show_event(even_event([layer.name for layer in network_opened().graph.layers]))
    panel.redraw_now()
    panel.selection.select_layer("stem")
    assert "33.3 %" in panel.readout.text()
    save_panel(panel, tmp_path / "rows.svg")
    written = re.findall(r"([\d.]+) %", (tmp_path / "rows.svg").read_text(encoding="utf-8"))
    assert written.count("33.3") == 3  # weights of the selected layer
    assert "100.0" in written  # evenness
    assert "33" not in written


def test_layers_and_heads_can_be_chosen(panel):
    panel.show_event(network_opened())
    names = [layer.name for layer in network_opened().graph.layers]
    panel.show_event(even_event(names))
    panel.redraw_now()
    assert [panel.head.itemText(i) for i in range(panel.head.count())] == [
        "mean",
        "1 of 4",
        "2 of 4",
        "3 of 4",
        "4 of 4",
    ]
    event = even_event(names)
    event.weights[1, 2] = 0.0
    event.weights[1, 2, [b == names[0] for _, b in event.edges]] = [0.9, 0.1]
    panel.show_event(event)
    panel.layer.setCurrentIndex(2)
    panel.head.setCurrentIndex(3)
    panel.redraw_now()
    assert sorted(look.weight for look in panel.attention.looks(0)) == pytest.approx([0.1, 0.9])


def test_a_click_and_the_keys_select_a_layer(panel, qtbot):
    panel.show_event(network_opened())
    names = [layer.name for layer in network_opened().graph.layers]
    panel.show_event(even_event(names))
    panel.redraw_now()
    area = panel.canvas.bar_area(2)
    qtbot.mouseClick(
        panel.canvas.viewport(), Qt.MouseButton.LeftButton, pos=area.center().toPoint()
    )
    assert panel.selection.layer == names[2]
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Down)
    assert panel.selection.layer == names[3]
    panel.canvas.pointed.emit(0)
    assert panel.readout.text().startswith(f"{names[0]} looks at:")


def test_a_selected_layer_far_down_is_scrolled_to(panel):
    opened = chain_network(200).opened("long")
    panel.show_event(opened)
    names = [layer.name for layer in opened.graph.layers]
    panel.show_event(even_event(names))
    panel.redraw_now()
    panel.selection.select_layer("conv150")
    area = panel.canvas.bar_area(names.index("conv150"))
    assert 0 < area.top() < area.bottom() < panel.canvas.viewport().height()


def test_bars_are_as_long_as_their_shares(panel):
    panel.use_palette(LIGHT)
    panel.show_event(network_opened())
    names = [layer.name for layer in network_opened().graph.layers]
    panel.show_event(even_event(names))
    panel.redraw_now()
    picture = panel.canvas.viewport().grab().toImage()
    scale, area = picture.devicePixelRatio(), panel.canvas.bar_area(1)  # thirds

    def colour(share: float) -> str:
        x, y = area.left() + share * area.width(), area.center().y()
        return picture.pixelColor(int(x * scale), int(y * scale)).name()

    assert [colour(share) for share in (0.2, 0.5, 0.8)] == [
        LIGHT.accuracy,
        LIGHT.edge,
        LIGHT.reward,
    ]


def test_the_table_has_a_row_for_each_edge(panel):
    panel.show_event(network_opened())
    names = [layer.name for layer in network_opened().graph.layers]
    event = even_event(names)
    panel.show_event(event)
    table = panel.table()
    assert len(table.rows) == len(event.edges)
    assert table.rows[0] == pytest.approx((names[0], names[0], "itself", 0.5, 0.5))
    assert table.rows[1][2] == "after"


def test_a_saved_picture_has_all_rows(panel):
    panel.use_palette(LIGHT)
    opened = chain_network(60).opened("long")
    panel.show_event(opened)
    panel.show_event(even_event([layer.name for layer in opened.graph.layers]))
    panel.redraw_now()
    panel.canvas.verticalScrollBar().setValue(100)
    picture = panel_image(panel)
    size = picture.deviceIndependentSize().toSize()
    assert size == panel.picture_size()
    assert size.height() > 60 * 22
    scale = picture.devicePixelRatio()
    x = panel.canvas.x() + panel.canvas.bar_area(0).left() + 4
    y = panel.canvas.y() + 22 * 60 + 11  # the last row looks at what lies before it
    assert picture.pixelColor(int(x * scale), int(y * scale)).name() == LIGHT.accuracy


def test_attention_over_another_network_is_left_out(panel):
    panel.show_event(network_opened())
    panel.show_event(measured())  # of layers a, b and c
    names = [layer.name for layer in network_opened().graph.layers]
    whole = even_event(names)
    panel.show_event(AttentionMeasured(1, whole.edges, whole.weights[:, :, 1:]))
    panel.show_event(AttentionMeasured(1, (), np.zeros((2, 4, 0), dtype=np.float32)))
    panel.redraw_now()
    assert panel.table() is None
    assert panel._pages.currentIndex() == 0


def test_another_network_may_be_selected_in_before_it_is_drawn(panel):
    panel.show_event(chain_network(2))
    panel.show_event(even_event([layer.name for layer in chain_network(2).graph.layers]))
    panel.redraw_now()
    larger = chain_network(20)
    panel.show_event(larger)
    name = [layer.name for layer in larger.graph.layers][-1]
    panel.selection.select_layer(name)
    assert panel.attention is None
    assert "Select a layer" in panel.readout.text()
    panel.canvas.chosen.emit(0)
    assert panel.selection.layer == name
