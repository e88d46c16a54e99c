"""Masked = cut on every network, and the closed form counts what is really there."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from core.errors import GraphError
from core.pruning.macs import MacsModel
from core.pruning.surgery import (
    NetworkShell,
    expand_state,
    mask_state,
    network_state,
    prune_network,
    slice_state,
    soft_prune_network,
)
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests import networks
from tests.networks import EXACT, build, example_images

CASES = {name: build(kind) for name, kind in EXACT.items()}
ANALYSES = {name: analyse_exactly(module, example_images()) for name, module in CASES.items()}


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_the_cut_network_equals_the_masked_one(name, seed, share):
    module, analysis = CASES[name], ANALYSES[name]
    keep = random_keep(analysis, share=share, seed=seed)
    x = example_images(seed=seed)
    with torch.no_grad():
        hard = prune_network(module, analysis.plan, keep)(x)
        soft = soft_prune_network(module, analysis.plan, keep)(x)
    assert relative_difference(soft, hard) < 1e-5


@pytest.mark.parametrize("name", EXACT)
def test_silencing_the_producers_alone_gives_the_same_network(name):
    module, analysis = CASES[name], ANALYSES[name]
    keep = random_keep(analysis, seed=1)
    state, plan, x = network_state(module), analysis.plan, example_images()
    producers_only = type(plan)(plan.owners, plan.producers, frozenset(), plan.channel_count)
    silenced = NetworkShell(module).install(mask_state(producers_only, state, keep))
    with torch.no_grad():
        difference = relative_difference(prune_network(module, plan, keep)(x), silenced(x))
    assert difference < 1e-5


@pytest.mark.parametrize("name", EXACT)
def test_closed_form_macs_and_parameters_are_those_of_the_cut_network(name):
    module, analysis = CASES[name], ANALYSES[name]
    model = MacsModel(analysis, module)
    for seed in range(3):
        keep = random_keep(analysis, seed=seed)
        pruned = prune_network(module, analysis.plan, keep)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            pruned(example_images(1))
        assert float(model.macs(keep)) == counter.get_total_flops() / 2
        assert float(model.params(keep)) == sum(p.numel() for p in pruned.parameters())


@pytest.mark.parametrize("name", EXACT)
def test_marginal_macs_are_the_difference_that_one_channel_makes(name):
    module, analysis = CASES[name], ANALYSES[name]
    model = MacsModel(analysis, module)
    keep = random_keep(analysis, seed=2)
    marginal = model.marginal_macs(keep)
    for channel in range(len(keep)):
        with_it, without = keep.copy(), keep.copy()
        with_it[channel], without[channel] = True, False
        assert marginal[channel] == pytest.approx(model.macs(with_it) - model.macs(without))


@pytest.mark.parametrize("name", EXACT)
def test_slicing_twice_is_slicing_once_with_the_product_of_the_masks(name):
    module, analysis = CASES[name], ANALYSES[name]
    first = random_keep(analysis, share=0.8, seed=3)
    once = prune_network(module, analysis.plan, first)
    second = analyse_exactly(once, example_images())
    smaller = random_keep(second, seed=4)
    both = first.copy()
    # the second analysis numbers the channels that the first one kept, in the same order
    for group in analysis.groups.groups:
        kept = np.flatnonzero(first[group.start : group.stop]) + group.start
        twin = next((g for g in second.groups.groups if g.name == group.name), None)
        assert twin is not None
        assert len(twin) == len(kept)
        both[kept] = smaller[twin.start : twin.stop]
    twice = prune_network(once, second.plan, smaller)
    direct = prune_network(module, analysis.plan, both)
    x = example_images()
    with torch.no_grad():
        assert torch.equal(twice(x), direct(x))


@pytest.mark.parametrize("name", EXACT)
def test_one_step_of_training_changes_every_parameter_of_the_cut_network(name):
    module, analysis = CASES[name], ANALYSES[name]
    keep = random_keep(analysis, share=0.7)
    pruned = prune_network(module, analysis.plan, keep).train()
    before = {key: p.detach().clone() for key, p in pruned.named_parameters()}
    optimizer = torch.optim.SGD(pruned.parameters(), lr=0.1, weight_decay=0.1)
    pruned(example_images(8)).square().mean().backward()
    optimizer.step()
    assert all(not torch.equal(before[key], p) for key, p in pruned.named_parameters())
    assert all(p.grad is not None for p in pruned.parameters())


@pytest.mark.parametrize("name", EXACT)
def test_a_pruned_state_expands_back_to_its_places(name):
    module, analysis = CASES[name], ANALYSES[name]
    keep = random_keep(analysis, seed=5)
    full = network_state(module)
    small = {key: t + 1 for key, t in slice_state(analysis.plan, full, keep).items()}
    expanded = expand_state(analysis.plan, small, full, keep)
    again = slice_state(analysis.plan, expanded, keep)
    assert all(torch.equal(again[key], small[key]) for key in small)
    for key, tensor in full.items():
        is_cut = tensor.shape != small[key].shape
        assert not is_cut or bool((expanded[key] == tensor).any())


def test_the_full_mask_changes_nothing_and_copies_nothing():
    module, analysis = CASES["residual"], ANALYSES["residual"]
    keep = np.ones(analysis.groups.channel_count, dtype=bool)
    state = network_state(module)
    assert all(t is state[key] for key, t in slice_state(analysis.plan, state, keep).items())
    x = example_images()
    with torch.no_grad():
        assert torch.equal(prune_network(module, analysis.plan, keep)(x), module(x))


def test_a_pruned_network_shares_nothing_with_its_origin():
    module, analysis = CASES["chain"], ANALYSES["chain"]
    keep = random_keep(analysis)
    before = {key: t.clone() for key, t in network_state(module).items()}
    pruned = prune_network(module, analysis.plan, keep)
    with torch.no_grad():
        for tensor in [*pruned.parameters(), *pruned.buffers()]:
            tensor.fill_(1)
    assert all(torch.equal(before[key], t) for key, t in network_state(module).items())


def test_the_shell_is_reused_for_masks_of_any_width():
    module, analysis = CASES["inverted_residual"], ANALYSES["inverted_residual"]
    shell, state = NetworkShell(module), network_state(module)
    x = example_images()
    for seed in (0, 1, 0):
        keep = random_keep(analysis, seed=seed)
        cut = shell.install(slice_state(analysis.plan, state, keep))
        with torch.no_grad():
            assert torch.equal(cut(x), prune_network(module, analysis.plan, keep)(x))


def test_a_width_written_into_the_code_is_frozen_with_the_reason():
    analysis = ANALYSES["hard_coded"]
    assert [g.name for g in analysis.groups.groups] == ["second"]
    frozen = {f.layer: f.reason for f in analysis.groups.frozen}
    assert frozen["first"].startswith("its width is written into the code")


def test_a_network_without_hidden_layers_is_refused():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 4)).eval()
    with pytest.raises(GraphError, match="Nothing in this network can be pruned"):
        analyse_exactly(module, example_images())


def test_weights_that_are_all_normalised_are_refused_with_what_folds_them():
    module = build(networks.Chain)
    for block in (module.first, module.second):
        torch.nn.utils.parametrizations.weight_norm(block[0])
    with pytest.raises(GraphError, match=r"Fold what computes it, .*remove_parametrizations"):
        analyse_exactly(module, example_images())


def test_tied_parameters_stay_tied():
    class Tied(networks.Chain):
        def __init__(self):
            super().__init__()
            self.third = networks.conv_bn(6, 6)
            self.fourth = networks.conv_bn(6, 6)
            self.fourth[0].weight = self.third[0].weight

        def forward(self, x):
            x = self.third(self.second(self.first(x)))
            return self.head(self.fourth(x).mean((2, 3)))

    module = build(Tied)
    analysis = analyse_exactly(module, example_images())
    keep = random_keep(analysis)
    pruned = prune_network(module, analysis.plan, keep)
    assert pruned.fourth[0].weight is pruned.third[0].weight
    x = example_images()
    with torch.no_grad():
        soft = soft_prune_network(module, analysis.plan, keep)(x)
        assert relative_difference(soft, pruned(x)) < 1e-5
