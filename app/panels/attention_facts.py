"""What the attention panel knows, as numbers: who looks at whom, and how evenly. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.events import AttentionMeasured

Relation = Literal["before", "itself", "after"]
RELATIONS: tuple[Relation, ...] = ("before", "itself", "after")
Float64Array = NDArray[np.float64]
IndexArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Look:
    """One neighbour that a layer looks at."""

    source: int  # place of the layer that is looked at
    relation: Relation
    weight: float  # 0-1; all looks of a layer sum to 1


@dataclass(frozen=True, eq=False)
class Attention:
    """One measurement, one encoder layer and head or a mean of them, over layers in order.

    Edges are sorted by the layer that looks and then by what it looks at, so that each layer's
    are next to each other, what lies before it first.
    """

    names: tuple[str, ...]
    source: IndexArray  # (edges,) places in `names`
    target: IndexArray  # (edges,) the layers that look
    weight: Float64Array  # (edges,)

    @classmethod
    def of(
        cls, names: Sequence[str], event: AttentionMeasured, layer: int | None, head: int | None
    ) -> "Attention":
        """Choose an encoder layer and head, None: the mean over them.

        Raises: KeyError if an edge names a layer that is not among `names`.
        """
        place = {name: at for at, name in enumerate(names)}
        source = np.array([place[a] for a, _ in event.edges], dtype=np.int64)
        target = np.array([place[b] for _, b in event.edges], dtype=np.int64)
        weights = event.weights.astype(np.float64)  # (encoder layers, heads, edges)
        weights = weights.mean(axis=0) if layer is None else weights[layer]
        weight = weights.mean(axis=0) if head is None else weights[head]
        order = np.lexsort((source, target))
        return cls(tuple(names), source[order], target[order], weight[order])

    def looks(self, place: int) -> list[Look]:
        """What a layer looks at: what lies before it, itself, what lies after it."""
        first, last = self._bounds[place], self._bounds[place + 1]
        return [
            Look(int(source), _relation(int(source), place), float(weight))
            for source, weight in zip(self.source[first:last], self.weight[first:last], strict=True)
        ]

    @cached_property
    def shares(self) -> Float64Array:
        """Attention by relation, (layers, 3): before, itself, after."""
        return self._by_relation(self.weight)

    @cached_property
    def even_shares(self) -> Float64Array:
        """The same if every layer looked at all its neighbours alike, (layers, 3)."""
        return self._by_relation(1.0 / np.maximum(self.counts, 1)[self.target])

    @cached_property
    def counts(self) -> IndexArray:
        """How many neighbours each layer has, itself included, (layers,)."""
        return np.bincount(self.target, minlength=len(self.names))

    @cached_property
    def evenness(self) -> Float64Array:
        """Entropy of each layer's attention, relative to the greatest there can be.

        Returns: (layers,) 0-1; 1 is the same weight for all; NaN for a layer without neighbours.
        """
        terms = -self.weight * np.log(np.maximum(self.weight, 1e-30))
        entropy = np.bincount(self.target, terms, minlength=len(self.names))
        most = np.log(np.maximum(self.counts, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.counts > 1, entropy / most, np.nan)

    @property
    def mean_evenness(self) -> float:
        """Over all layers with neighbours, 0-1; NaN if there are none."""
        known = self.evenness[np.isfinite(self.evenness)]
        return float(known.mean()) if known.size else float("nan")

    @property
    def most_selective(self) -> int | None:
        """The place of the layer that looks least evenly."""
        return int(np.nanargmin(self.evenness)) if np.isfinite(self.evenness).any() else None

    @cached_property
    def _bounds(self) -> IndexArray:
        return np.searchsorted(self.target, np.arange(len(self.names) + 1))

    def _by_relation(self, values: Float64Array) -> Float64Array:
        relation = np.sign(self.source - self.target) + 1
        sums = np.bincount(3 * self.target + relation, values, minlength=3 * len(self.names))
        return sums.reshape(-1, 3)


def _relation(source: int, target: int) -> Relation:
    if source == target:
        return "itself"
    return "before" if source < target else "after"
