"""One optimiser step: what is learned from, how fast, and what is left out of weight decay."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import FinetuneConfig
from core.evaluation import class_logits, distillation_divergence
from core.layout import place_images
from core.memory import ImagesAtOnce

USUAL_RATE = 0.02
UNHURRIED_STEPS = 200  # from here on a training has the time for the usual rate


@dataclass(frozen=True, eq=False)
class Teacher:
    """The unpruned network, whose answers are learned along with the labels."""

    module: nn.Module  # in evaluation mode, on the device


def make_optimizer(module: nn.Module, config: FinetuneConfig) -> torch.optim.SGD:
    """SGD over all parameters of a network that is already cut; norms and biases do not decay.

    Source: Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1; He et al., "Bag of
    Tricks for Image Classification with CNNs", CVPR 2019, section 3.1 (no bias decay).
    """
    parameters = [p for p in module.parameters() if p.is_floating_point()]
    for parameter in parameters:
        parameter.requires_grad_()  # a frozen backbone has to adapt to its cut as well
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=highest_rate(UNHURRIED_STEPS, config),  # until a step sets its own
        momentum=config.momentum,
        nesterov=config.momentum > 0,
    )


def highest_rate(steps: int, config: FinetuneConfig) -> float:
    """The rate after the warm-up: the one that was asked for, or what suits so many steps.

    A network that adapted in its search is good already, and a high rate first makes it worse:
    three epochs of 25 steps end about a point lower with .02 than with .0075, ten end higher than
    with less (tests/benchmarks/results/end_to_end.md).
    """
    if config.learning_rate > 0:
        return config.learning_rate
    return USUAL_RATE * min(1.0, steps / UNHURRIED_STEPS)


def learning_rate(step: int, steps: int, config: FinetuneConfig) -> float:
    """The rate of a step, 0 .. steps - 1: up in a straight line, then down along a cosine.

    Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    highest = highest_rate(steps, config)
    warmup = round(config.warmup_share * steps)
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    share = (step - warmup) / max(1, steps - warmup)
    return highest * 0.5 * (1 + math.cos(math.pi * share))


def set_training(module: nn.Module) -> None:
    """Let norms and dropouts train; what holds other modules stays as it was traced.

    In training mode some networks compute answers of their own (auxiliary classifiers), which
    were no part of the cut.
    """
    for part in module.modules():
        part.training = next(part.children(), None) is None


def train_step(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    teacher: Teacher | None,
    config: FinetuneConfig,
    device: torch.device,
    precision: torch.dtype,
    at_once: ImagesAtOnce | None = None,
) -> float:
    """Learn from augmented images (N, C, H, W) and their labels; returns the loss in nats.

    labels: classes (N,), or the share of each class (N, classes) where images are mixed.

    Where memory is short the gradients of parts of the batch are added up: the same step, but
    for the norms, which see each part on its own.
    """
    count = len(batch[0])
    statistics = [(buffer, buffer.clone()) for buffer in module.buffers()]

    def learn(part: slice) -> float:
        if part.start == 0:  # perhaps once more, in smaller parts
            optimizer.zero_grad(set_to_none=True)
            for buffer, before in statistics:
                buffer.copy_(before)
        images = place_images(batch[0][part], module, device, is_learning=True)
        labels = batch[1][part].to(device)
        with torch.enable_grad(), _autocast(device, precision):
            logits = class_logits(module(images))
        loss = training_loss(logits.float(), labels, _answers(teacher, images, precision), config)
        share = len(labels) / count
        (loss if share == 1 else share * loss).backward()  # type: ignore[no-untyped-call]
        return share * float(loss.detach())

    loss = sum((at_once or ImagesAtOnce("fine-tuning")).run(learn, count))
    optimizer.step()
    return loss


def training_loss(
    logits: Tensor, labels: Tensor, answers: Tensor | None, config: FinetuneConfig
) -> Tensor:
    """(1 - d) cross-entropy + d T^2 KL(answers at T || logits at T), the mean over images.

    logits, answers: (N, classes); answers None: the labels alone, which are classes (N,) or their
    shares (N, classes). Labels are not smoothed.
    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2.
    """
    if answers is None:
        return F.cross_entropy(logits, labels)
    weight = config.distillation
    divergence = distillation_divergence(logits, answers, config.temperature)
    return (1 - weight) * F.cross_entropy(logits, labels) + weight * divergence


def _answers(teacher: Teacher | None, images: Tensor, precision: torch.dtype) -> Tensor | None:
    if teacher is None:
        return None
    placed = place_images(images, teacher.module, images.device, is_learning=False)
    with torch.inference_mode(), _autocast(images.device, precision):
        answers = class_logits(teacher.module(placed)).float()
    return answers.clone()  # a tensor that autograd may save


@contextlib.contextmanager
def _autocast(device: torch.device, precision: torch.dtype) -> Iterator[None]:
    if precision == torch.float32:
        yield
        return
    with torch.autocast(device.type, precision):
        yield
