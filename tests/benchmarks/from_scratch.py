"""Train VGG-16-BN or MobileNet-V2 on CIFAR-10 from nothing, for there are no weights of theirs.

    python -m tests.benchmarks.from_scratch FOLDER --network cifar_vgg16_bn --epochs 3
        [--small-epochs 0] [--genuine-epochs 4] [--threads 1] [--seed 0]

Learns from all 50,000 training images as lossy JPEG, first some epochs of them at half the side,
which cost a quarter (VGG does without its last pooling there, which would have no pixel left),
then from the genuine reward images of the subset. Held-out and test images
of the subset are in no batch that is known to be theirs, but the JPEG archive holds the held-out
ones too, for it holds all of CIFAR's training part; so do the checkpoints of the ResNets.
FOLDER/cifar_vgg16_bn.pt is then a checkpoint for the network of that name; what it scores on the
held-out images is printed, and the test images are not read.
"""

import argparse
import dataclasses
import io
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from core.augmentation import augment
from core.config import FinetuneConfig
from core.data import ImagePart, open_images
from core.data.images import ArrayPart
from core.data.normalisation import IMAGENET
from core.evaluation import limited_threads, resolve_precision, score_logits
from core.networks import build_network

SHARED = Path(__file__).resolve().parents[3] / "shared"
ARCHIVE = SHARED / "data" / "cifar10_jpeg_train.zip"
GENUINE = SHARED / "data" / "cifar10_subset.npz"
NETWORKS = ("cifar_vgg16_bn", "cifar_mobilenet_v2")
INPUT = (3, 32, 32)
BATCH = 128
RATES = {"cifar_vgg16_bn": 0.05, "cifar_mobilenet_v2": 0.1}  # the highest, of the one cycle
WEIGHT_DECAY = 5e-4
CPU = torch.device("cpu")


@dataclasses.dataclass(frozen=True)
class Course:
    """Some epochs on some images, all at one size."""

    part: ImagePart
    epochs: int
    is_small: bool = False

    @property
    def steps(self) -> int:
        """Batches in all."""
        return self.epochs * (len(self.part) // BATCH)


def main() -> None:
    """Train one network and write its state dict."""
    arguments = _parse_arguments()
    with limited_threads(arguments.threads):
        network = train(arguments)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / f"{arguments.network}.pt"
    torch.save(network.state_dict(), path)
    sys.stdout.write(f"Written: {path}\n")


def train(arguments: argparse.Namespace) -> nn.Module:
    """One cycle of SGD over all courses; says after each epoch how it goes."""
    torch.manual_seed(arguments.seed)
    random = np.random.default_rng(arguments.seed)
    noise = torch.Generator().manual_seed(arguments.seed)
    images, jpeg = open_images(str(GENUINE), input_shape=INPUT), _jpeg_part()
    courses = [
        Course(jpeg, arguments.small_epochs, is_small=True),
        Course(jpeg, arguments.epochs),
        Course(images.reward, arguments.genuine_epochs),
    ]
    network = build_network(arguments.network, class_count=10, input_shape=INPUT).train()
    network = network.to(memory_format=torch.channels_last)
    last_pooling = _last_pooling(network)
    rate = RATES[arguments.network]
    optimizer = torch.optim.SGD(
        network.parameters(), rate, 0.9, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=sum(course.steps for course in courses)
    )
    began = time.process_time()
    for course in courses:
        if last_pooling is not None:
            last_pooling.kernel_size = last_pooling.stride = 1 if course.is_small else 2
        for epoch in range(1, course.epochs + 1):
            loss = np.mean(
                [
                    _step(network, optimizer, schedule, batch, course.is_small, noise)
                    for batch in _batches(course.part, random)
                ]
            )
            score = score_logits(*_answers(network, images.held_out, course.is_small))
            sys.stdout.write(
                f"{len(course.part)} images, epoch {epoch} of {course.epochs}: loss {loss:.3f}, "
                f"held-out accuracy {score.accuracy:.3f}, {time.process_time() - began:.0f} CPU-s\n"
            )
            sys.stdout.flush()
    return network.eval()


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batch: tuple[Tensor, Tensor],
    is_small: bool,
    noise: torch.Generator,
) -> float:
    images, labels = batch
    images = _sized(augment(images, FinetuneConfig(), noise), is_small)
    images = images.contiguous(memory_format=torch.channels_last)
    precision = resolve_precision("auto", CPU)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        logits = network(images)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=0.1)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    schedule.step()
    return float(loss.detach())


def _answers(network: nn.Module, part: ImagePart, is_small: bool) -> tuple[Tensor, Tensor]:
    images, labels = part.batch(np.arange(len(part)))
    network.eval()
    with torch.inference_mode():
        parts = _sized(images, is_small).split(BATCH)
        logits = torch.cat([network(some) for some in parts])
    network.train()
    return logits, labels


def _sized(images: Tensor, is_small: bool) -> Tensor:
    return F.avg_pool2d(images, 2) if is_small else images


def _last_pooling(network: nn.Module) -> nn.MaxPool2d | None:
    return next((m for m in reversed([*network.modules()]) if isinstance(m, nn.MaxPool2d)), None)


def _batches(part: ImagePart, random: np.random.Generator):
    order = random.permutation(len(part))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        yield part.batch(order[start : start + BATCH])


def _jpeg_part() -> ArrayPart:
    """All images of the archive: a folder a class, and by their names in CIFAR's order."""
    pixels, folders = [], []
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg"):
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    pixels.append(np.asarray(image.convert("RGB")))
                folders.append(name.split("/")[-2])
    labels = np.unique(folders, return_inverse=True)[1].astype(np.int64)
    return ArrayPart(np.stack(pixels), labels, np.arange(len(labels)), *IMAGENET)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--small-epochs", type=int, default=0)
    parser.add_argument("--genuine-epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
