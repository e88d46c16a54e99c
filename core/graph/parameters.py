"""Parameters and buffers during a pass: which tensor is one, or a view of one, and how it lies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.graph.labels import aligned_runs
from core.graph.operations import Operation

Dims = tuple[int | None, ...]
SAME = ("detach", "alias", "clone", "_to_copy", "contiguous", "lift_fresh")


@dataclass(frozen=True)
class ParameterView:
    """A parameter or buffer, or a view of one: `dims[i]` is dimension i's place in the original.

    None stands for a dimension that the view added or mixed.
    """

    key: str
    dims: Dims


def tensors_of(module: nn.Module) -> list[tuple[str, Tensor]]:
    """All parameters and buffers by key; a shared tensor under each of its names."""
    return [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]


class Parameters:
    """Finds the state-dict entry behind a tensor, through views and functions of single values."""

    def __init__(self, module: nn.Module, state: Mapping[str, Tensor]) -> None:
        self._views: dict[int, ParameterView] = {}
        self._alive: list[Tensor] = []  # ids stay unique while these live
        self._shapes = {key: tensor.shape for key, tensor in state.items()}
        self.trained = {key for key, _ in module.named_parameters()}
        for key, tensor in state.items():
            view = ParameterView(key, tuple(range(tensor.dim())))
            self._views.setdefault(id(tensor), view)

    def of(self, tensor: Tensor) -> ParameterView | None:
        """The entry behind a tensor; None if it is something else."""
        return self._views.get(id(tensor))

    def place(self, tensor: Tensor, dim: int) -> tuple[str, int] | None:
        """State-dict key and dimension behind a dimension; None if it cannot be said."""
        view = self.of(tensor)
        place = None if view is None else view.dims[dim]
        return None if view is None or place is None else (view.key, place)

    def size(self, place: tuple[str, int]) -> int:
        """How many indices a state-dict entry has in a dimension."""
        return self._shapes[place[0]][place[1]]

    def is_broadcast(self, tensor: Tensor) -> bool:
        """Whether a view keeps all dimensions of its entry, and those it added only repeat it."""
        view = self.of(tensor)
        if view is None:
            return False
        shape = self._shapes[view.key]
        return math.prod(shape[d] for d in view.dims if d is not None) == shape.numel()

    def follow(self, op: Operation) -> None:
        """Remember what an operation on a parameter alone returns."""
        base = op.args[0] if op.args else None
        if not isinstance(base, Tensor) or not isinstance(op.out, Tensor) or op.out is base:
            return
        view = self.of(base)
        dims = None if view is None else _viewed_dims(op, base, view.dims)
        if view is not None and dims is not None:
            self._views[id(op.out)] = ParameterView(view.key, dims)
            self._alive.append(op.out)


def _viewed_dims(op: Operation, base: Tensor, dims: Dims) -> Dims | None:
    """Where the dimensions of a view lie in its base; None if it is no view of one tensor."""
    before, after = tuple(base.shape), tuple(op.out.shape)
    if op.name == "index":
        return _indexed_dims(op.args[1], dims)
    if len(op.tensors) != 1:
        return None
    if op.name == "t":
        return dims[::-1]
    if op.name == "transpose":
        swapped = list(dims)
        a, b = op.args[1], op.args[2]
        swapped[a], swapped[b] = swapped[b], swapped[a]
        return tuple(swapped)
    if op.name == "permute":
        return tuple(dims[d] for d in op.args[1])
    if op.name in ("expand", "repeat"):
        added = len(after) - len(before)
        old = zip(dims, before, after[added:], strict=True)
        return (*[None] * added, *(d if n == m or n > 1 else None for d, n, m in old))
    if op.name in ("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze"):
        return _reshaped_dims(before, after, dims)
    is_pointwise = torch.Tag.pointwise in op.func.tags and before == after
    return dims if op.name in SAME or is_pointwise else None


def _reshaped_dims(before: tuple[int, ...], after: tuple[int, ...], dims: Dims) -> Dims:
    places: list[int | None] = []
    for old, new in aligned_runs(before, after):
        wide = [d for d in old if before[d] > 1]
        is_kept = len(wide) == 1
        places += [dims[wide[0]] if is_kept and after[d] == before[wide[0]] else None for d in new]
    return tuple(places)


def _indexed_dims(indices: list[Tensor | None], dims: Dims) -> Dims | None:
    """A table of which rows are picked by number keeps its other dimensions."""
    if indices[0] is None or any(index is not None for index in indices[1:]):
        return None
    return (*[None] * indices[0].dim(), *dims[1:])
