"""The analyser on networks whose coupling is known by hand."""

import inspect

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from core.errors import GraphError
from core.graph.rules import RULES
from core.graph.running import NetworkTrace
from core.graph.trace import _trace, analyse_network
from tests import networks
from tests.networks import build, example_images


def analyse(kind):
    return analyse_network(build(kind), example_images())


def test_a_chain_has_one_group_a_hidden_layer_and_a_frozen_classifier():
    analysis = analyse(networks.Chain)
    assert [(g.name, len(g)) for g in analysis.groups.groups] == [("first.0", 8), ("second.0", 6)]
    assert [(f.layer, f.reason) for f in analysis.groups.frozen] == [
        ("head", "it is an output of the network")
    ]
    assert analysis.groups.groups[0].consumers == ("second.0",)
    assert list(analysis.plan.owners["second.0.weight"][1]) == list(range(8))
    assert list(analysis.plan.owners["second.0.weight"][0]) == list(range(8, 14))


def test_macs_of_a_chain_by_hand():
    layers = {layer.name: layer for layer in analyse(networks.Chain).graph.layers}
    assert layers["first.0"].macs == 8 * 3 * 9 * 64
    assert layers["second.0"].macs == 6 * 8 * 9 * 64
    assert layers["head"].macs == 6 * 4
    assert layers["first.0"].params == 8 * 3 * 9 + 2 * 8
    assert layers["head"].params == 6 * 4 + 4


def test_the_graph_is_acyclic_and_goes_from_input_to_output():
    for kind in networks.EXACT.values():
        graph = analyse(kind).graph
        assert nx.is_directed_acyclic_graph(graph)
        assert nx.has_path(graph, "input", "output")
        assert all(nx.has_path(graph, name, "output") for name in graph)


def test_norms_and_activations_are_folded_into_their_layer():
    layers = {layer.name: layer for layer in analyse(networks.Chain).graph.layers}
    assert layers["first.0"].folded == ("first.1", "first.2")
    assert set(layers) == {"input", "first.0", "second.0", "pool", "head", "output"}


def test_a_residual_stream_is_one_group_of_all_its_producers():
    analysis = analyse(networks.Residual)
    streams = {g.producers for g in analysis.groups.groups if g.is_stream}
    assert streams == {("stem.0", "outer"), ("wide_outer", "projection")}
    assert {g.name for g in analysis.groups.groups if not g.is_stream} == {"inner.0", "wide.0"}
    assert ("stem.0", "add") in analysis.graph.edges


def test_option_a_padding_keeps_the_padded_channels_and_couples_the_rest():
    analysis = analyse(networks.PaddedShortcut)
    stem = analysis.plan.owners["stem.0.weight"][0]
    outer = analysis.plan.owners["outer.weight"][0]
    assert list(outer) == [-1, -1, *stem, -1, -1]


def test_concatenation_reads_its_parts_in_order():
    analysis = analyse(networks.Dense)
    first = list(analysis.plan.owners["first.0.weight"][0])
    second = list(analysis.plan.owners["second.0.weight"][0])
    assert list(analysis.plan.owners["last.weight"][1]) == first + second
    assert list(analysis.plan.owners["norm.running_mean"][0]) == first + second


def test_depthwise_and_squeeze_excite_follow_their_features():
    analysis = analyse(networks.InvertedResidual)
    features = list(analysis.plan.owners["expand.0.weight"][0])
    for key, dim in [("depthwise.0.weight", 0), ("squeeze.weight", 1), ("excite.weight", 0)]:
        assert list(analysis.plan.owners[key][dim]) == features
    assert analysis.graph.layer("depthwise.0").kind == "depthwise"


def test_grouped_convolutions_lose_the_same_positions_in_every_group():
    owners = analyse(networks.Grouped).plan.owners["first.0.weight"][0]
    assert list(owners[:4]) == list(owners[4:])


def test_a_flattened_linear_layer_reads_every_position_of_a_channel():
    owners = analyse(networks.Flattened).plan.owners
    assert list(owners["hidden.weight"][1]) == list(np.repeat(owners["conv.weight"][0], 16))


