"""Train the demo network on the handwritten digits and write demo.pt beside this file.

    python -m resources.demo.train_demo

Seeded; a minute or two on a CPU. The test digits are only read for the accuracy at the end.
"""

import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data import ImagePart, open_images
from core.networks import build_network
from core.networks.sources import DEMO_INPUT, DEMO_WEIGHTS

SEED = 0
EPOCHS = 40
BATCH_SIZE = 64
LEARNING_RATE = 0.1
WEIGHT_DECAY = 5e-4
SHIFT = 2  # pixels

log = logging.getLogger("train_demo")


def train_demo(epochs: int = EPOCHS) -> tuple[nn.Module, float]:
    """Train from scratch; returns the network in eval mode and its test accuracy, 0-1."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    images = open_images("digits", input_shape=DEMO_INPUT)
    # The reward and the held-out images are the training part; the split matters to a search.
    parts = [images.reward.batch(_all(images.reward)), images.held_out.batch(_all(images.held_out))]
    x, y = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    network = build_network("demo", class_count=10, input_shape=DEMO_INPUT).train()
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, 0.9, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    steps = epochs * (len(x) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for epoch in range(epochs):
        loss_sum = 0.0
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH_SIZE + 1, BATCH_SIZE):
            chosen = torch.from_numpy(order[start : start + BATCH_SIZE])
            loss = F.cross_entropy(network(_shift(x[chosen], rng)), y[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
        log.info("epoch %d of %d: loss %.3f", epoch + 1, epochs, loss_sum / (len(x) // BATCH_SIZE))
    return network.eval(), measure_accuracy(network, images.test)


def measure_accuracy(network: nn.Module, part: ImagePart) -> float:
    """The share of a part's images that the network classifies rightly, 0-1."""
    x, y = part.batch(_all(part))
    with torch.no_grad():
        return float((network.eval()(x).argmax(1) == y).float().mean())


def save_demo(network: nn.Module, path: Path = DEMO_WEIGHTS) -> None:
    """Write the network's state dict."""
    torch.save(network.state_dict(), path)


def _all(part: ImagePart) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.arange(len(part))


def _shift(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Move each image by up to SHIFT pixels; x (N, 1, H, W)."""
    padded = F.pad(x, (SHIFT,) * 4, value=float(x.min()))
    height, width = x.shape[2:]
    moves = rng.integers(0, 2 * SHIFT + 1, size=(len(x), 2))
    return torch.stack(
        [
            image[:, top : top + height, left : left + width]
            for image, (top, left) in zip(padded, moves, strict=True)
        ]
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    trained, accuracy = train_demo()
    save_demo(trained)
    size = DEMO_WEIGHTS.stat().st_size / 2**20
    log.info("test accuracy %.4f; %s, %.2f MiB", accuracy, DEMO_WEIGHTS.name, size)
