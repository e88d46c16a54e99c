"""Tiny networks, opened with random images, for what is done after a search."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.data import Images
from core.graph.trace import analyse_network
from core.networks import Network
from core.opening import Opened

CLASS_COUNT = 4
INPUT_SHAPE = (3, 8, 8)


class TinyResidual(nn.Module):
    """A stem, one residual block with a depthwise convolution, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(8)
        self.widen = nn.Conv2d(8, 12, 1)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.norm = nn.BatchNorm2d(12)
        self.narrow = nn.Conv2d(12, 8, 1)
        self.classifier = nn.Linear(8, CLASS_COUNT)

    def forward(self, images: Tensor) -> Tensor:
        stream = torch.relu(self.stem_norm(self.stem(images)))
        inner = torch.relu(self.norm(self.depthwise(self.widen(stream))))
        stream = stream + self.narrow(inner)
        return self.classifier(stream.mean((2, 3)))


@dataclass(frozen=True, eq=False)
class RandomPart:
    """Random images that are the same every time."""

    seed: int
    count: int = 40

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.randn(self.count, *INPUT_SHAPE, generator=generator)
        labels = torch.randint(CLASS_COUNT, (self.count,), generator=generator)
        chosen = torch.from_numpy(np.asarray(indices))
        return images[chosen], labels[chosen]


def build_tiny(seed: int = 1) -> TinyResidual:
    """The network as a stranger builds it: other weights than the opened one's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyResidual().eval()


def random_images() -> Images:
    """Three small parts of random images."""
    return Images(
        name="random",
        reward=RandomPart(1),
        held_out=RandomPart(2),
        test=RandomPart(3),
        class_names=("a", "b", "c", "d"),
        image_shape=INPUT_SHAPE,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


def open_tiny() -> Opened:
    """The tiny network with random weights, analysed."""
    return open_network(build_tiny(seed=0))


def open_network(module: nn.Module) -> Opened:
    """Any network of 4 classes, analysed."""
    analysis = analyse_network(module, torch.randn(2, *INPUT_SHAPE))
    network = Network("tiny", module, INPUT_SHAPE, CLASS_COUNT, checkpoint="somewhere/tiny.pt")
    return Opened(network, random_images(), analysis, analysis_seconds=0.5)


def half_mask(channel_count: int) -> np.ndarray:
    """Every second channel."""
    return np.arange(channel_count) % 2 == 0
