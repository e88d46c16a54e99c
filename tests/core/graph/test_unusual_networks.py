"""What users write is pruned exactly, marked approximate, or frozen by name with a reason."""

import pytest
import torch
from torch.utils._pytree import tree_leaves

from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests.networks import build, example_images
from tests.published_networks import PARTS
from tests.unusual_networks import UNUSUAL

NETWORKS = UNUSUAL | PARTS

# what is left alone, and a word of the reason; everything else must be prunable and exact
LEFT_ALONE = {
    "HardCodedShuffle": {"stem.0": "written into the code"},
    "SplitGate": {"stem.0": "written into the code"},
    "ConstantSlice": {"stem.0": "slice of its channels"},
    "WeightStandardised": {"stem.0": "computed on the fly", "first": "computed on the fly"},
    "SpatialAttention": {"map": "weighs all channels"},
    "MaxOut": {"stem.0": "written into the code"},
    "WidthOfAnother": {"stem.0": "written into the code", "conv": "written into the code"},
    "TwiceTheWidth": {"stem.0": "written into the code", "conv": "written into the code"},
    "TwoHeads": {"second_head": "output of the network"},
    "DataDependent": {"stem.0": "reduced over its channels"},
    "JoinedByHand": {
        "one": "written into a part of another",
        "other": "meets channels of fixed width",
    },
    "GridSampled": {"places": "says where others are read"},
    "Deformable": {"offsets": "says where others are read"},
    "WrittenHeads": {
        "qkv": "written into the code",
        "patches": "written into the code",
        "out": "written into the code",
        "mlp.2": "written into the code",
    },
}


HEADS = {"head", "vit.heads.head", "classifier.2"}
# what no step changes in the whole network either: softmax takes no notice of a key's bias
STAY = {"DataDependent": {"never.weight", "never.bias"}, "HeadsByHand": {"key.bias"}}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_cut_equals_the_mask_and_the_rest_is_frozen_with_a_reason(name):
    module = build(NETWORKS[name])
    analysis = analyse_exactly(module, example_images())
    exact = [group for group in analysis.groups.groups if group.approximate is None]
    keep = random_keep(analysis, groups=exact, seed=1)
    assert not keep.all()
    x = example_images(seed=1)
    with torch.no_grad():
        hard = tree_leaves(prune_network(module, analysis.plan, keep)(x))
        soft = tree_leaves(soft_prune_network(module, analysis.plan, keep)(x))
        whole = tree_leaves(module(x))
    for cut, masked, original in zip(hard, soft, whole, strict=True):
        assert relative_difference(masked, cut) < 1e-5
        assert relative_difference(original, cut) > 1e-4  # the cut removed something
    assert MacsModel(analysis, module).kept_share(keep) < 1


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_left_alone_is_named_with_its_reason(name):
    module = build(NETWORKS[name])
    frozen = {f.layer: f.reason for f in analyse_exactly(module, example_images()).groups.frozen}
    for head in frozen.keys() & HEADS:
        assert "output of the network" in frozen.pop(head)
    expected = LEFT_ALONE.get(name, {})
    assert set(frozen) == set(expected)
    assert all(expected[layer] in reason for layer, reason in frozen.items())


APPROXIMATE_STREAMS = {
    "SmallConvNeXt": ["features.0.0", "features.2.1"],
    "SmallVit": ["vit.conv_proj"],
}
APPROXIMATE = {
    "GroupNormalised": ("stem.0", "GroupNorm's statistics depend on the width"),
    "ChannelSoftmax": ("stem.0", "softmax over channels depends on the width"),
    "SpatialAttention": ("stem.0", "max over channels depends on the width"),
    "RootMeanSquare": ("stem.0", "mean over channels depends on the width"),
    "NormByHand": ("stem.0", "mean over channels depends on the width"),
    "UnitLength": ("conv.0", "norm over channels depends on the width"),
    "Transformer": ("patches", "LayerNorm's statistics depend on the width"),
    "EncoderLayer": ("patches", "LayerNorm's statistics depend on the width"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_arithmetic_that_depends_on_the_width_is_marked_and_runs(name):
    module = build(NETWORKS[name])
    analysis = analyse_exactly(module, example_images())
    marked = {g.name: g.approximate for g in analysis.groups.groups if g.approximate}
    expected = dict([APPROXIMATE[name]] if name in APPROXIMATE else [])
    for stream in APPROXIMATE_STREAMS.get(name, ()):
        expected[stream] = "LayerNorm's statistics depend on the width"
    assert marked == expected
    for seed in range(5):  # GroupNorm's groups stay equally wide, whatever is cut
        pruned = prune_network(module, analysis.plan, random_keep(analysis, seed=seed))
        with torch.no_grad():
            outputs = tree_leaves(pruned(example_images()))
        assert all(torch.isfinite(out).all() for out in outputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_of_training_changes_every_parameter_that_is_left(name):
    module = build(NETWORKS[name])
    analysis = analyse_exactly(module, example_images())
    pruned = prune_network(module, analysis.plan, random_keep(analysis, share=0.75, seed=3))
    trained = {key: p for key, p in pruned.named_parameters() if p.requires_grad}
    before = {key: parameter.detach().clone() for key, parameter in trained.items()}
    outputs = tree_leaves(pruned.eval()(example_images(32, seed=2)))  # eval: nothing drops out
    sum(out.square().sum() for out in outputs).backward()
    torch.optim.SGD(trained.values(), lr=0.1).step()
    same = {key for key, parameter in trained.items() if torch.equal(before[key], parameter)}
    assert same <= STAY.get(name, set())


@pytest.mark.parametrize("name", PARTS)
def test_predicted_macs_are_those_of_the_cut_network(name):
    module = build(PARTS[name])
    analysis = analyse_exactly(module, example_images())
    keep = random_keep(analysis, seed=1)
    pruned = prune_network(module, analysis.plan, keep)
    counted = MacsModel(analyse_exactly(pruned, example_images()), pruned).total
    assert MacsModel(analysis, module).macs(keep) == counted


def test_weights_that_are_computed_from_others_count_as_reached():
    module = build(UNUSUAL["TiedConvolutions"])
    torch.nn.utils.parametrizations.weight_norm(module.one)
    module.scale = torch.nn.Parameter(torch.ones(2))
    analysis = analyse_exactly(module, example_images())
    assert analysis.warnings == ("9 of 10 layers were reached; left alone: scale.",)


def test_a_branch_that_was_not_taken_is_named_and_never_cut():
    module = build(UNUSUAL["DataDependent"])
    analysis = analyse_exactly(module, example_images())
    assert analysis.warnings == ("5 of 6 layers were reached; left alone: never.",)
    assert not any(key.startswith("never") for key in analysis.plan.owners)
