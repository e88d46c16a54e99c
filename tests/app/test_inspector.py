"""The inspector: events and a selected layer go in, words and numbers come out."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from app.panels.inspector import InspectorPanel
from app.panels.mask_strip import MaskStrip, learned_look, magnitude_look
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.comparison import LayerComparison, compare_layer
from core.events import Event, ImportancesMeasured, PolicyUpdated
from core.graph.coupling import CouplingGroups
from tests.app import samples

INNER = "block.inner"
TAB = Qt.FocusPolicy.TabFocus


@pytest.fixture
def panel(qtbot) -> InspectorPanel:
    panel = InspectorPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(320, 500)
    panel.show()
    tell(panel, samples.network_opened())
    return panel


def tell(panel: InspectorPanel, event: Event) -> None:
    panel.selection.show_event(event)
    panel.show_event(event)
    panel.redraw_now()


def select(panel: InspectorPanel, layer: str) -> None:
    panel.selection.select_layer(layer)
    panel.redraw_now()


@pytest.fixture
def inner(panel) -> InspectorPanel:
    tell(panel, samples.best_changed(12))
    select(panel, INNER)
    return panel


def test_without_a_layer_it_invites_to_select_one(panel):
    assert not panel.name.isVisible()


def test_the_keys_go_to_what_scrolls_not_into_a_sentence(qtbot, panel):
    stops = [part for part in panel.findChildren(QWidget) if part.focusPolicy() & TAB]
    assert not [part for part in stops if part.isVisible()]
    select(panel, INNER)
    area = panel.findChild(QScrollArea)
    assert area.focusPolicy() & TAB
    panel.resize(320, 120)
    qtbot.keyClick(area, Qt.Key.Key_PageDown)
    assert area.verticalScrollBar().value() > 0


def test_a_selected_layer_is_named_with_its_kind_and_shapes(inner):
    assert inner.name.text() == INNER
    assert inner.kind.text() == "Convolution 3 × 3 · 4×8×8 → 8×8×8"
    assert inner.kept.text() == "3 of 8 channels kept"


def test_approximate_channels_say_why_their_cut_differs_or_why_they_stay(panel):
    opened = samples.network_opened()
    first, *others = opened.groups.groups
    why = "LayerNorm's statistics depend on the width"
    groups = CouplingGroups((replace(first, approximate=why), *others))
    tell(panel, replace(opened, groups=groups))
    select(panel, "stem")
    assert panel.approximation.text() == f"A cut of it differs a little from its mask: {why}."
    panel.use_groups("exact")
    panel.redraw_now()
    assert panel.approximation.text() == (
        f"Its channels stay, because only exact groups are wanted: {why}."
    )
    select(panel, INNER)
    assert not panel.approximation.isVisible()


def test_the_overlap_with_l1_is_said_in_words(inner):
    # The agent keeps channels 0, 1 and 7 of the layer, L1 would keep 0, 1 and 2.
    assert inner.overlap.text() == (
        "2 of 3 kept channels are the same; the agent keeps 1 that L1 would remove. Jaccard 0.50."
    )
    assert inner.legend.texts == ["both keep: 2", "only the agent: 1", "neither: 4", "only L1: 1"]


def test_the_criterion_that_compare_is_set_to_is_named(inner):
    scores = {"l1": samples.MAGNITUDE, "bn_scale": -samples.MAGNITUDE}
    tell(inner, ImportancesMeasured(scores))
    inner.selection.compare_with("bn_scale")
    inner.redraw_now()
    # The least three by L1 are the greatest three by its opposite: none of 0, 1 and 2.
    assert inner.overlap.text() == (
        "1 of 3 kept channels are the same; the agent keeps 2 that BN scale would remove. "
        "Jaccard 0.20."
    )
    assert inner.mask_source.text().endswith("Below: BN scale, keeping as many.")
    assert inner.legend.texts[3] == "only BN scale: 2"
    assert inner.strip.describe(0) == "Channel 0: the agent keeps it, BN scale would remove it"
    assert inner.table().header[2] == "is_kept_by_bn_scale"


def test_a_criterion_without_scores_leaves_l1(inner):
    inner.selection.compare_with("unknown")
    inner.redraw_now()
    assert "L1, keeping as many" in inner.mask_source.text()


def test_costs_are_shown_before_and_after(inner):
    # Three of four inputs and three of eight outputs are kept; 288 weights and 16 of the norm.
    assert inner.cost.texts == {
        "macs": ["18,432", "5,184", "28 %"],
        "params": ["304", "87", "29 %"],
    }


def test_a_layer_of_a_stream_links_to_the_layers_cut_with_it(panel):
    select(panel, "stem")
    assert 'href="block.back"' in panel.coupled.text()
    panel.coupled.linkActivated.emit("block.back")
    assert panel.selection.layer == "block.back"


def test_a_name_that_is_not_drawn_is_no_link(panel):
    select(panel, "stem")
    assert "classifier" in panel.readers.text()
    select(panel, "block.inner")
    assert panel.coupled.text() == "None"


def test_a_classifier_says_that_its_channels_stay(panel):
    select(panel, "classifier")
    assert panel.overlap.text() == "No channel of this layer can be removed."
    assert not panel.strip.isVisible()


def test_before_a_search_every_channel_is_kept(panel):
    select(panel, INNER)
    assert panel.kept.text() == "8 of 8 channels kept"
    assert "nothing to compare" in panel.overlap.text()


def test_the_policy_is_shown_until_a_best_mask_is_known(qtbot, panel):
    select(panel, INNER)
    keep = np.ones(12, dtype=np.bool_)
    keep[4] = False
    policy = PolicyUpdated(1, np.full(12, 0.5, np.float32), keep, 0.0, 0.0, 0.0, 0.0, 0.0)
    tell(panel, policy)
    qtbot.waitUntil(lambda: panel.kept.text() == "7 of 8 channels kept", timeout=1000)
    tell(panel, samples.best_changed())
    tell(panel, policy)
    qtbot.waitUntil(lambda: panel.kept.text() == "3 of 8 channels kept", timeout=1000)


def test_a_new_network_forgets_the_layer(qtbot, inner):
    tell(inner, samples.network_opened())
    qtbot.waitUntil(lambda: not inner.name.isVisible(), timeout=1000)


def comparison() -> LayerComparison:
    layer = samples.tiny_graph().layer(INNER)
    return compare_layer(layer, samples.BEST, samples.MAGNITUDE)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_no_two_states_of_a_channel_look_alike_without_colour(palette):
    masks = comparison()
    pairs = [
        (learned_look(masks, channel, palette), magnitude_look(masks, channel, palette))
        for channel in (0, 2, 3, 7)  # both, only L1, neither, only the agent
    ]
    shapes = {
        tuple((look.is_filled, look.is_cut, look.is_barred) for look in pair) for pair in pairs
    }
    assert len(shapes) == 4


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (0, "Channel 0: both keep it"),
        (2, "Channel 2: the agent removes it, L1 would keep it"),
        (3, "Channel 3: both remove it"),
        (7, "Channel 7: the agent keeps it, L1 would remove it"),
    ],
)
def test_a_channel_is_described_in_words(qtbot, channel, words):
    strip = MaskStrip()
    qtbot.addWidget(strip)
    strip.show_comparison(comparison(), "L1")
    assert strip.describe(channel) == words


def test_a_wide_layer_takes_more_lines_and_every_channel_is_found(qtbot):
    count = 100
    ones = np.ones(count, dtype=np.bool_)
    strip = MaskStrip()
    qtbot.addWidget(strip)
    strip.resize(300, 50)
    strip.show_comparison(LayerComparison(ones, ones, ~ones), "L1")
    found = {
        strip.channel_at(QPointF(x + 0.5, y + 0.5))
        for x in range(0, strip.width(), 4)
        for y in range(0, strip.height(), 7)
    }
    assert found - {None} == set(range(count))
    assert strip.height() > 50
