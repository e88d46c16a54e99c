"""Networks against the one they were cut from, on the test images."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data import ImagePart
from core.evaluation import distillation_divergence, read_logits
from core.events import FinetuneEvent, StageAdvanced, StageStarted
from core.memory import ImagesAtOnce

BATCH = 128


@dataclass(frozen=True)
class ComparedScore:
    """How a network does on some images, and how far its answers are from the unpruned's."""

    accuracy: float  # 0-1
    cross_entropy: float  # nats per image
    kl: float  # nats per image: KL(unpruned || this), at temperature 1


def compare_with_unpruned(
    unpruned: nn.Module, modules: Mapping[str, nn.Module], part: ImagePart, device: torch.device
) -> Generator[FinetuneEvent, None, dict[str, ComparedScore]]:
    """Read a part once for all networks, each in evaluation mode on `device`.

    Yields: StageStarted, then StageAdvanced after each batch of each network.
    Returns: a score for each name of `modules`.
    """
    batches = np.split(np.arange(len(part)), range(BATCH, len(part), BATCH))
    sums = {name: np.zeros(3) for name in modules}
    yield StageStarted("Reading the test images", total=len(batches) * len(modules))
    done, at_once = 0, ImagesAtOnce("reading the test images")
    for batch in batches:
        images, labels = part.batch(batch)
        answers = read_logits(unpruned.eval(), images, device, at_once)
        for name, module in modules.items():
            logits = read_logits(module.eval(), images, device, at_once)
            sums[name] += _sums(logits, labels, answers)
            yield from at_once.take_notices()
            done += 1
            yield StageAdvanced(done)
    return {
        name: ComparedScore(*(float(value) / len(part) for value in total))
        for name, total in sums.items()
    }


def _sums(
    logits: Tensor, labels: Tensor, answers: Tensor
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Right answers, nats of cross-entropy and nats of KL, summed over the images."""
    right = float((logits.argmax(1) == labels).sum())
    cross_entropy = float(F.cross_entropy(logits, labels, reduction="sum"))
    divergence = float(distillation_divergence(logits, answers, 1.0)) * len(labels)
    return np.array([right, cross_entropy, divergence])
