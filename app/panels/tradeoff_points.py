"""Every mask that was scored, kept compactly, and which of them nothing else beats."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from app.panels.growing import FloatVector, GrowingTable
from core.events import (
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    SearchFinished,
    SearchStarted,
)

ScoredEvent = CandidateEvaluated | CriterionEvaluated | SearchFinished

_KIND, _NUMBER, _MACS, _ACCURACY, _CROSS_ENTROPY, _MEETS_BUDGET = range(6)


class Kind(IntEnum):
    """Where a mask comes from, and so on which images it was scored."""

    CANDIDATE = 0  # sampled by the agent; reward images
    CRITERION = 1  # reward images
    UNPRUNED = 2  # held-out images
    WINNER = 3  # held-out images


@dataclass(frozen=True)
class Scored:
    """One mask's numbers; accuracy 0-1, cross-entropy in nats."""

    kind: Kind
    number: int  # the evaluation of a candidate, else 0
    name: str  # the criterion's
    macs_kept: float
    accuracy: float
    cross_entropy: float
    meets_budget: bool


def scored_point(event: ScoredEvent) -> Scored:
    """What an event says about its mask."""
    kind, number, name, meets_budget = Kind.WINNER, 0, "", True
    match event:
        case CandidateEvaluated():
            kind, number, meets_budget = Kind.CANDIDATE, event.evaluation, event.meets_budget
        case CriterionEvaluated():
            kind, name = Kind.CRITERION, event.criterion
    return Scored(
        kind, number, name, event.macs_kept, event.accuracy, event.cross_entropy, meets_budget
    )


def unpruned_point(started: SearchStarted) -> Scored:
    """The network as it was, on held-out images."""
    accuracy, cross_entropy = started.baseline_accuracy, started.baseline_cross_entropy
    is_within = started.macs_budget >= 1.0 and not started.further_budgets
    return Scored(Kind.UNPRUNED, 0, "", 1.0, accuracy, cross_entropy, is_within)


class EvaluatedMasks:
    """Masks and their scores: eight channels in a byte, so that a long night fits in memory."""

    def __init__(self) -> None:
        self._numbers = GrowingTable(6)
        self._names: dict[int, str] = {}
        self._bits = np.empty((256, 0), dtype=np.uint8)
        self._channels = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Scored:
        row = [float(self._numbers.column(column)[index]) for column in range(6)]
        return Scored(
            Kind(int(row[_KIND])),
            int(row[_NUMBER]),
            self._names.get(index, ""),
            row[_MACS],
            row[_ACCURACY],
            row[_CROSS_ENTROPY],
            bool(row[_MEETS_BUDGET]),
        )

    @property
    def nbytes(self) -> int:
        """How much memory the masks take."""
        return self._bits.nbytes

    @property
    def kinds(self) -> NDArray[np.int64]:
        """(masks,) values of Kind."""
        return self._numbers.column(_KIND).astype(np.int64)

    @property
    def macs_kept(self) -> FloatVector:
        """(masks,) 0-1."""
        return self._numbers.column(_MACS)

    @property
    def accuracy(self) -> FloatVector:
        """(masks,) 0-1."""
        return self._numbers.column(_ACCURACY)

    @property
    def cross_entropy(self) -> FloatVector:
        """(masks,) nats."""
        return self._numbers.column(_CROSS_ENTROPY)

    @property
    def meets_budget(self) -> BoolArray:
        """(masks,)"""
        return self._numbers.column(_MEETS_BUDGET) > 0

    def add(self, scored: Scored, keep: BoolArray) -> None:
        """Remember a mask, shape (channels,), and its numbers."""
        packed, index = np.packbits(keep), len(self)
        if not self._bits.shape[1]:
            self._bits = np.empty((256, len(packed)), dtype=np.uint8)
            self._channels = len(keep)
        if index == len(self._bits):
            self._bits = np.concatenate([self._bits, np.empty_like(self._bits)])
        self._bits[index] = packed
        if scored.name:
            self._names[index] = scored.name
        self._numbers.append(
            scored.kind,
            scored.number,
            scored.macs_kept,
            scored.accuracy,
            scored.cross_entropy,
            scored.meets_budget,
        )

    def keep(self, index: int) -> BoolArray:
        """The mask of a point, shape (channels,)."""
        return np.unpackbits(self._bits[index], count=self._channels).astype(np.bool_)

    def find(self, keep: BoolArray, kinds: tuple[Kind, ...] = tuple(Kind)) -> int | None:
        """The last point of these kinds with exactly this mask."""
        packed = np.packbits(keep)
        if len(packed) != self._bits.shape[1]:
            return None
        is_same = (self._bits[: len(self)] == packed).all(1) & np.isin(self.kinds, kinds)
        found = np.flatnonzero(is_same)
        return int(found[-1]) if len(found) else None


def pareto_front(cost: FloatVector, value: FloatVector) -> NDArray[np.int64]:
    """Indices of the points that no other one beats, by rising cost; shape (front,).

    A point is beaten by one that costs no more and is worth more, or costs less and is worth
    as much. What is not finite is left out.
    """
    known = np.flatnonzero(np.isfinite(cost) & np.isfinite(value))
    order = known[np.lexsort((-value[known], cost[known]))]
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], value[order]]))[:-1]
    front: NDArray[np.int64] = order[value[order] > best_before]
    return front


def step_line(x: FloatVector, y: FloatVector, x_end: float) -> tuple[FloatVector, FloatVector]:
    """The stairs of a front: what can be had for at most x, from the first point up to `x_end`."""
    if not len(x):
        return x, y
    return np.repeat(np.append(x, max(x_end, x[-1])), 2)[1:-1], np.repeat(y, 2)


def thinned(x: FloatVector, y: FloatVector, x_pixels: float, y_pixels: float) -> NDArray[np.int64]:
    """Indices of one point for every place on the screen; cells of so many units, shape (few,).

    All points must be in view, or there would be more places than memory.
    """
    if not len(x):
        return np.empty(0, dtype=np.int64)
    cells_x = np.floor(x / x_pixels).astype(np.int64)
    cells_y = np.floor(y / y_pixels).astype(np.int64)
    cells_x -= cells_x.min()
    cells_y -= cells_y.min()
    width = int(cells_y.max()) + 1
    last = np.full(width * (int(cells_x.max()) + 1), -1, dtype=np.int64)
    last[cells_x * width + cells_y] = np.arange(len(x))  # no sorting: this is done in every frame
    return np.sort(last[last >= 0])