def test_a_shared_layer_is_drawn_twice_and_owns_its_parameters_once():
    graph = analyse(networks.Shared).graph
    assert graph.layer("twice").params == 6 * 6 * 9 + 6
    assert graph.layer("twice#2").params == 0
    assert graph.layer("twice#2").macs == graph.layer("twice").macs


def test_an_operation_without_a_rule_freezes_by_name():
    frozen = {f.layer: f.reason for f in analyse(networks.Sorted).groups.frozen}
    source = inspect.getsource(networks).split("\n")
    line = 1 + next(i for i, text in enumerate(source) if "sort(" in text)
    assert frozen["first"] == f"operation 'sort' is not known (networks.py, line {line})"


def test_layer_norm_marks_its_group_as_approximate():
    groups = {g.name: g for g in analyse(networks.Normalised).groups.groups}
    assert groups["conv"].approximate == "LayerNorm's statistics depend on the width"
    assert groups["hidden"].approximate is None


def test_layers_that_the_input_does_not_reach_are_named():
    class Partial(networks.Chain):
        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(2, 2)

    warnings = analyse(Partial).warnings
    assert warnings == ("5 of 6 layers were reached; left alone: unused.",)


def test_a_failing_forward_names_the_place_and_the_shape():
    with pytest.raises(GraphError, match=r"first\.0.*\(1, 5, 8, 8\)"):
        analyse_network(build(networks.Chain), torch.zeros(1, 5, 8, 8))


class Broken(networks.Chain):
    """A mistake in the user's own code."""

    def forward(self, x):
        x = self.first(x)
        return self.head(x @ torch.zeros(3, 3))  # HERE


def test_a_mistake_in_the_network_is_shown_with_operation_module_and_line():
    source = inspect.getsource(inspect.getmodule(Broken)).split("\n")
    line = 1 + next(i for i, text in enumerate(source) if text.endswith("# HERE"))
    with pytest.raises(GraphError) as caught:
        analyse_network(build(Broken), example_images())
    message = str(caught.value)
    assert f"Cannot trace the network (test_trace.py, line {line})" in message
    assert "shape (4, 3, 8, 8) failed in operation 'mm'" in message
    assert message.endswith("Check the input shape.")
    assert "Traceback" in caught.value.details


def test_a_failing_layer_is_named_with_its_operation():
    with pytest.raises(GraphError, match=r"Cannot trace first\.0.* failed in operation 'conv"):
        analyse_network(build(networks.Chain), torch.zeros(1, 5, 8, 8))


class Talkative(networks.Chain):
    """Asks for values, so that it cannot run on shapes alone."""

    def forward(self, x):
        if x.mean().item() > 1e9:
            return x
        return super().forward(x)


def test_a_network_that_asks_for_values_is_traced_with_them():
    groups = analyse(Talkative).groups
    assert groups.groups == analyse(networks.Chain).groups.groups


@pytest.mark.parametrize("kind", networks.EXACT.values())
def test_shapes_alone_say_what_values_say(kind):
    module, x = build(kind), example_images()
    quick, slow = analyse_network(module, x), _trace(module, x, {})
    assert quick.groups.groups == slow.groups.groups
    assert quick.groups.frozen == slow.groups.frozen
    assert list(quick.graph.edges) == list(slow.graph.edges)
    assert [op.macs for op in quick.operations] == [op.macs for op in slow.operations]


def test_an_operation_that_is_used_in_an_unknown_way_freezes_by_name(monkeypatch):
    monkeypatch.setitem(RULES, "mean", lambda trace, op: 1 / 0)
    frozen = {f.layer: f.reason for f in analyse(networks.Chain).groups.frozen}
    assert frozen["second.0"].startswith("operation 'mean' is used in an unknown way")
    assert "first.0" not in frozen


def test_the_network_is_left_as_it_was():
    module = build(networks.Residual)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    analyse_network(module, example_images())
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


def test_side_results_of_a_norm_draw_no_edges():
    # LayerNorm also returns a mean and a deviation that nobody keeps: their ids come again, so
    # a source remembered for one of them would be an edge from nowhere
    module, x = build(networks.Normalised), example_images()
    trace = NetworkTrace(module, x)
    with torch.no_grad(), trace:
        module(x)
    assert set(trace._sources) <= {id(tensor) for tensor in trace._alive}
