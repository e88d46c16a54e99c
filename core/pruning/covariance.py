"""How the inputs of a layer hang together, measured at a few places of each image."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from core.pruning.elimination import elimination_losses

Float64Array = NDArray[np.float64]
Reader = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
PLACES = 16  # output positions, of each batch
WEIGHTS_MOST = 640  # per output, whose covariance is measured tap by tap
CHANNELS_MOST = 1024  # above, inputs are taken as independent


@dataclass(eq=False)
class InputCovariance:
    """Running covariance of what a layer's weights are multiplied with.

    Where a kernel has too many weights, its taps share one covariance of the channels.
    """

    reader: Reader
    has_shared_taps: bool
    places: int = PLACES
    _count: int = 0
    _sum: Tensor | float = 0.0
    _products: Tensor | float = 0.0
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @classmethod
    def of(cls, reader: nn.Module) -> "InputCovariance | None":
        """Begin to measure; None for layers whose inputs do not all mix, or that are too wide."""
        if not isinstance(reader, Reader) or not mixes_all(reader):
            return None
        channels, weights = reader.weight.shape[1], reader.weight[0].numel()
        if weights <= WEIGHTS_MOST or weights == channels <= CHANNELS_MOST:
            return cls(reader, has_shared_taps=False)
        return cls(reader, has_shared_taps=True) if channels <= CHANNELS_MOST else None

    def add(self, inputs: Tensor) -> None:
        """Take in what the layer reads: (N, C, H, W), or (..., C) of a linear layer."""
        rows = self._rows(inputs.detach().float())
        self._count += len(rows)
        self._sum = self._sum + rows.sum(dim=0).double()
        self._products = self._products + (rows.T @ rows).double()

    @property
    def count(self) -> int:
        """How many rows were taken in."""
        return self._count

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean (n,) and mean product (n, n) of what the weights are multiplied with, in double.

        n is the number of channels where the taps share them.
        """
        if not self._count:
            raise RuntimeError("nothing was read yet")
        return torch.as_tensor(self._sum) / self._count, torch.as_tensor(
            self._products
        ) / self._count

    def losses(
        self, owners: NDArray[np.int64], output_scale: Float64Array
    ) -> tuple[Float64Array, float] | None:
        """What each input channel (C,) costs in the order of its elimination, and the variance.

        A channel that owns several inputs spreads its loss over them; what is always kept costs
        nothing. None if the channels own different numbers of inputs.
        """
        channels = np.unique(owners[owners >= 0])
        places = [np.flatnonzero(owners == channel) for channel in channels]
        if not places or len({len(own) for own in places}) > 1:
            return None
        covariance, weight, taps = self._measured(output_scale)
        columns = np.arange(len(owners) * taps).reshape(len(owners), taps)
        blocks = columns[np.stack(places)].reshape(len(places), -1)  # (channels, own inputs)
        lost = elimination_losses(covariance, weight, blocks)
        losses = np.zeros(len(owners))
        for own, loss in zip(places, lost, strict=True):
            losses[own] = loss / len(own)
        return losses, float(((weight @ covariance) * weight).sum())

    def _measured(self, output_scale: Float64Array) -> tuple[Float64Array, Float64Array, int]:
        """Covariance (n, n), scaled weights (rows, n), and columns per input channel."""
        mean, products = self.moments()
        covariance = products - torch.outer(mean, mean)
        scale = torch.from_numpy(output_scale)
        weight = self.reader.weight.detach().double().cpu()
        weight = (
            weight.reshape(*weight.shape[:2], -1) * scale[:, None, None]
        )  # (outputs, channels, taps)
        taps = weight.shape[2]
        if self.has_shared_taps:
            weight, taps = weight.transpose(1, 2).flatten(0, 1), 1  # (outputs x taps, channels)
        return covariance.cpu().numpy(), weight.reshape(len(weight), -1).numpy(), taps

    def _rows(self, inputs: Tensor) -> Tensor:
        """Some of the rows that weights are multiplied with: (rows, n)."""
        if isinstance(self.reader, nn.Linear):
            rows = inputs.flatten(0, -2)
            most = self.places * len(inputs)
            return rows if len(rows) <= most else rows[self._choose(len(rows), most)]
        if self.has_shared_taps:
            pixels = inputs.flatten(2)  # (N, C, positions)
            chosen = self._choose(pixels.shape[2], self.places)
            return pixels[:, :, chosen].transpose(1, 2).flatten(0, 1)
        padded, windows = _windows(self.reader, inputs)
        counts = tuple(len(starts) for starts, _ in windows)
        patches = []
        for place in self._choose(math.prod(counts), self.places):
            corner = np.unravel_index(int(place), counts)
            cuts = (
                slice(starts[at], starts[at] + span, dilation)
                for (starts, span), at, dilation in zip(
                    windows, corner, self.reader.dilation, strict=True
                )
            )
            patches.append(padded[(slice(None), slice(None), *cuts)].flatten(1))
        return torch.cat(patches)

    def _choose(self, count: int, most: int) -> NDArray[np.int64]:
        return self._random.permutation(count)[:most]


def mixes_all(reader: Reader) -> bool:
    """Whether each output reads all inputs."""
    return isinstance(reader, nn.Linear) or reader.groups == 1


def _windows(
    conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, inputs: Tensor
) -> tuple[Tensor, list[tuple[range, int]]]:
    """Pad the inputs as the convolution does; per axis, where its windows begin and their span."""
    mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
    padded = F.pad(inputs, conv._reversed_padding_repeated_twice, mode=mode)
    windows = []
    for size, kernel, stride, dilation in zip(
        padded.shape[2:], conv.kernel_size, conv.stride, conv.dilation, strict=True
    ):
        span = dilation * (kernel - 1) + 1
        windows.append((range(0, size - span + 1, stride), span))
    return padded, windows
