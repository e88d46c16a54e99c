"""What a masked network costs beside MACs: its parameters, and the bytes of its weights' file."""

import io
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.graph.assembly import Analysis
from core.pruning.surgery import network_state
from core.pruning.widths import Numbers, WidthRows


class Cost(Protocol):
    """A cost that no channel lessens, as a share of the unpruned network's, 0-1."""

    def share(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Share that is kept, for (C,) or (K, C): booleans, or keep probabilities."""

    def share_with_each(self, keep: NDArray[np.bool_]) -> Numbers:
        """Share that is kept if each channel that is not kept were too, (C,)."""


class StateCost:
    """A number for every element of a network's parameters and buffers, summed over what is kept.

    The elements of a tensor are a product of kept widths, so the sum is exact for a mask, and
    for keep probabilities where a tensor's dimensions are decided independently.
    """

    def __init__(self, analysis: Analysis, each: Mapping[str, tuple[Tensor, int]]) -> None:
        """each: state-dict key -> the tensor and what one of its elements costs."""
        rows, factors = WidthRows(), dict[tuple[int, ...], int]()
        for key, (tensor, cost) in each.items():
            cut = analysis.plan.owners.get(key, {})
            uncut = math.prod(size for dim, size in enumerate(tensor.shape) if dim not in cut)
            term = tuple(sorted(rows.add(owners) for owners in cut.values()))
            factors[term] = factors.get(term, 0) + cost * uncut
        most = max((len(term) for term in factors), default=0)
        one = rows.add(np.array([-1], dtype=np.int64))  # a width of 1 fills shorter products
        self._terms = np.array(
            [[*term, *[one] * (most - len(term))] for term in factors], dtype=np.int64
        ).reshape(len(factors), most)
        self._factors = np.array(list(factors.values()), dtype=np.float64)
        self._widths = rows.counted(analysis.plan.channel_count)
        self.total = float(self.cost(np.ones(analysis.plan.channel_count)))

    def cost(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """What is kept costs, shape () or (masks,)."""
        return self._summed(self._widths.of(keep))

    def share(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Share that is kept, 0-1, shape () or (masks,)."""
        return self.cost(keep) / self.total

    def share_with_each(self, keep: NDArray[np.bool_]) -> Numbers:
        """Share that is kept if each channel that is not kept were too, (C,)."""
        counts, kind_of = self._widths.with_each(keep)
        result: Numbers = self._summed(counts)[kind_of] / self.total
        return result

    def _summed(self, counts: Numbers) -> Numbers:
        result: Numbers = counts[..., self._terms].prod(axis=-1) @ self._factors
        return result


def params_cost(analysis: Analysis, module: nn.Module) -> StateCost:
    """Count the parameters; one that is used twice counts once."""
    return StateCost(analysis, {key: (one, 1) for key, one in module.named_parameters()})


class SizeCost(StateCost):
    """Bytes of the weights' file: parameters and buffers by their type, and the file's frame.

    The frame (names, shapes, checksums) is measured once. It hardly depends on the mask: the
    format pads every tensor to a multiple of 64 bytes, which is the only inexactness.
    """

    def __init__(self, analysis: Analysis, module: nn.Module) -> None:
        state = {id(tensor): (key, tensor) for key, tensor in network_state(module).items()}
        each = {key: (tensor, tensor.element_size()) for key, tensor in state.values()}
        self._frame = 0.0  # not yet known
        super().__init__(analysis, each)
        self._frame = _file_bytes(module) - self.total
        self.total += self._frame

    def _summed(self, counts: Numbers) -> Numbers:
        return super()._summed(counts) + self._frame


def _file_bytes(module: nn.Module) -> int:
    """How many bytes torch.save would write, without keeping them."""
    owned: dict[int, Tensor] = {}
    counted = _CountedBytes()
    file: Any = counted  # torch.save takes whatever has write() and flush()
    state = network_state(module).items()
    torch.save({key: owned.setdefault(id(one), _on_its_own(one)) for key, one in state}, file)
    return counted.count


def _on_its_own(tensor: Tensor) -> Tensor:
    """The tensor, or a copy if a file would hold more than it with it."""
    is_whole = tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if is_whole else tensor.clone(memory_format=torch.contiguous_format)


class _CountedBytes(io.RawIOBase):
    """A file that only counts."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, content: Any) -> int:
        size = int(memoryview(content).nbytes)
        self.count += size
        return size
