"""Importances against numbers computed by hand or by brute force."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.evaluation import class_logits
from core.pruning.criteria import (
    CRITERIA,
    CriterionInput,
    activation,
    bn_scale,
    contribution,
    fpgm,
    gradient,
    l1_importance,
    l2,
    obs_bn,
    obs_per_mac,
    relative_to_group,
    taylor,
)
from core.pruning.statistics import ChannelStatistics, collect_statistics
from core.pruning.verification import analyse_exactly
from tests.core.tiny import TinyPart, finish
from tests.networks import EXACT, Chain, Flattened, Residual, build, example_images

CPU = torch.device("cpu")


def given(module: nn.Module, part: TinyPart | None = None) -> CriterionInput:
    analysis = analyse_exactly(module, example_images())
    part = part or TinyPart(module, seed=1)
    _, statistics = finish(
        collect_statistics(module, analysis, part, device=CPU, batch_size=len(part))
    )
    return CriterionInput(module, analysis, statistics, np.random.default_rng(0))


def test_l1_of_a_chain_is_the_sum_over_each_filter():
    module = build(Chain)
    analysis = analyse_exactly(module, example_images())
    scores = l1_importance(module, analysis.plan, analysis.groups)
    expected = [*module.first[0].weight.abs().sum((1, 2, 3))]
    expected += [*module.second[0].weight.abs().sum((1, 2, 3))]
    assert scores == pytest.approx([value.item() for value in expected], rel=1e-5)


def test_l1_of_a_stream_adds_all_that_write_to_it():
    module = build(Residual)
    analysis = analyse_exactly(module, example_images())
    scores = l1_importance(module, analysis.plan, analysis.groups)
    stream = next(group for group in analysis.groups.groups if len(group) == 6)
    expected = module.stem[0].weight.abs().sum((1, 2, 3)) + module.outer.weight.abs().sum((1, 2, 3))
    assert scores[stream.start : stream.stop] == pytest.approx(expected.tolist(), rel=1e-5)


def test_l2_and_fpgm_of_three_flat_filters():
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[3.0, 4.0], [3.0, 0.0], [0.0, 0.0]]))
    analysis = analyse_exactly(module, torch.randn(2, 2))
    empty = ChannelStatistics((), np.zeros(3), np.zeros(3))
    looked_at = CriterionInput(module, analysis, empty, np.random.default_rng(0))
    assert l2(looked_at) == pytest.approx([5.0, 3.0, 0.0])
    assert fpgm(looked_at) == pytest.approx([4 + 5, 4 + 3, 5 + 3], abs=1e-4)


def test_bn_scale_is_the_size_of_gamma():
    module = build(Chain)
    with torch.no_grad():
        module.first[1].weight[0] = -2.5
    scores = bn_scale(given(module))
    assert scores[0] == pytest.approx(2.5)
    assert scores[8:] == pytest.approx(module.second[1].weight.abs().tolist())


def test_bn_scale_falls_back_where_there_is_no_norm():
    looked_at = given(build(Flattened))
    relative = relative_to_group(l2(looked_at), looked_at.analysis.groups)
    assert np.argsort(bn_scale(looked_at)).tolist() == np.argsort(relative).tolist()
    assert (bn_scale(looked_at) > 0).all()


@pytest.mark.parametrize("kind", [Chain, Flattened])
def test_taylor_is_the_squared_gradient_of_a_gate_on_each_channel(kind):
    module = build(kind)
    part = TinyPart(module, seed=1)
    part.labels = (part.labels + 1) % 4  # wrong labels, so that there is a gradient
    watched = module.first[1] if kind is Chain else module.conv
    gates = torch.ones(1, len(watched.weight), 1, 1, requires_grad=True)
    hook = watched.register_forward_hook(lambda module, inputs, output: output * gates)
    loss = F.cross_entropy(module(part.images), part.labels)
    (gradient,) = torch.autograd.grad(loss, gates)
    hook.remove()
    scores = taylor(given(module, part))[: len(watched.weight)]
    assert scores == pytest.approx((gradient.flatten() ** 2).tolist(), rel=1e-3)


def test_activation_is_the_deviation_that_the_reader_sees():
    module = build(Chain)
    part = TinyPart(module, seed=1)
    with torch.no_grad():
        seen = module.first(part.images)
    expected = seen.transpose(0, 1).flatten(1).std(dim=1, correction=0)
    assert activation(given(module, part))[:8] == pytest.approx(expected.tolist(), rel=1e-4)


def test_contribution_weighs_the_deviation_with_the_readers_scaled_weights():
    module = build(Chain)
    part = TinyPart(module, seed=1)
    conv, norm = module.second[0], module.second[1]
    with torch.no_grad():
        deviation = module.first(part.images).transpose(0, 1).flatten(1).std(dim=1, correction=0)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weights = (conv.weight * scale[:, None, None, None]).pow(2).sum((0, 2, 3)).sqrt()
    expected = deviation * weights
    assert contribution(given(module, part))[:8] == pytest.approx(expected.tolist(), rel=1e-4)


def test_gradient_is_the_norm_of_the_filters_gradients():
    module = build(Chain)
    part = TinyPart(module, seed=1)
    loss = F.cross_entropy(module(part.images), part.labels)
    (direct,) = torch.autograd.grad(loss, module.first[0].weight)
    scores = gradient(given(module, part))[:8]
    assert scores == pytest.approx(direct.flatten(1).norm(dim=1).tolist(), rel=1e-3)


def test_obs_of_independent_inputs_is_variance_times_squared_weights():
    module = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        module[0].weight.copy_(torch.diag(torch.tensor([1.0, 2.0])))
        module[2].weight.copy_(torch.diag(torch.tensor([3.0, 1.0])))
    images = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    part = TinyPart(build(Chain), seed=1, count=4)
    part.images, part.labels = images, torch.zeros(4, dtype=torch.int64)
    analysis = analyse_exactly(module, images)
    _, statistics = finish(collect_statistics(module, analysis, part, device=CPU, batch_size=4))
    looked_at = CriterionInput(module, analysis, statistics, np.random.default_rng(0))
    # variances 1 and 4, weights 3 and 1, so 9 and 4 of the outputs' 13, each scaled by the mean
    losses = obs_bn(looked_at)
    assert losses[0] / losses[1] == pytest.approx(9 / 4, rel=1e-2)
    assert statistics.reads[1].output_variance == pytest.approx(13 / 6.5, rel=1e-3)
    # each channel has 2 + 2 of the 8 MACs
    assert obs_per_mac(looked_at) == pytest.approx([9 / 13 / 0.5, 4 / 13 / 0.5], rel=1e-2)


def test_obs_sees_that_a_copy_can_stand_in():
    module = build(Chain)
    with torch.no_grad():
        for value in (module.first[0].weight, *module.first[1].state_dict().values()):
            if value.dim():
                value[1] = value[0]
    scores = obs_bn(given(module))[:8]
    assert min(scores[0], scores[1]) == scores.min()
    assert scores.min() < 0.01 * np.median(scores)


@pytest.mark.parametrize("kind", EXACT.values(), ids=EXACT)
def test_every_criterion_scores_every_channel_of_every_network(kind):
    module = build(kind)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    looked_at = given(module)
    for name, criterion in CRITERIA.items():
        scores = criterion(looked_at)
        assert scores.shape == (looked_at.analysis.plan.channel_count,), name
        assert scores.dtype == np.float32, name
        assert np.isfinite(scores).all(), name
        assert (scores >= 0).all(), name
        assert scores.any(), name
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())
    assert class_logits(module(example_images())).shape == (4, 4)
