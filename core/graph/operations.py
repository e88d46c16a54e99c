"""One ATen operation as the rules see it, the layer that it may make, and the pass around it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from torch import Tensor

from core.graph.labels import ChannelLabels
from core.graph.layers import LayerKind


@dataclass(frozen=True, eq=False)
class Operation:
    """One call of an ATen operation, after it ran."""

    func: Any  # torch._ops.OpOverload
    name: str  # without overload and in-place underscore
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any

    @cached_property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return [*_tensors_in((self.args, tuple(self.kwargs.values())))]

    @cached_property
    def outputs(self) -> list[Tensor]:
        """All tensors that the operation returned."""
        return [*_tensors_in((self.out,))]

    @property
    def is_in_place(self) -> bool:
        """Whether it writes into its first argument."""
        return bool(self.args) and self.out is self.args[0] and isinstance(self.out, Tensor)

    @property
    def written(self) -> list[Tensor]:
        """The whole tensor, into which, or into a view of which, it wrote; none if not in place."""
        if not self.is_in_place:
            return []
        return [self.out if self.out._base is None else self.out._base]

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """The argument at that position or of that name."""
        return self.args[index] if len(self.args) > index else self.kwargs.get(name, default)


def _tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors_in(value)


@dataclass(frozen=True, eq=False)
class LayerDraft:
    """A layer that an operation makes; labels become channel ids at the end of the pass."""

    kind: LayerKind
    weight: Tensor | None = None
    positions: int = 0  # output positions x kernel elements of one image
    inputs: Tensor | None = None  # labels (in channels,)
    outputs: Tensor | None = None  # labels (out channels,)
    groups: int = 1
    kernel: tuple[int, ...] = field(default=())
    stride: int = 1


class Trace(Protocol):
    """What rules need of the pass that runs them."""

    labels: ChannelLabels

    def images_of(self, tensor: Tensor) -> int: ...  # in its batch; 1 if it is the same for all
    def shrinking_part(self, parts: list[int]) -> int: ...  # of channels that a view splits
    def of(self, tensor: Tensor) -> Tensor | None: ...  # labels of an activation
    def put(self, tensor: Tensor, labels: Tensor) -> None: ...
    def is_parameter(self, tensor: Tensor) -> bool: ...
    def bound(self, tensor: Tensor, dim: int) -> Tensor | None: ...
    def bind_producer(self, tensor: Tensor | None, dim: int, channels: Tensor) -> None: ...
    def bind_consumer(self, tensor: Tensor, dim: int, channels: Tensor) -> None: ...
    def bind(self, tensor: Tensor, dim: int, channels: Tensor) -> None: ...
    def is_width(self, tensor: Tensor, dim: int) -> None: ...
    def approximate(self, channels: Tensor, reason: str) -> None: ...
    def unknown(self, op: Operation, reason: str) -> None: ...
