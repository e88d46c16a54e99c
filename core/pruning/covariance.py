"""How the inputs of a layer hang together, measured at a few places of each image."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from core.pruning.elimination import elimination_losses

Float64Array = NDArray[np.float64]
PLACES = 16  # output positions, of each batch
WEIGHTS_MOST = 640  # per output, whose covariance is measured tap by tap
CHANNELS_MOST = 1024  # above, inputs are taken as independent


@dataclass(eq=False)
class InputCovariance:
    """Running covariance of what a layer's weights are multiplied with.

    Where a kernel has too many weights, its taps share one covariance of the channels.
    """

    reader: nn.Conv2d | nn.Linear
    has_shared_taps: bool
    _count: int = 0
    _sum: Tensor | float = 0.0
    _products: Tensor | float = 0.0
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @classmethod
    def of(cls, reader: nn.Module) -> "InputCovariance | None":
        """Begin to measure; None for layers whose inputs do not all mix, or that are too wide."""
        if not isinstance(reader, nn.Conv2d | nn.Linear):
            return None
        if isinstance(reader, nn.Conv2d) and (reader.groups > 1 or reader.padding_mode != "zeros"):
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
        mean = torch.as_tensor(self._sum) / self._count
        covariance = torch.as_tensor(self._products) / self._count - torch.outer(mean, mean)
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
            most = PLACES * len(inputs)
            return rows if len(rows) <= most else rows[self._choose(len(rows), most)]
        conv = self.reader
        if self.has_shared_taps:
            pixels = inputs.flatten(2)  # (N, C, positions)
            chosen = self._choose(pixels.shape[2], PLACES)
            return pixels[:, :, chosen].transpose(1, 2).flatten(0, 1)
        padded = F.pad(inputs, conv._reversed_padding_repeated_twice)
        (high, wide), (down, across) = conv.kernel_size, conv.dilation
        span = down * (high - 1) + 1, across * (wide - 1) + 1
        rows_out = (padded.shape[2] - span[0]) // conv.stride[0] + 1
        columns_out = (padded.shape[3] - span[1]) // conv.stride[1] + 1
        patches = []
        for place in self._choose(rows_out * columns_out, PLACES):
            top = int(place) // columns_out * conv.stride[0]
            left = int(place) % columns_out * conv.stride[1]
            patch = padded[:, :, top : top + span[0] : down, left : left + span[1] : across]
            patches.append(patch.flatten(1))
        return torch.cat(patches)

    def _choose(self, count: int, most: int) -> NDArray[np.int64]:
        return self._random.permutation(count)[:most]
