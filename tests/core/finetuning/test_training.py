"""One step of fine-tuning against numbers computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.augmentation import augment, is_flipped
from core.config import FinetuneConfig
from core.evaluation import distillation_divergence
from core.finetuning.training import (
    Teacher,
    learning_rate,
    make_optimizer,
    set_training,
    train_step,
    training_loss,
)
from core.pruning.surgery import prune_network
from core.pruning.verification import analyse_exactly
from tests.networks import EXACT, Chain, build, example_images

CPU = torch.device("cpu")


def test_divergence_of_two_classes_by_hand():
    # At T = 2 the answers (ln 9, 0) become (3, 1) / 4, the logits (0, 0) become (1, 1) / 2.
    answers = torch.tensor([[math.log(9), 0.0]])
    by_hand = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    divergence = distillation_divergence(torch.zeros(1, 2), answers, temperature=2.0)
    assert float(divergence) == pytest.approx(by_hand, rel=1e-5)


def test_loss_weighs_labels_and_answers():
    config = FinetuneConfig(distillation=0.25, temperature=2.0)
    logits, answers = torch.zeros(1, 2), torch.tensor([[math.log(9), 0.0]])
    divergence = float(distillation_divergence(logits, answers, 2.0))
    loss = training_loss(logits, torch.tensor([0]), answers, config)
    assert float(loss) == pytest.approx(0.75 * math.log(2) + 0.25 * divergence, rel=1e-5)
    assert float(training_loss(logits, torch.tensor([0]), None, config)) == pytest.approx(
        math.log(2)
    )


def test_loss_of_a_mixed_image_is_that_of_its_classes_by_their_shares():
    config, logits = FinetuneConfig(), torch.tensor([[math.log(3), 0.0]])
    loss = training_loss(logits, torch.tensor([[0.25, 0.75]]), None, config)
    assert float(loss) == pytest.approx(0.25 * math.log(4 / 3) + 0.75 * math.log(4))


def test_rate_rises_in_a_line_and_falls_along_a_cosine():
    config = FinetuneConfig(learning_rate=0.1, warmup_share=0.2)
    rates = [learning_rate(step, 20, config) for step in range(20)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[12] == pytest.approx(0.05)  # half of the 16 steps after the warm-up
    assert 0 < rates[-1] < 0.002


@pytest.mark.parametrize(("steps", "highest"), [(50, 0.005), (200, 0.02), (5000, 0.02)])
def test_a_short_training_has_a_lower_rate_if_none_was_asked_for(steps, highest):
    config = FinetuneConfig(warmup_share=0.0)
    assert learning_rate(0, steps, config) == pytest.approx(highest)
    assert learning_rate(0, steps, replace(config, learning_rate=0.3)) == pytest.approx(0.3)


def test_norms_and_biases_do_not_decay():
    optimizer = make_optimizer(build(Chain), FinetuneConfig(weight_decay=0.1))
    decays = {p.dim(): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays == {4: 0.1, 2: 0.1, 1: 0.0}
    assert all(group["nesterov"] for group in optimizer.param_groups)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "hard_coded"])
def test_one_step_changes_every_remaining_parameter(name):
    module = build(EXACT[name])
    analysis = analyse_exactly(module, example_images())
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    keep[[group.start for group in analysis.groups.groups if len(group) > 2]] = False
    pruned = prune_network(module, analysis.plan, keep)
    config = FinetuneConfig(weight_decay=0.0, distillation=0.5, learning_rate=0.1)
    optimizer = make_optimizer(pruned, config)
    set_training(pruned)
    before = {key: value.detach().clone() for key, value in pruned.named_parameters()}
    batch = example_images(16), torch.arange(16) % 4
    train_step(pruned, optimizer, batch, Teacher(module), config, CPU, torch.float32)
    unchanged = [k for k, value in pruned.named_parameters() if torch.equal(before[k], value)]
    # behind a ReLU a PReLU sees nothing negative, so its slope has no gradient
    assert unchanged == (["act.weight"] if name == "gated" else [])


def test_frozen_parameters_are_trained_too():
    module = build(Chain).requires_grad_(False)
    make_optimizer(module, FinetuneConfig())
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_only_parts_without_parts_go_into_training_mode():
    module = build(Chain)
    set_training(module)
    modes = {type(part).__name__: part.training for part in module.modules()}
    assert not modes["Chain"]
    assert not modes["Sequential"]
    assert modes["BatchNorm2d"]


def test_crop_moves_each_image_by_what_chance_says():
    image = torch.arange(1.0, 65.0).view(1, 1, 8, 8)
    moved = augment(image.expand(200, 1, 8, 8), FinetuneConfig(crop_share=0.125), torch.Generator())
    padded = F.pad(image, (1, 1, 1, 1))
    possible = [padded[..., i : i + 8, j : j + 8] for i in range(3) for j in range(3)]
    counts = [sum(bool(torch.equal(one[None], crop)) for one in moved) for crop in possible]
    assert sum(counts) == 200
    assert min(counts) > 0


def test_grey_images_are_not_mirrored_by_default():
    assert not is_flipped(FinetuneConfig(), 1)
    assert is_flipped(FinetuneConfig(), 3)
    assert is_flipped(FinetuneConfig(flip="on"), 1)
    config = FinetuneConfig(flip="on", crop_share=0.0)
    image = torch.tensor([[[[1.0, 2.0]]]]).expand(50, 1, 1, 2)
    lefts = set(augment(image, config, torch.Generator())[:, 0, 0, 0].tolist())
    assert lefts == {1.0, 2.0}


def test_no_augmentation_leaves_images_alone():
    images = example_images()
    config = FinetuneConfig(flip="off", crop_share=0.0)
    assert torch.equal(augment(images, config, torch.Generator()), images)


def test_a_step_lowers_the_loss_of_its_own_batch():
    module = build(Chain)
    config = FinetuneConfig(distillation=0.0)
    optimizer = make_optimizer(module, config)
    batch = example_images(16), torch.arange(16) % 4
    losses = [
        train_step(module, optimizer, batch, None, config, CPU, torch.float32) for _ in range(5)
    ]
    assert losses[-1] < losses[0]
