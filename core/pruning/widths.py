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
        kinds = self.kinds
        given = np.asarray(keep, dtype=np.float64)
        if kinds.order is not None:
            given = given[..., kinds.order]
        # a handful of kinds stands for thousands of channels, so that the product is small
        sums = np.add.reduceat(given, kinds.starts, axis=-1) if given.shape[-1] else given
        counts: Numbers = sums @ kinds.rows + self.fixed
        return counts

    def with_each(self, keep: NDArray[np.bool_]) -> tuple[Numbers, NDArray[np.int64]]:
        """Return the widths with one more channel, for every kind of channel.

        Channels that stand in the same rows make the same difference.
        Returns: (kinds, widths), and the kind of every channel, (channels,).
        """
        return self.of(keep) + self.kinds.rows, self.kinds.of_channel

    @cached_property
    def kinds(self) -> "ChannelKinds":
        """The channels by the rows in which they stand."""
        columns, places = np.ascontiguousarray(self.by_channel.T), dict[bytes, int]()
        of_channel = np.array(
            [places.setdefault(column.tobytes(), len(places)) for column in columns], dtype=np.int64
        )
        _, first = np.unique(of_channel, return_index=True)
        order = np.argsort(of_channel, kind="stable")
        is_sorted = bool((np.diff(of_channel) >= 0).all())
        return ChannelKinds(
            rows=columns[first],
            of_channel=of_channel,
            order=None if is_sorted else order,
            starts=np.searchsorted(of_channel[order], np.arange(len(first))),
        )


@dataclass(frozen=True, eq=False)
class ChannelKinds:
    """Channels that stand in the same rows are of one kind."""

    rows: Numbers  # (kinds, widths): how often a channel of the kind stands in a row
    of_channel: NDArray[np.int64]  # (channels,)
    order: NDArray[np.int64] | None  # (channels,) that brings kinds together; None: they are
    starts: NDArray[np.int64]  # (kinds,) where each begins in that order


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
