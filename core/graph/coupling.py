"""Which channels must go together, as plain values: no torch, no tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CouplingGroup:
    """The channels of one width: ids `start` to `stop`, each kept or removed on its own.

    Removing one channel removes it from every producer and every consumer at once.
    """

    id: int
    name: str  # the first producer
    start: int
    stop: int
    producers: tuple[str, ...]  # layer names
    consumers: tuple[str, ...]
    is_stream: bool = False  # its channels pass through an addition: a residual stream
    approximate: str | None = None  # why masked and cut differ slightly (LayerNorm, GroupNorm)

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class FrozenLayer:
    """A layer whose output channels are all kept, and why."""

    layer: str
    reason: str


@dataclass(frozen=True, eq=False)
class CouplingGroups:
    """All groups of a network, in the order of their first producers.

    Channel ids are 0 .. channel_count - 1; each group's are contiguous.
    """

    groups: tuple[CouplingGroup, ...]
    frozen: tuple[FrozenLayer, ...] = ()

    @property
    def channel_count(self) -> int:
        """How many channels can be kept or removed."""
        return self.groups[-1].stop if self.groups else 0

    @property
    def group_of_channel(self) -> NDArray[np.int64]:
        """Group id of every channel, shape (channel_count,)."""
        return np.repeat(
            np.array([group.id for group in self.groups], dtype=np.int64),
            [len(group) for group in self.groups],
        )


@dataclass(frozen=True, eq=False)
class PruningPlan:
    """How a mask becomes a smaller state dict; made once per network.

    `owners[key][dim][i]` is the channel id that decides over index i of that dimension of
    the state-dict entry, or -1 where it is always kept.
    `producers` are the (key, dim) that give a channel its values, `consumers` those that read
    them; soft pruning zeroes both.
    """

    owners: Mapping[str, Mapping[int, NDArray[np.int64]]]
    producers: frozenset[tuple[str, int]]
    consumers: frozenset[tuple[str, int]]
    channel_count: int


@dataclass(frozen=True, eq=False)
class MacOperation:
    """One convolution or matrix product: macs = positions x kept inputs x kept outputs.

    A depthwise convolution has one input per output (`inputs` is None).
    A grouped one divides its kept inputs by `groups`.
    `positions` counts output positions times kernel elements, for one image.
    """

    layer: str
    positions: int
    inputs: NDArray[np.int64] | None  # (in channels,) owner ids, -1 = always kept
    outputs: NDArray[np.int64]  # (out channels,)
    groups: int = 1

    @property
    def macs(self) -> int:
        """MACs of the unpruned operation, for one image."""
        inputs = 1 if self.inputs is None else len(self.inputs) // self.groups
        return self.positions * inputs * len(self.outputs)
