"""Training images that are seen a little differently each time: moved, and mirrored."""

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
