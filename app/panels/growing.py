"""Data that grow while a search runs: rows that are never dropped, ranges that do not jitter."""

import math
from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

Cell = str | int | float | None
FloatVector = NDArray[np.float64]


class GrowingTable:
    """Rows of floats, appended one by one; nothing is ever dropped."""

    def __init__(self, columns: int) -> None:
        self._rows = np.empty((256, columns), dtype=np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, *values: float) -> None:
        """Add a row."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = values
        self._count += 1

    def truncate(self, count: int) -> None:
        """Forget all rows but the first `count`."""
        self._count = min(self._count, count)

    def column(self, index: int) -> FloatVector:
        """A view of one column, shape (rows,)."""
        return self._rows[: self._count, index]


class RowsByNeed(Sequence[tuple[Cell, ...]]):
    """Rows of a table that are made when somebody reads them: a menu only asks whether any are."""

    def __init__(self, count: int, make_row: Callable[[int], tuple[Cell, ...]]) -> None:
        self._count = count
        self._make_row = make_row

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> tuple[Cell, ...]: ...

    @overload
    def __getitem__(self, index: slice) -> list[tuple[Cell, ...]]: ...

    def __getitem__(self, index: int | slice) -> tuple[Cell, ...] | list[tuple[Cell, ...]]:
        if isinstance(index, slice):
            return [self._make_row(place) for place in range(*index.indices(self._count))]
        return self._make_row(range(self._count)[index])


class GrowingRange:
    """An axis range that only ever grows, in round steps, so that the picture stands still.

    It ends at the limits of the values; above the upper one it leaves a share of its length free.
    """

    def __init__(
        self,
        low_limit: float = -math.inf,
        high_limit: float = math.inf,
        room_share: float = 0.0,
    ) -> None:
        self._limits = low_limit, high_limit
        self._room_share = room_share
        self._ends: tuple[float, float] | None = None

    def include(self, *values: float) -> tuple[float, float]:
        """Grow until all finite values are inside with a margin; returns (low, high)."""
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            low, high = min(finite), max(finite)
            if self._ends is None or low < self._ends[0] or high > self._ends[1]:
                self._ends = self._grown(low, high)
        return self._ends or (0.0, 1.0)

    def _grown(self, low: float, high: float) -> tuple[float, float]:
        if self._ends is not None:
            low, high = min(low, self._ends[0]), max(high, self._ends[1])
        span = (high - low) or max(abs(high), 1.0) * 0.1
        step = 10 ** math.floor(math.log10(span))
        step = next(step * part for part in (0.1, 0.2, 0.5, 1.0) if step * part >= span / 12)
        least, most = self._limits
        low = max(math.floor(low / step - 0.25) * step, least)
        high = math.ceil(high / step + 0.25) * step
        if high > most:
            high = min(high, most + self._room_share * (most - low))
        return low, high
