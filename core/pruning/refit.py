"""Least-squares refit: what reads a pruned layer makes up for the inputs that it lost.

A layer computes y = W x. When only the inputs S are left, the weights

    W_S = W C[:, S] (C_SS + d I)^-1,   d = DAMPING x the mean of C_SS's diagonal

come closest to y in the mean square over images, where C is the covariance of x. It is measured
once, on the unpruned network; a mask then costs a small linear system for each layer that lost
inputs. A bias takes up the change of the mean, as a batch norm behind the layer does when it is
measured again; where there is neither, C is the mean product instead.

Source: He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017,
equation 4; with precomputed covariances as in Frantar and Alistarh, "Optimal Brain Compression",
NeurIPS 2022.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.events import BoolArray
from core.pruning.masks import kept_channels

DAMPING = 1e-3
NAMED_LAYERS = 5


@dataclass(frozen=True, eq=False)
class Refitted:
    """New values for the layers that lost inputs."""

    state: Mapping[str, Tensor]  # state-dict key -> the cut tensor
    error: float  # share of the readers' scaled output variance that is lost, summed over them


@dataclass(frozen=True, eq=False)
class ReaderFit:
    """One layer that can be refitted, with all that needs no mask."""

    key: str  # of the weight
    bias_key: str | None
    owners: NDArray[np.int64]  # (inputs,)
    outputs: NDArray[np.int64]  # (outputs,) channel ids, -1 = always kept
    weight: Tensor  # (rows, n) in double; rows are outputs, or outputs x taps that are shared
    taps: int  # columns for each input
    rows_per_output: int
    shape: tuple[int, ...]  # of the kernel
    mean: Tensor  # (n,)
    products: Tensor  # (n, n): the covariance, or the mean products
    answers: Tensor  # (rows, n): weight @ products
    scale: Tensor  # (outputs,) what one unit of an output counts, squared
    variance: float  # of all scaled outputs

    def solve(self, keep: BoolArray) -> tuple[Tensor, Tensor, float] | None:
        """The refitted weight (kept outputs, kept inputs, ...), what it adds to the bias, the loss.

        None if no input is lost, or if the system cannot be solved.
        """
        kept = kept_channels(keep, self.owners)
        if kept.all():
            return None
        outputs = np.flatnonzero(kept_channels(keep, self.outputs))
        device = self.weight.device
        rows = _columns(outputs, self.rows_per_output).to(device)
        columns = _columns(np.flatnonzero(kept), self.taps).to(device)
        weight, answers = self.weight[rows], self.answers[rows]
        scale = self.scale[torch.from_numpy(outputs).to(device)]
        scale = scale.repeat_interleave(self.rows_per_output)
        total = (answers * weight).sum(dim=1)
        if not kept.any():
            return (
                self._shaped(weight[:, columns]),
                self._shift(weight @ self.mean),
                float(scale @ total),
            )
        own = self.products[columns][:, columns]
        damping = DAMPING * own.diagonal().mean().clamp(min=1e-12)
        own.diagonal().add_(damping)
        triangle, failed = torch.linalg.cholesky_ex(own)
        if int(failed):
            return None
        seen = answers[:, columns]  # (rows, kept)
        fitted = torch.cholesky_solve(seen.T, triangle).T
        explained = (fitted * seen).sum(dim=1) + damping * fitted.square().sum(dim=1)
        loss = float(scale @ (total - explained).clamp(min=0.0))
        shift = self._shift(weight @ self.mean - fitted @ self.mean[columns])
        return self._shaped(fitted), shift, loss

    def _shaped(self, rows: Tensor) -> Tensor:
        """(outputs x shared taps, kept x own taps) -> the shape of the layer's weight."""
        outputs, kept = len(rows) // self.rows_per_output, rows.shape[1] // self.taps
        by_tap = rows.reshape(outputs, self.rows_per_output, kept, self.taps)
        return by_tap.transpose(1, 2).reshape(outputs, kept, *self.shape).float()

    def _shift(self, rows: Tensor) -> Tensor:
        return rows.reshape(-1, self.rows_per_output).sum(dim=1).float()


class Refit:
    """Refits any mask of one network; `left_alone` names the layers that stay as they are."""

    def __init__(
        self,
        readers: Iterable[ReaderFit],
        biases: Mapping[str, Tensor],
        left_alone: Mapping[str, str],
    ) -> None:
        self._readers = tuple(readers)
        self._biases = dict(biases)
        self.left_alone = dict(left_alone)  # layer -> reason

    def __len__(self) -> int:
        return len(self._readers)

    @torch.no_grad()
    def refit(self, keep: BoolArray) -> Refitted:
        """Solve for the weights that a mask (C,) leaves; only those that change are given."""
        state: dict[str, Tensor] = {}
        error = 0.0
        for reader in self._readers:
            solved = reader.solve(keep)
            if solved is None:
                continue
            state[reader.key], shift, loss = solved
            error += loss / max(reader.variance, 1e-12)
            if reader.bias_key is not None:
                kept = torch.from_numpy(np.flatnonzero(kept_channels(keep, reader.outputs)))
                bias = self._biases[reader.bias_key]
                state[reader.bias_key] = bias[kept.to(bias.device)] + shift
        return Refitted(state, error)


def name_left_alone(left_alone: Mapping[str, str]) -> str:
    """Say which layers a refit leaves as they are, and why; empty if there are none."""
    if not left_alone:
        return ""
    named = [f"{layer} ({reason})" for layer, reason in left_alone.items()]
    rest = len(named) - NAMED_LAYERS
    more = f" and {rest} more" if rest > 0 else ""
    return f"The refit leaves as they are: {', '.join(named[:NAMED_LAYERS])}{more}."


def _columns(indices: NDArray[np.int64], size: int) -> Tensor:
    """Columns of inputs that own `size` of them each."""
    return torch.from_numpy((indices[:, None] * size + np.arange(size)).ravel())
