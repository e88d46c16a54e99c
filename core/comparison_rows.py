"""The learned mask against a criterion's, over the depth of a network, and against chance.

Plain NumPy in closed form. What chance would do is exact: masks that keep so many channels of
each row, drawn at random, overlap in a hypergeometric number of channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.graph.rows import ChannelRow
from core.pruning.masks import jaccard

BoolArray = NDArray[np.bool_]
Scores = NDArray[np.floating]
Likeness = Literal["same", "forced", "more", "chance", "less"]

BOTH, ONLY_LEARNED, ONLY_CRITERION, NEITHER = range(4)  # who keeps a channel
SURE_Z = 1.645  # one-sided 5 %: beyond it two masks differ from chance
CLEAR_Z = 2.0  # beyond it a stretch of layers differs from the others


@dataclass(frozen=True, eq=False)
class RankedRows:
    """Values of all channels, sorted within every row."""

    orders: tuple[NDArray[np.int64], ...]  # (n,) places in the row, the highest value first
    ranks: tuple[NDArray[np.float64] | None, ...]  # `centred_ranks` of every row


@dataclass(frozen=True, eq=False)
class RowComparison:
    """Two masks of one row's channels; arrays are (n,), in the order of the row."""

    row: ChannelRow
    states: NDArray[np.int8]  # BOTH, ONLY_LEARNED, ONLY_CRITERION or NEITHER
    jaccard: float  # of the kept channels, 0-1; 1 if neither mask keeps any
    chance_jaccard: float  # expected of two random masks that keep as many
    rank_correlation: float | None  # Spearman's, keep probability and score; None: unknown

    @cached_property
    def counts(self) -> tuple[int, int, int, int]:
        """How many channels are in each state, in the order of the states."""
        both, learned, criterion, neither = np.bincount(self.states, minlength=4).tolist()
        return both, learned, criterion, neither

    @property
    def kept_learned(self) -> int:
        """How many channels the learned mask keeps."""
        return self.counts[BOTH] + self.counts[ONLY_LEARNED]

    @property
    def kept_criterion(self) -> int:
        """How many channels the criterion's mask keeps."""
        return self.counts[BOTH] + self.counts[ONLY_CRITERION]


@dataclass(frozen=True)
class Stretch:
    """Neighbouring rows `first` to `stop` (not included), and what is kept in them."""

    first: int
    stop: int
    counts: tuple[int, int, int, int]  # of channels in each state

    @property
    def kept_learned(self) -> int:
        """How many channels the learned mask keeps."""
        return self.counts[BOTH] + self.counts[ONLY_LEARNED]

    @property
    def kept_criterion(self) -> int:
        """How many channels the criterion's mask keeps."""
        return self.counts[BOTH] + self.counts[ONLY_CRITERION]


@dataclass(frozen=True, eq=False)
class MasksComparison:
    """Two masks of a whole network, row by row and in all."""

    rows: tuple[RowComparison, ...]

    @cached_property
    def total(self) -> Stretch:
        """All rows together."""
        return self.stretch(0, len(self.rows))

    @cached_property
    def chance_shared(self) -> tuple[float, float]:
        """Mean and deviation of the channels that random masks of these counts share."""
        moments = [
            shared_moments(len(row.states), row.kept_learned, row.kept_criterion)
            for row in self.rows
        ]
        return sum(mean for mean, _ in moments), sum(var for _, var in moments) ** 0.5

    @property
    def likeness(self) -> Likeness:
        """Whether the masks are the same, or share more or fewer channels than by chance.

        One-sided tests at 5 % each, normal with continuity correction. "forced" if masks with
        these counts could not share any other number of channels.
        """
        shared, (mean, deviation) = self.total.counts[BOTH], self.chance_shared
        if not self.total.counts[ONLY_LEARNED] and not self.total.counts[ONLY_CRITERION]:
            return "same"
        if deviation == 0.0:
            return "forced"
        if (shared - 0.5 - mean) / deviation > SURE_Z:
            return "more"
        return "less" if (shared + 0.5 - mean) / deviation < -SURE_Z else "chance"

    def stretch(self, first: int, stop: int) -> Stretch:
        """Add up some rows."""
        counts = np.array([row.counts for row in self.rows[first:stop]], dtype=np.int64)
        both, learned, criterion, neither = counts.reshape(-1, 4).sum(axis=0).tolist()
        return Stretch(first, stop, (both, learned, criterion, neither))

    def thirds(self) -> tuple[Stretch, ...]:
        """The first, the middle and the last layers; none if there are fewer than three."""
        count = len(self.rows)
        if count < 3:
            return ()
        part = max(1, round(count / 3))
        ends = (0, part, count - part, count)
        return tuple(self.stretch(a, b) for a, b in pairwise(ends) if a < b)

    def clearest_difference(self) -> Stretch | None:
        """The third with the most channels that only the learned mask keeps, for its width.

        None if no third stands out from the others by CLEAR_Z deviations.
        """
        total = self.total
        share = total.counts[ONLY_LEARNED] / max(1, total.kept_learned)
        if not 0.0 < share < 1.0:
            return None
        best, best_z = None, CLEAR_Z
        for third in self.thirds():
            expected = share * third.kept_learned
            rest = 1.0 - third.kept_learned / total.kept_learned
            deviation = (expected * (1.0 - share) * rest) ** 0.5
            if deviation and (third.counts[ONLY_LEARNED] - expected) / deviation > best_z:
                best, best_z = third, (third.counts[ONLY_LEARNED] - expected) / deviation
        return best

    def largest_shift(self) -> Stretch | None:
        """The third in which the masks' kept counts differ most; None if none differs."""
        thirds = self.thirds()
        shift = [abs(third.kept_learned - third.kept_criterion) for third in thirds]
        return thirds[int(np.argmax(shift))] if any(shift) else None


