"""A few steps of training by the unpruned network's answers: how well a cut network can learn.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.evaluation import class_logits, distillation_divergence
from core.layout import place_images
from core.memory import ImagesAtOnce

TEACHER_WEIGHT = 0.7  # of the answers; the rest is that of the labels
MOMENTUM = 0.9


@dataclass(frozen=True, eq=False)
class Lesson:
    """One batch to learn from."""

    images: Tensor  # (N, C, H, W)
    labels: Tensor  # classes (N,), or their shares (N, classes) where images are mixed
    answers: Tensor  # (N, classes) logits of the unpruned network

    def part(self, place: slice) -> "Lesson":
        """Some of its images."""
        return Lesson(self.images[place], self.labels[place], self.answers[place])


def distil(
    network: nn.Module,
    lessons: Iterable[Lesson],
    *,
    steps: int,
    rate: float,
    temperature: float,
    device: torch.device,
    autocast: AbstractContextManager[object],
    at_once: ImagesAtOnce,
) -> None:
    """Take a step of SGD on each lesson, in place; the rate falls in a straight line towards 0.

    network: owns its parameters; it trains in the mode in which it is.
    steps: how many lessons there are.
    autocast: entered anew for each step.
    at_once: adds the gradients of parts up where a lesson does not fit into the memory.
    Raises: MemoryShortage if not even the smallest part fits.
    """
    parameters = [p for p in network.parameters() if p.is_floating_point()]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, nesterov=True)
    for step, lesson in enumerate(lessons):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        optimizer.zero_grad(set_to_none=True)
        count = len(lesson.images)

        def learn(part: slice, lesson: Lesson = lesson, count: int = count) -> None:
            if part.start == 0:  # perhaps once more, in smaller parts
                optimizer.zero_grad(set_to_none=True)
            own = lesson if part.stop - part.start == count else lesson.part(part)
            placed = place_images(own.images, network, device, is_learning=True)
            with torch.enable_grad(), autocast:
                logits = class_logits(network(placed))
            loss = lesson_loss(logits.float(), own, temperature)
            share = len(own.images) / count
            (loss if share == 1 else share * loss).backward()  # type: ignore[no-untyped-call]

        at_once.run(learn, count)
        optimizer.step()


def lesson_loss(logits: Tensor, lesson: Lesson, temperature: float) -> Tensor:
    """0.7 T^2 KL(answers at T || logits at T) + 0.3 cross-entropy, the mean over images."""
    answers, labels = lesson.answers.to(logits.device), lesson.labels.to(logits.device)
    divergence = distillation_divergence(logits, answers, temperature)
    cross_entropy = F.cross_entropy(logits, labels)
    return TEACHER_WEIGHT * divergence + (1 - TEACHER_WEIGHT) * cross_entropy
