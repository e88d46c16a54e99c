"""What users write is pruned exactly, marked approximate, or frozen by name with a reason."""

import pytest
import torch
from torch.utils._pytree import tree_leaves

from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests.networks import build, example_images
from tests.unusual_networks import UNUSUAL

# what is left alone, and a word of the reason; everything else must be prunable and exact
LEFT_ALONE = {
    "HardCodedShuffle": {"stem.0": "written into the code"},
    "SplitGate": {"stem.0": "written into the code"},
    "ConstantSlice": {"stem.0": "slice of its channels"},
    "WeightStandardised": {"stem.0": "computed on the fly", "first.weight": "computed"},
    "FunctionalAttention": {"qkv": "product of activations"},
    "SpatialAttention": {"stem.0": "reduced over its channels", "map": "weighs all channels"},
    "MaxOut": {"stem.0": "reduced over its channels"},
    "TwoHeads": {"second_head": "output of the network"},
    "DataDependent": {"stem.0": "reduced over its channels"},
    "Transformer": {
        "patches": "written into the code",
        "attention.in_proj_weight": "slice of its channels",
        "attention.out_proj": "written into the code",
        "mlp.2": "written into the code",
    },
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_cut_equals_the_mask_and_the_rest_is_frozen_with_a_reason(name):
    module = build(UNUSUAL[name])
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


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_left_alone_is_named_with_its_reason(name):
    module = build(UNUSUAL[name])
    frozen = {f.layer: f.reason for f in analyse_exactly(module, example_images()).groups.frozen}
    frozen.pop("head")
    expected = LEFT_ALONE.get(name, {})
    assert set(frozen) <= set(expected)
    assert all(expected[layer] in reason for layer, reason in frozen.items())


def test_group_norm_is_approximate_and_runs():
    module = build(UNUSUAL["GroupNormalised"])
    analysis = analyse_exactly(module, example_images())
    groups = {group.name: group.approximate for group in analysis.groups.groups}
    assert groups["stem.0"] == "GroupNorm's statistics depend on the width"
    keep = random_keep(analysis, seed=1)
    with torch.no_grad():
        assert prune_network(module, analysis.plan, keep)(example_images()).shape == (4, 4)


def test_a_branch_that_was_not_taken_is_named_and_never_cut():
    module = build(UNUSUAL["DataDependent"])
    analysis = analyse_exactly(module, example_images())
    assert analysis.warnings == ("5 of 6 layers were reached; left alone: never.",)
    assert not any(key.startswith("never") for key in analysis.plan.owners)
