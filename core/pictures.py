"""Weights, activations and normalised images as pictures: plain arrays, nothing drawn."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from core.data import Images
from core.events import FloatArray

MAP_SIDE = 64  # rows and columns of a map; larger ones are averaged
INPUTS_DRAWN = 1024  # of a 1x1 or linear filter; more are averaged with their neighbours


def filter_pictures(weight: Tensor, owner: nn.Module | None = None) -> FloatArray:
    """Turn a layer's weight into one picture a filter, (output channels, rows, columns).

    `owner` is the module of the weight; a transposed convolution has its outputs second.
    """
    values = weight.detach().float().cpu()
    if isinstance(owner, _ConvTransposeNd):
        first, second = values.shape[:2]
        groups = owner.groups
        values = values.reshape(groups, first // groups, second, *values.shape[2:])
        values = values.transpose(1, 2).flatten(0, 1)  # (outputs, inputs / groups, ...)
    positions = values[0, 0].numel() if values.dim() > 1 else 1
    if values.dim() < 3 or positions == 1:
        return _rows_of_inputs(values.reshape(len(values), -1).numpy())
    while values.dim() > 4:
        values = values.mean(dim=2)  # a volume is seen from its front
    if values.dim() == 3:
        values = values[:, :, None]  # one row of time
    mean: FloatArray = values.mean(dim=1).numpy()
    return mean


def _rows_of_inputs(weights: NDArray[np.float32]) -> FloatArray:
    """Lay out (outputs, inputs) as (outputs, rows, columns), nearly square."""
    inputs = weights.shape[1]
    size = -(-inputs // INPUTS_DRAWN)
    starts = np.arange(0, inputs, size)
    counts = np.diff(np.append(starts, inputs))
    means = np.add.reduceat(weights, starts, axis=1) / counts
    columns = int(np.ceil(np.sqrt(means.shape[1])))
    rows = -(-means.shape[1] // columns)
    padding = np.full((len(means), rows * columns - means.shape[1]), np.nan)
    padded = np.concatenate([means, padding], axis=1).astype(np.float32)
    return padded.reshape(len(means), rows, columns)


def activation_maps(output: Tensor, *, is_channel_last: bool) -> FloatArray:
    """Bring a layer's output (N, ...) into maps (images, channels, rows, columns).

    Volumes are averaged along their depth; tokens are laid out as an image if they make a square.
    A map has at most MAP_SIDE rows and columns.
    """
    if is_channel_last and output.dim() > 2:
        output = output.movedim(-1, 1)  # (N, C, ...)
    while output.dim() > 4:
        output = output.mean(dim=2)
    if output.dim() == 3:
        length = output.shape[2]
        side = math.isqrt(length)
        is_square = is_channel_last and side * side == length
        rows = side if is_square else 1
        output = output.reshape(*output.shape[:2], rows, length // rows)
    output = output.reshape(*output.shape, *[1] * (4 - output.dim()))
    if max(output.shape[2:]) > MAP_SIDE:
        rows, columns = (min(MAP_SIDE, side) for side in output.shape[2:])
        output = F.adaptive_avg_pool2d(output, (rows, columns))
    maps: FloatArray = output.cpu().numpy()
    return maps


def to_pixels(batch: Tensor, images: Images) -> NDArray[np.uint8]:
    """Undo the normalisation of images (N, C, H, W); returns bytes (N, H, W, 3).

    One channel is shown as grey; of more than three the first three are shown.
    """
    mean = torch.tensor(images.mean).view(-1, 1, 1)
    std = torch.tensor(images.std).view(-1, 1, 1)
    pixels = ((batch.float() * std + mean) * 255).round().clamp(0, 255)
    pixels = pixels[:, :3] if pixels.shape[1] >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    result: NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).to(torch.uint8).numpy()
    return result
