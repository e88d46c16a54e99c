"""Blocks by module path, runs of equal blocks, and what is left when they are folded."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.graph_blocks import BlockTree, find_blocks
from app.graph_folding import first_folded, fold
from app.graph_frames import block_frames
from app.graph_layout import arrange, lay_out
from app.graph_shown import BlockChannels, ShownGraph
from core.graph.layers import LayerGraph, LayerNode
from tests.app.layer_graphs import always_kept, chain_network, nested_network, residual_network
from tests.app.test_graph_layout import assert_nothing_is_hidden, sizes_of


@st.composite
def nested_graphs(draw) -> LayerGraph:
    """Random layers in random modules, in running order, wired at random."""
    count = draw(st.integers(1, 16))
    parts = st.sampled_from(["a", "b", "0", "1"])
    graph = LayerGraph()
    for index in range(count):
        path = draw(st.lists(parts, max_size=3))
        name = ".".join([*path, f"conv{index}"])
        graph.add_layer(LayerNode(name, "conv", (1, 1, 1), (1, 1, 1), always_kept(1)))
    names = list(graph.nodes)
    for index in range(1, count):
        for source in draw(st.sets(st.integers(0, index - 1), max_size=3)):
            graph.add_edge(names[source], names[index])
    return graph


def folded_choice(data, tree: BlockTree) -> set[str]:
    return data.draw(st.sets(st.sampled_from(sorted(tree.blocks)))) if tree.blocks else set()


def titles(tree: BlockTree) -> list[str]:
    return [block.title for block in tree.blocks.values()]


@settings(max_examples=60, deadline=None)
@given(nested_graphs(), st.data())
def test_folding_never_makes_a_cycle(graph, data):
    tree = find_blocks(graph)
    seen = fold(graph, tree, folded_choice(data, tree))
    assert nx.is_directed_acyclic_graph(seen.graph)


@settings(max_examples=60, deadline=None)
@given(nested_graphs(), st.data())
def test_every_layer_and_every_wire_is_shown_once(graph, data):
    tree = find_blocks(graph)
    folded = folded_choice(data, tree)
    seen = fold(graph, tree, folded)
    assert seen.node_of.keys() == set(graph.nodes)
    assert set(seen.node_of.values()) == set(seen.graph.nodes)
    for layer, node in seen.node_of.items():
        assert node == layer or (node in folded and layer in tree.blocks[node].layers)
    ends = {(seen.node_of[a], seen.node_of[b]) for a, b in graph.edges}
    assert set(seen.graph.edges) == {(a, b) for a, b in ends if a != b}


@settings(max_examples=60, deadline=None)
@given(nested_graphs(), st.data())
def test_a_block_is_refused_only_where_it_was_to_be_folded(graph, data):
    tree = find_blocks(graph)
    folded = folded_choice(data, tree)
    assert fold(graph, tree, folded).refused <= folded
    whole = fold(graph, tree, set())
    assert list(whole.graph.nodes) == list(graph.nodes)
    assert set(whole.graph.edges) == set(graph.edges)


@settings(max_examples=40, deadline=None)
@given(nested_graphs())
def test_blocks_lie_within_their_parents(graph):
    tree = find_blocks(graph)
    for block in tree.blocks.values():
        around = tree.around(block.name)
        assert 1 < len(block.layers) < len(graph)
        for outer in around:
            assert set(block.layers) < set(tree.blocks[outer].layers)
    for layer, home in tree.home.items():
        chain = tree.around(layer)
        assert (chain[-1] if chain else "") == home
        assert all(layer in tree.blocks[block].layers for block in chain)


@settings(max_examples=25, deadline=None)
@given(nested_graphs(), st.data(), st.booleans())
def test_folded_graphs_hide_no_node_and_no_wire(graph, data, is_vertical):
    tree = find_blocks(graph)
    seen = fold(graph, tree, folded_choice(data, tree)).graph
    page = lay_out(arrange(seen, sizes_of(seen), is_vertical=is_vertical), (500.0, 300.0))
    assert_nothing_is_hidden(seen, page)


def test_blocks_follow_module_paths_and_equal_ones_are_a_run():
    tree = find_blocks(nested_network(4).graph)
    assert titles(tree) == ["body", "body.0", "body.1–3", "body.1", "body.2", "body.3"]
    run = tree.blocks["body.1–3.*"]
    assert run.repeats == 3
    assert len(run.layers) == 9
    assert tree.around("body.2.conv1") == ("body.*", "body.1–3.*", "body.2.*")


def test_two_equal_blocks_are_no_run():
    assert titles(find_blocks(nested_network(3).graph)) == ["body", "body.0", "body.1", "body.2"]


def test_a_run_that_is_all_of_a_block_is_not_said_twice():
    tree = find_blocks(residual_network(4, stages=1).graph)
    assert titles(tree) == ["layer1", "layer1.0", "layer1.1", "layer1.2", "layer1.3"]


def test_long_runs_are_named_by_first_and_last():
    tree = find_blocks(nested_network(22).graph)
    assert "body.1–21" in titles(tree)


def test_blocks_that_a_wire_leaves_and_enters_again_stay_open():
    graph = LayerGraph()
    for name in ("a.0", "b", "a.1", "end"):
        graph.add_layer(LayerNode(name, "conv", (1, 1, 1), (1, 1, 1), always_kept(1)))
    graph.add_edges_from([("a.0", "b"), ("b", "a.1"), ("a.1", "end")])
    tree = find_blocks(graph)
    seen = fold(graph, tree, {"a.*"})
    assert seen.refused == {"a.*"}
    assert list(seen.graph.nodes) == ["a.0", "b", "a.1", "end"]


def test_of_two_blocks_in_a_cycle_one_stays_folded():
    graph = LayerGraph()
    for name in ("a.0", "b.0", "b.1", "a.1", "b.2"):
        graph.add_layer(LayerNode(name, "conv", (1, 1, 1), (1, 1, 1), always_kept(1)))
    graph.add_edges_from([("a.0", "b.0"), ("b.1", "a.1")])  # each alone closes no cycle
    tree = find_blocks(graph)
    seen = fold(graph, tree, {"a.*", "b.*"})
    assert seen.refused == {"a.*"}  # the smaller
    assert list(seen.graph.nodes) == ["a.0", "b.*", "a.1"]


@pytest.mark.parametrize(("most", "nodes"), [(4, 5), (7, 6), (8, 8), (16, 8), (17, 17)])
def test_a_first_view_unfolds_level_by_level_while_there_is_room(most, nodes):
    # input, stem, body, head, output; body is body.0 and a run of 3; these have 4 and 3 layers.
    graph = nested_network(4).graph
    tree = find_blocks(graph)
    seen = fold(graph, tree, first_folded(graph, tree, most))
    assert len(seen.graph) == nodes


def test_small_networks_are_shown_whole():
    builder = nested_network(4)
    assert list(ShownGraph(builder.graph, builder.groups()).nodes) == list(builder.graph.nodes)


def test_layers_without_modules_are_all_shown():
    builder = chain_network(100)
    assert len(ShownGraph(builder.graph, builder.groups()).nodes) == 100


@pytest.fixture
def shown():
    builder = residual_network(9)  # ResNet-56: 27 blocks
    return ShownGraph(builder.graph, builder.groups({"linear": "it is the output"}))


def test_a_large_network_is_folded_at_first(shown):
    assert len(shown.nodes) <= 44
    assert shown.block("layer1.0.*") is not None
    assert shown.node_of("layer1.0.conv1") == "layer1.0.*"


def test_unfolding_and_folding_are_undone_by_each_other(shown):
    before = list(shown.nodes)
    assert shown.unfold("layer1.0.*")
    assert shown.node_of("layer1.0.conv1") == "layer1.0.conv1"
    assert shown.fold("layer1.0.*")
    assert list(shown.nodes) == before
    assert not shown.fold("layer1.0.*")


def test_all_can_be_folded_and_unfolded(shown):
    shown.unfold_all()
    assert list(shown.nodes) == list(shown.network.nodes)
    shown.fold_all()
    assert [n for n in shown.nodes if shown.block(n)] == ["layer1.*", "layer2.*", "layer3.*"]


def test_a_layer_is_shown_by_unfolding_only_what_hides_it(shown):
    shown.fold_all()
    assert shown.show_layer("layer2.4.conv2")
    assert shown.node_of("layer2.4.conv2") == "layer2.4.conv2"
    assert shown.block(shown.node_of("layer2.3.conv2")) is not None
    assert shown.block(shown.node_of("layer1.0.conv1")) is not None
    assert not shown.show_layer("layer2.4.conv2")
    assert not shown.show_layer("no such layer")


def test_a_block_has_the_groups_of_its_layers_and_lets_out_its_stream(shown):
    stream = shown.groups_of("conv1")
    inner = shown.groups_of("layer1.0.conv1")
    assert shown.groups_of("layer1.0.*") == stream | inner
    assert shown.groups_leaving("layer1.0.*") == stream


def test_reasons_are_counted_and_only_whole_blocks_are_frozen():
    builder = residual_network(9)
    reasons = dict.fromkeys(["layer1.0.conv1", "layer1.0.conv2", "layer1.1.conv1"], "a reason")
    shown = ShownGraph(builder.graph, builder.groups(reasons))
    assert shown.frozen_reasons("layer1.0.*") == {"a reason": 2}
    assert shown.is_frozen("layer1.0.*")
    assert not shown.is_frozen("layer1.1.*")
    assert not shown.is_frozen("layer1.2.*")


def test_layers_are_found_by_any_words_of_their_name_or_their_norm(shown):
    assert shown.find("LAYER2.3 conv") == ("layer2.3.conv1", "layer2.3.conv2")
    assert shown.find("layer2.3.bn2") == ("layer2.3.conv2",)
    assert shown.find("  ") == ()
    assert shown.find("lstm") == ()


def test_kept_channels_are_counted_layer_by_layer():
    layers = [
        LayerNode("a", "conv", (1, 1, 1), (3, 1, 1), np.array([0, 1, 2])),
        LayerNode("b", "conv", (3, 1, 1), (4, 1, 1), np.array([-1, 2, 2, 0])),
        LayerNode("c", "conv", (4, 1, 1), (2, 1, 1), always_kept(2)),
    ]
    channels = BlockChannels(layers)
    assert channels.count(np.array([True, False, False])).tolist() == [1, 2, 2]
    assert channels.totals.tolist() == [3, 4, 2]
    assert channels.is_prunable.tolist() == [True, True, False]
    assert BlockChannels(()).count(np.array([True])).tolist() == []


def test_unfolded_blocks_are_framed_and_frames_hold_nothing_else():
    graph = nested_network(6).graph
    tree = find_blocks(graph)
    page = lay_out(arrange(graph, sizes_of(graph)), (900.0, 450.0))
    frames = block_frames(page, tree)
    assert {frame.block for frame in frames} == {f"body.{index}.*" for index in range(6)}
    for frame in frames:
        held = {name for name, box in page.boxes.items() if frame.holds(*box.centre)}
        assert held
        assert held <= set(tree.blocks[frame.block].layers)
