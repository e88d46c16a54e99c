"""Every channel is seen once, through the first layer that produces it."""

import numpy as np
import pytest

from core.graph.rows import channel_rows
from core.graph.trace import analyse_network
from tests import networks
from tests.app import samples


def test_a_stream_is_seen_through_its_first_layer():
    stem, inner = channel_rows(samples.tiny_graph(), samples.tiny_groups())
    assert (stem.layer, stem.others, stem.is_stream) == ("stem", ("block.back",), True)
    assert stem.channels.tolist() == stem.places.tolist() == [0, 1, 2, 3]
    assert (inner.layer, inner.others, inner.is_stream) == ("block.inner", (), False)
    assert inner.channels.tolist() == list(range(4, 12))
    assert inner.places.tolist() == list(range(8))


@pytest.mark.parametrize("kind", [networks.PaddedShortcut, networks.Dense, networks.Grouped])
def test_rows_divide_the_channels_of_real_networks(kind):
    analysis = analyse_network(networks.build(kind), networks.example_images(1))
    rows = channel_rows(analysis.graph, analysis.groups)
    ids = np.concatenate([row.channels for row in rows])
    assert sorted(ids.tolist()) == list(range(analysis.groups.channel_count))
    for row in rows:
        assert (analysis.graph.layer(row.layer).channels[row.places] == row.channels).all()
        assert (np.diff(row.places) > 0).all()


def test_a_shortcut_that_pads_gives_the_new_channels_a_row_of_their_own():
    analysis = analyse_network(networks.build(networks.PaddedShortcut), networks.example_images(1))
    rows = channel_rows(analysis.graph, analysis.groups)
    depth = list(analysis.graph.nodes)
    assert len({row.layer for row in rows}) == len(rows)
    assert [row.layer for row in rows] == sorted((row.layer for row in rows), key=depth.index)
