"""Kept widths by kinds of channels, against the plain product."""

import numpy as np

from core.pruning.widths import WidthCounts

# channels 0 and 2 stand in the first row only, 1 and 3 in both, 3 is like 1; 4 stands in none
ROWS = np.array([[1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 2.0, 0.0, 2.0, 0.0]])
COUNTS = WidthCounts(ROWS, np.array([0.0, 3.0]))


def test_channels_that_stand_in_the_same_rows_are_of_one_kind() -> None:
    assert COUNTS.kinds.of_channel.tolist() == [0, 1, 0, 1, 2]
    assert COUNTS.kinds.rows.tolist() == [[1, 0], [1, 2], [0, 0]]


def test_kinds_that_do_not_lie_together_are_counted_all_the_same() -> None:
    keep = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 1, 0]], dtype=np.bool_)
    assert COUNTS.of(keep).tolist() == [[2, 5], [3, 7]]
    assert COUNTS.of(keep[1]).tolist() == [3, 7]
    assert COUNTS.of(np.full(5, 0.5)).tolist() == [2, 5]


def test_one_more_channel_widens_the_rows_of_its_kind() -> None:
    counts, kind_of = COUNTS.with_each(np.zeros(5, dtype=np.bool_))
    assert counts[kind_of].tolist() == [[1, 3], [1, 5], [1, 3], [1, 5], [0, 3]]


def test_without_channels_only_what_is_fixed_counts() -> None:
    nothing = WidthCounts(np.zeros((2, 0)), np.array([4.0, 1.0]))
    assert nothing.of(np.zeros((3, 0), dtype=np.bool_)).tolist() == [[4, 1]] * 3
