"""Tiny networks with images that they classify perfectly, as the search sees them."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.data import Images
from core.evaluation import class_logits
from core.networks import Network
from core.opening import Opened
from core.pruning.verification import analyse_exactly
from tests.networks import build, example_images

COUNT = 24


class TinyPart:
    """Random images with the network's own answers as labels; remembers what was read."""

    def __init__(self, module: nn.Module, seed: int, count: int = COUNT) -> None:
        self.images = example_images(count, seed)
        with torch.no_grad():
            self.labels = class_logits(module(self.images)).argmax(1)
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        self.read.extend(indices.tolist())
        return self.images[indices], self.labels[indices]


def open_tiny(kind: type[nn.Module]) -> Opened:
    """A network of tests.networks, opened and analysed."""
    module = build(kind)
    images = Images(
        name="random",
        reward=TinyPart(module, 1),
        held_out=TinyPart(module, 2),
        test=TinyPart(module, 3),
        class_names=("a", "b", "c", "d"),
        image_shape=(3, 8, 8),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    network = Network(kind.__name__.lower(), module, (3, 8, 8), class_count=4)
    return Opened(network, images, analyse_exactly(module, example_images()), analysis_seconds=0.25)


def finish(events: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    """Run a generator to its end; returns its events and its result."""
    seen = []
    try:
        while True:
            seen.append(next(events))
    except StopIteration as end:
        return seen, end.value
