"""Pins as text and as arrays, over the stem (channels 0-3) and the inner layer (4-11)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.graph.trace import analyse_network
from core.pruning.pins import (
    NO_PIN,
    PIN_KEEP,
    PIN_REMOVE,
    emptied_layer,
    format_pins,
    format_ranges,
    no_pins,
    parse_pins,
)
from tests import networks
from tests.app import samples

GRAPH, GROUPS = samples.tiny_graph(), samples.tiny_groups()


def parse(kept=(), removed=()):
    return parse_pins(kept, removed, GRAPH, GROUPS)


def test_lines_name_layers_and_their_own_channels():
    pins = parse(["stem:0,2-3"], ["block.inner:1-2"])
    assert np.flatnonzero(pins == PIN_KEEP).tolist() == [0, 2, 3]
    assert np.flatnonzero(pins == PIN_REMOVE).tolist() == [5, 6]


def test_a_pin_through_a_coupled_layer_is_the_same_pin():
    assert (parse(["block.back:1"]) == parse(["stem:1"])).all()


def test_all_pins_a_whole_layer_and_spaces_do_not_matter():
    assert (parse([" block.inner : all "]) == parse(["block.inner:0 - 3, 4-7"])).all()
    assert (parse(["block.inner:all"]) == PIN_KEEP).sum() == 8


def test_what_is_always_kept_may_be_pinned_to_stay():
    assert (parse(["classifier:all"]) == NO_PIN).all()


@pytest.mark.parametrize(
    ("kept", "removed", "words"),
    [
        (["stam:0"], [], "no layer 'stam'. Did you mean 'stem'?"),
        (["0-3"], [], "no layer ''. Write a layer and its channels"),
        (["stem:"], [], "cannot read the channels ''"),
        (["stem:1;2"], [], "cannot read the channels '1;2'. Write them like 0-3,7, or all."),
        (["stem:0-4"], [], "has no channels 0-4. Its channels are 0 to 3."),
        (["stem:3-1"], [], "has no channels 3-1"),
        ([], ["classifier:0-2"], "3 channels of this layer cannot be removed"),
        (["stem:1"], ["block.back:0-1"], "1 channel of it must also be kept"),
        ([], ["block.inner:all"], "removes every channel of layer 'block.inner'"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_the_remedy(kept, removed, words):
    with pytest.raises(ConfigError) as caught:
        parse(kept, removed)
    assert words in str(caught.value)
    assert "pinned_" in str(caught.value)


def test_pins_are_written_as_short_lines():
    pins = no_pins(GROUPS)
    pins[[0, 1, 2, 5]] = PIN_KEEP
    pins[[7, 9, 10]] = PIN_REMOVE
    assert format_pins(pins, GRAPH, GROUPS) == (
        ("stem:0-2", "block.inner:1"),
        ("block.inner:3,5-6",),
    )


def test_ranges_join_neighbours():
    assert format_ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert format_ranges([]) == ""


@given(st.lists(st.sampled_from([PIN_KEEP, NO_PIN, PIN_REMOVE]), min_size=12, max_size=12))
def test_what_is_written_is_read_back(values):
    pins = np.array(values, dtype=np.int8)
    if emptied_layer(pins, GRAPH) is not None:
        return
    assert (parse(*format_pins(pins, GRAPH, GROUPS)) == pins).all()


@pytest.mark.parametrize("kind", [networks.PaddedShortcut, networks.Dense, networks.Grouped])
def test_pins_of_real_networks_are_read_back(kind):
    analysis = analyse_network(networks.build(kind), networks.example_images(1))
    graph, groups = analysis.graph, analysis.groups
    pins = np.random.default_rng(0).choice([PIN_KEEP, NO_PIN], groups.channel_count)
    for group in groups.groups:
        pins[group.start] = PIN_REMOVE if len(group) > 2 else NO_PIN
    assert (
        parse_pins(*format_pins(pins.astype(np.int8), graph, groups), graph, groups) == pins
    ).all()