def compare_masks(
    rows: Sequence[ChannelRow],
    learned: BoolArray,
    criterion: BoolArray,
    scored: RankedRows | None = None,
    preferred: RankedRows | None = None,
) -> MasksComparison:
    """Set two masks (channels,) side by side.

    `scored` are the criterion's scores and `preferred` the policy's keep probabilities, ranked
    over the same rows; with both the rank correlation is known.
    """
    compared = []
    for place, row in enumerate(rows):
        ids = row.channels
        a, b = learned[ids], criterion[ids]
        rank = None
        if scored is not None and preferred is not None:
            rank = rank_correlation(scored.ranks[place], preferred.ranks[place])
        compared.append(
            RowComparison(
                row=row,
                states=(~a * 2 + ~b).astype(np.int8),
                jaccard=jaccard(a, b),
                chance_jaccard=expected_jaccard(len(ids), int(a.sum()), int(b.sum())),
                rank_correlation=rank,
            )
        )
    return MasksComparison(tuple(compared))


def same_count_mask(
    rows: Sequence[ChannelRow], learned: BoolArray, scored: RankedRows
) -> BoolArray:
    """Keep the highest scores, in each row as many as `learned` (channels,) keeps there.

    Of equal scores the first are kept. Returns: (channels,).
    """
    result = np.zeros_like(learned)
    for row, order in zip(rows, scored.orders, strict=True):
        result[row.channels[order[: int(learned[row.channels].sum())]]] = True
    return result


def rank_rows(rows: Sequence[ChannelRow], values: Scores) -> RankedRows:
    """Sort values (channels,) within every row."""
    falling = -values
    orders = tuple(np.argsort(falling[row.channels], kind="stable") for row in rows)
    ranks = tuple(
        centred_ranks(values[row.channels], order) for row, order in zip(rows, orders, strict=True)
    )
    return RankedRows(orders, ranks)


@lru_cache(maxsize=4096)
def expected_jaccard(count: int, first: int, second: int) -> float:
    """Jaccard index expected of two random masks that keep `first` and `second` of `count`.

    Exact: the shared channels s are hypergeometric, and the index is s / (first + second - s).
    """
    if first + second == 0:
        return 1.0
    shared, weight = shared_distribution(count, first, second)
    return float(weight @ (shared / (first + second - shared)))


def shared_distribution(
    count: int, first: int, second: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many channels random masks share: the possible numbers and their probabilities."""
    shared = np.arange(max(0, first + second - count), min(first, second) + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])

    def log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
        return result

    weight = log_choose(first, shared) + log_choose(count - first, second - shared)
    weight = np.exp(weight - weight.max())  # binomials of a thousand are more than a float holds
    return shared, weight / weight.sum()


def shared_moments(count: int, first: int, second: int) -> tuple[float, float]:
    """Mean and variance of the number of channels that two random masks share."""
    if count < 2:
        return float(first * second), 0.0
    variance = first * second * (count - first) * (count - second) / (count**2 * (count - 1))
    return first * second / count, variance


def rank_correlation(
    first: NDArray[np.float64] | None, second: NDArray[np.float64] | None
) -> float | None:
    """Spearman's correlation of two vectors of `centred_ranks` (n,), -1 to 1; None if unknown."""
    if first is None or second is None:
        return None
    size = float((first @ first) * (second @ second)) ** 0.5
    return float(np.clip(first @ second / size, -1.0, 1.0))


def centred_ranks(values: Scores, order: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Ranks (n,) with mean 0, equal values at the mean of theirs; `order` sorts falling.

    None if the values are constant or not finite, where there is no order to compare.
    """
    ordered = values[order]
    if not np.isfinite(ordered).all() or ordered[0] == ordered[-1]:
        return None
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(starts, append=len(values))
    result = np.empty(len(values))
    result[order] = (len(values) - 1) / 2 - np.repeat(starts + (counts - 1) / 2, counts)
    return result
