"""How many channels of every width a mask keeps: what all closed forms are made of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WidthCounts:
    """Kept widths of masks; a width is one distinct row of channel owners.

    `keep` is (channels,) or (masks, channels): booleans, or keep probabilities for expected
    widths.
    """

    by_channel: Numbers  # (widths, channels): how often a channel stands in a row
    fixed: Numbers  # (widths,) always kept

    def of(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Return the kept widths, shape (widths,) or (masks, widths)."""
        counts: Numbers = np.asarray(keep, dtype=np.float64) @ self.by_channel.T + self.fixed
        return counts

    def with_each(self, keep: NDArray[np.bool_]) -> tuple[Numbers, NDArray[np.int64]]:
        """Return the widths with one more channel, for every kind of channel.

        Channels that stand in the same rows make the same difference.
        Returns: (kinds, widths), and the kind of every channel, (channels,).
        """
        kinds, kind_of = self._kinds
        return self.of(keep) + kinds, kind_of

    @cached_property
    def _kinds(self) -> tuple[Numbers, NDArray[np.int64]]:
        columns, places = np.ascontiguousarray(self.by_channel.T), dict[bytes, int]()
        kind_of = [places.setdefault(column.tobytes(), len(places)) for column in columns]
        _, first = np.unique(kind_of, return_index=True)
        return columns[first], np.array(kind_of, dtype=np.int64)


class WidthRows:
    """Collects the distinct rows of owners; -1 stands for a channel that is always kept."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._owners: list[NDArray[np.int64]] = []

    def add(self, owners: NDArray[np.int64]) -> int:
        """Return the place of a row, which is new or known."""
        key = owners.tobytes()
        if key not in self._places:
            self._places[key] = len(self._owners)
            self._owners.append(owners)
        return self._places[key]

    def counted(self, channels: int) -> WidthCounts:
        """Make the counts of so many channels."""
        by_channel, fixed = np.zeros((len(self._owners), channels)), np.zeros(len(self._owners))
        for row, owners in enumerate(self._owners):
            np.add.at(by_channel[row], owners[owners >= 0], 1)
            fixed[row] = (owners < 0).sum()
        return WidthCounts(by_channel, fixed)
