"""Training images that are seen a little differently each time: moved, mirrored, and mixed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import FinetuneConfig

COLOUR_CHANNELS = 3


def is_flipped(config: FinetuneConfig, channels: int) -> bool:
    """Whether images are mirrored: "auto" spares grey ones, which often are digits or letters."""
    return channels == COLOUR_CHANNELS if config.flip == "auto" else config.flip == "on"


def augment(images: Tensor, config: FinetuneConfig, random: torch.Generator) -> Tensor:
    """Mirror half of the images (N, C, H, W) and move each on its own; shape and type stay.

    What moves in is 0, the mean of normalised images.
    """
    if is_flipped(config, images.shape[1]):
        chosen = torch.rand(len(images), generator=random) < 0.5
        images = torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)
    height, width = images.shape[2:]
    down, across = round(config.crop_share * height), round(config.crop_share * width)
    if down == across == 0:
        return images
    top = torch.randint(0, 2 * down + 1, (len(images), 1), generator=random)
    left = torch.randint(0, 2 * across + 1, (len(images), 1), generator=random)
    rows = (top + torch.arange(height))[:, :, None]  # (N, H, 1)
    columns = (left + torch.arange(width))[:, None, :]  # (N, 1, W)
    padded = F.pad(images, (across, across, down, down))
    which = torch.arange(len(images))[:, None, None]  # (N, 1, 1)
    moved = padded[which, :, rows, columns].permute(0, 3, 1, 2)
    return moved.clone(memory_format=torch.contiguous_format)


def mix(
    images: Tensor, labels: Tensor, classes: int, config: FinetuneConfig, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste into a share of a batch's images (N, C, H, W) a rectangle of those before them.

    They are spread evenly over the batch, so that each part is alike where memory halves it.
    Returns: the images, and what is to be learned of them: the labels (N,) as they were if nothing
    is mixed, else the share of each class (N, classes), float32, which is that of the pixels.
    Source: Yun et al., "CutMix", ICCV 2019, with alpha = 1 and a rectangle for each image. A
    network that saw an image in its own training is sure of it; of a mixed one its answers tell
    more (Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022).
    """
    count = round(config.cutmix * len(images))
    if count == 0:
        return images, labels
    height, width = images.shape[2:]
    side = torch.rand(count, 1, generator=random).sqrt()  # so that its area is uniform
    pasted = (
        _within(side, height, random)[:, :, None] & _within(side, width, random)[:, None, :]
    )  # (count, H, W)
    chosen = torch.arange(count) * len(images) // count
    before, share = chosen - 1, pasted.float().mean((1, 2))[:, None]  # -1: the last
    own = F.one_hot(labels, classes).float()
    mixed, shares = images.clone(), own.clone()
    mixed[chosen] = torch.where(pasted[:, None], images[before], images[chosen])
    shares[chosen] = torch.lerp(own[chosen], own[before], share)
    return mixed, shares


def _within(side: Tensor, length: int, random: torch.Generator) -> Tensor:
    """Which pixels of a row lie in an interval of `side` (N, 1) of its length, anywhere in it."""
    middle = torch.rand(len(side), 1, generator=random)
    return ((torch.arange(length) + 0.5) / length - middle).abs() < side / 2
