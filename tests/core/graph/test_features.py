"""A network as the encoder sees it."""

import math

import numpy as np
import pytest
import torch

from core.graph.features import DECIDED, KEPT, KINDS, NODE_FEATURES, features_so_far, graph_data
from core.graph.trace import analyse_network
from tests.networks import Chain, Residual, build, example_images


def test_a_chain_is_a_path_with_edges_both_ways():
    analysis = analyse_network(build(Chain), example_images())
    data = graph_data(analysis.graph, analysis.groups, np.ones(14, dtype=np.bool_), 0.5)
    names = list(analysis.graph.nodes)
    assert data.x.shape == (len(names), NODE_FEATURES)
    edges = set(map(tuple, data.edge_index.T.tolist()))
    forward = {(names.index(a), names.index(b)) for a, b in analysis.graph.edges}
    assert edges == forward | {(b, a) for a, b in forward}
    assert data.group_of_channel.tolist() == [0] * 8 + [1] * 6
    assert data.budget.tolist() == [0.5]


def test_every_layer_has_its_kind_and_features_stay_small():
    analysis = analyse_network(build(Residual), example_images())
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    data = graph_data(analysis.graph, analysis.groups, keep, 0.3)
    for row, layer in zip(data.x, analysis.graph.layers, strict=True):
        assert KINDS[int(row[: len(KINDS)].argmax())] == layer.kind
        assert row[: len(KINDS)].sum() == 1
    assert torch.isfinite(data.x).all()
    assert data.x.abs().max() <= 1.5


def test_all_that_write_to_a_stream_are_its_producers():
    analysis = analyse_network(build(Residual), example_images())
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    data = graph_data(analysis.graph, analysis.groups, keep, 0.5)
    names = list(analysis.graph.nodes)
    for group in analysis.groups.groups:
        nodes = data.producer_node[data.producer_group == group.id].tolist()
        assert [names[node] for node in nodes] == list(group.producers)


def test_the_mask_and_the_budget_are_seen():
    analysis = analyse_network(build(Chain), example_images())
    keep = np.ones(14, dtype=np.bool_)
    whole = graph_data(analysis.graph, analysis.groups, keep, 0.5).x
    keep[:4] = False
    half = graph_data(analysis.graph, analysis.groups, keep, 0.5).x
    node = list(analysis.graph.nodes).index(analysis.groups.groups[0].producers[0])
    changed = (whole != half).nonzero()
    assert set(changed[:, 0].tolist()) >= {node}
    assert (half[node] - whole[node]).min() == -0.5
    assert (graph_data(analysis.graph, analysis.groups, keep, 0.25).x[:, -1] == 0.25).all()


def test_weights_are_told_by_the_norms_of_their_filters():
    module = build(Chain)
    with torch.no_grad():
        weight = module.first[0].weight  # eight filters
        weight.zero_()
        weight[:, 0, 0, 0] = torch.tensor([1.0, 3.0] * 4)
    analysis = analyse_network(module, example_images())
    keep = np.ones(14, dtype=np.bool_)
    data = graph_data(analysis.graph, analysis.groups, keep, 0.5, module.state_dict())
    node = list(analysis.graph.nodes).index(analysis.groups.groups[0].producers[0])
    told = data.x[node, len(KINDS) + 11 : len(KINDS) + 14].tolist()
    assert told == pytest.approx([math.log2(3.0) / 8, 0.5, 0.5])  # mean 2, deviation 1, least 1
    without = graph_data(analysis.graph, analysis.groups, keep, 0.5)
    assert without.x[:, len(KINDS) + 11 : len(KINDS) + 14].abs().max() == 0


@pytest.mark.parametrize("kind", [Chain, Residual])
def test_features_while_masks_are_decided_are_those_of_their_masks(kind):
    analysis = analyse_network(build(kind), example_images())
    channels = analysis.plan.channel_count
    rng = np.random.default_rng(0)
    masks, decided = rng.random((3, channels)) < 0.5, rng.random(channels) < 0.6
    data = graph_data(analysis.graph, analysis.groups, np.ones(channels, dtype=np.bool_), 0.5)
    x = features_so_far(data, torch.from_numpy(masks).float(), torch.from_numpy(decided))
    for mask, row in zip(masks, x, strict=True):
        expected = graph_data(analysis.graph, analysis.groups, mask | ~decided, 0.5).x
        assert torch.allclose(row[:, :DECIDED], expected[:, :DECIDED], atol=1e-6)
    share = [
        np.mean((layer.channels >= 0) & decided[layer.channels]) if layer.channels.size else 0.0
        for layer in analysis.graph.layers
    ]
    assert x[0, :, DECIDED].tolist() == pytest.approx(share)
    assert not data.x[:, DECIDED].any()
    assert (data.x[:, KEPT] == 1.0).all()
