"""Facts about two masks side by side and a layer's cost, against numbers done by hand."""

import numpy as np
import pytest

from core.comparison import compare_layer, coupled_layers, layer_cost, reading_layers
from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph, LayerNode
from core.graph.trace import analyse_network
from core.pruning.macs import MacsModel
from tests import networks

IDS = np.arange(4, dtype=np.int64)
RGB = np.full(3, -1, dtype=np.int64)


def layer(name="conv", channels=IDS, **values) -> LayerNode:
    shapes = {"input_shape": (3, 10, 10), "output_shape": (len(channels), 10, 10), "kind": "conv"}
    return LayerNode(name=name, channels=np.asarray(channels), **(shapes | values))


def keep(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.bool_)


@pytest.fixture
def graph() -> LayerGraph:
    """input 3 -> conv 3x3 to 4 with batch norm -> depthwise 3x3 -> linear to 10 classes."""
    result = LayerGraph()
    result.add_layer(layer("input", RGB, kind="input"))
    result.add_layer(layer(macs=3 * 4 * 9 * 100, params=3 * 4 * 9 + 2 * 4))
    result.add_layer(layer("deep", kind="depthwise", macs=4 * 9 * 100, params=4 * 9 + 4))
    result.add_layer(
        layer("fc", np.full(10, -1), kind="linear", output_shape=(10,), macs=40, params=50)
    )
    for edge in (("input", "conv"), ("conv", "deep"), ("deep", "fc")):
        result.add_edge(*edge)
    return result


def test_magnitude_keeps_as_many_channels_as_the_learned_mask():
    result = compare_layer(layer(), keep(1, 0, 0, 1), np.array([3.0, 9.0, 1.0, 2.0]))
    assert result.learned.tolist() == [True, False, False, True]
    assert result.magnitude.tolist() == [True, True, False, False]
    assert (result.kept, result.removable, result.shared) == (2, 4, 1)
    assert result.overlap == pytest.approx(1 / 3)


def test_equal_masks_overlap_completely():
    result = compare_layer(layer(), keep(0, 1, 1, 0), np.array([1.0, 4.0, 3.0, 2.0]))
    assert result.overlap == 1.0
    assert result.shared == result.kept == 2


def test_of_equal_magnitudes_the_first_are_kept():
    result = compare_layer(layer(), keep(0, 0, 1, 1), np.ones(4))
    assert result.magnitude.tolist() == [True, True, False, False]


def test_a_layer_looks_up_its_own_channels():
    shuffled = layer(channels=[3, 1])
    result = compare_layer(shuffled, keep(0, 1, 0, 0), np.array([0.0, 1.0, 0.0, 2.0]))
    assert result.learned.tolist() == [False, True]
    assert result.magnitude.tolist() == [True, False]
    assert result.overlap == 0.0


def test_channels_that_no_mask_can_remove_are_left_out_of_the_counts():
    padded = layer(channels=[-1, 0, 1, -1])
    result = compare_layer(padded, keep(0, 1, 1, 1), np.array([5.0, 1.0, 0.0, 0.0]))
    assert result.is_fixed.tolist() == [True, False, False, True]
    assert result.learned.tolist() == [True, False, True, True]
    assert result.magnitude.tolist() == [True, True, False, True]
    assert (result.kept, result.removable, result.shared) == (1, 2, 0)


def test_a_layer_without_removable_channels_is_the_same_in_both():
    result = compare_layer(layer(channels=RGB), keep(0, 0, 0, 0), np.zeros(4))
    assert (result.kept, result.removable, result.overlap) == (0, 0, 1.0)
    assert result.magnitude.all()


def test_a_convolution_shrinks_with_its_kept_outputs(graph):
    cost = layer_cost(graph, "conv", keep(1, 1, 0, 1))
    assert cost.macs_before == 10_800
    assert cost.macs_after == 3 * 3 * 9 * 100
    assert cost.params_before == 116
    assert cost.params_after == 3 * 3 * 9 + 2 * 3


def test_a_depthwise_convolution_has_one_input_per_output(graph):
    cost = layer_cost(graph, "deep", keep(1, 1, 0, 1))
    assert cost.macs_after == 3 * 9 * 100
    assert cost.params_after == 3 * 9 + 3


def test_a_classifier_shrinks_with_its_kept_inputs_and_keeps_its_bias(graph):
    cost = layer_cost(graph, "fc", keep(1, 0, 0, 1))
    assert cost.macs_after == 2 * 10
    assert cost.params_after == 2 * 10 + 10


def test_flattened_positions_do_not_change_the_share(graph):
    flat = layer("flat", np.repeat(IDS, 100), kind="other", output_shape=(400,))
    head = layer("head", np.full(2, -1), kind="linear", output_shape=(2,), macs=800, params=802)
    graph.add_layer(flat)
    graph.add_layer(head)
    graph.add_edge("flat", "head")
    assert layer_cost(graph, "head", keep(1, 0, 0, 0)).macs_after == 100 * 2


def test_a_layer_without_weights_costs_nothing(graph):
    cost = layer_cost(graph, "input", keep(1, 1, 1, 1))
    assert (cost.macs_before, cost.macs_after, cost.params_after) == (0, 0, 0)


def test_coupled_and_reading_layers_are_named_once_and_without_the_layer_itself():
    stream = CouplingGroup(0, "conv", 0, 2, ("conv", "down"), ("a", "b"), is_stream=True)
    inner = CouplingGroup(1, "conv", 2, 4, ("conv", "other"), ("b",))
    groups = CouplingGroups((stream, inner))
    assert coupled_layers(groups, layer()) == ("down", "other")
    assert reading_layers(groups, layer()) == ("a", "b")
    assert coupled_layers(groups, layer(channels=RGB)) == ()


@pytest.mark.parametrize(
    "kind",
    [
        networks.Chain,
        networks.Flattened,
        networks.Residual,
        networks.PaddedShortcut,
        networks.Dense,
        networks.InvertedResidual,
        networks.Grouped,
        networks.Gated,
        networks.Upsampled,
        networks.Shared,
    ],
)
def test_the_layers_add_up_to_the_network(kind):
    module = networks.build(kind)
    analysis = analyse_network(module, networks.example_images(1))
    model = MacsModel(analysis, module)
    removable = np.random.default_rng(0).random(analysis.groups.channel_count) < 0.7
    for mask in (np.ones_like(removable), removable):
        costs = [layer_cost(analysis.graph, node.name, mask) for node in analysis.graph.layers]
        assert sum(cost.macs_before for cost in costs) == model.total
        assert sum(cost.macs_after for cost in costs) == model.macs(mask)
        assert sum(cost.params_after for cost in costs) == model.params(mask)
