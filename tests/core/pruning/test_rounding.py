"""Rounded widths on the tiny chain: conv 3->8 and conv 8->6 on 8x8 images, linear 6->4.

MACs: 64*9*(3a + ab) + 4b for a of 8 and b of 6 channels kept; 41,496 for all.
"""

import numpy as np
import pytest

from core.pruning.budget import PinnedMacs
from core.pruning.macs import MacsModel
from core.pruning.rounding import round_widths
from core.pruning.verification import analyse_exactly
from tests.networks import EXACT, build, example_images

MODULE = build(EXACT["chain"])
ANALYSIS = analyse_exactly(MODULE, example_images())
CHAIN = MacsModel(ANALYSIS, MODULE)
ALL = np.ones(14, dtype=np.bool_)
PRIORITY = np.array([8, 7, 6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1], dtype=float)


def mask(first, second):
    """Keep these channels of the first and of the second convolution."""
    keep = np.zeros(14, dtype=np.bool_)
    keep[list(first)] = True
    keep[8 + np.array(list(second), dtype=int)] = True
    return keep


def rounded(keep, *, budget=1.0, multiple=4, model=CHAIN, removable=ALL):
    return round_widths(
        keep, PRIORITY, ANALYSIS.graph, ANALYSIS.groups, model, budget, removable, multiple
    )


def share(a, b):
    return (64 * 9 * (3 * a + a * b) + 4 * b) / 41_496


def test_the_best_of_the_removed_channels_come_back():
    # 3 -> 4 and 5 -> all 6; the budget allows exactly that
    result = rounded(mask([0, 2, 7], [0, 1, 2, 3, 5]), budget=share(4, 6))
    assert np.flatnonzero(result.keep).tolist() == [0, 1, 2, 7, *range(8, 14)]
    assert result.widths == {"first.0": (3, 4), "second.0": (5, 6)}
    assert result.macs_kept_before == pytest.approx(share(3, 5))
    assert result.macs_kept == pytest.approx(share(4, 6))
    assert result.meets_budget


def test_whole_multiples_go_where_rounding_up_exceeds_the_budget():
    # up: a = 8, b = 6 costs all; least worth a MAC: b's two last (3 for 9,224) before a's (10)
    result = rounded(mask(range(5), range(5)), budget=0.8)
    assert result.macs_kept == pytest.approx(share(8, 4))
    assert np.flatnonzero(result.keep).tolist() == [*range(8), 8, 9, 10, 11]
    smaller = rounded(mask(range(5), range(5)), budget=0.5)
    # a = 8, b = 4 is .778 and a = 4, b = 6 is .5003: only four of each are left
    assert np.flatnonzero(smaller.keep).tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert smaller.macs_kept == pytest.approx(share(4, 4))


def test_what_is_left_of_the_budget_is_filled_with_whole_multiples():
    result = rounded(mask(range(3), range(3)), budget=1.0)
    assert result.keep.all()


def test_a_budget_that_no_multiple_meets_is_told():
    result = rounded(mask(range(2), range(2)), budget=0.1)
    assert not result.meets_budget
    assert result.macs_kept == pytest.approx(share(4, 4))


def test_groups_narrower_than_the_multiple_stay():
    result = rounded(mask(range(3), range(3)), multiple=16, budget=0.9)
    assert np.array_equal(result.keep, mask(range(3), range(3)))
    assert result.widths == {}


def test_pinned_channels_stay_and_removed_ones_never_come_back():
    gone, stays = np.zeros(14, dtype=np.bool_), ~ALL
    gone[1], stays[7] = True, True
    model = PinnedMacs(CHAIN, gone)
    result = rounded(
        mask([0, 2, 7], range(6)),
        budget=share(4, 6),
        model=model,
        removable=ALL & ~gone & ~stays,
    )
    assert np.flatnonzero(result.keep[:8]).tolist() == [0, 2, 3, 7]


def test_every_width_is_a_multiple_within_every_budget():
    for budget in (0.3, 0.5, 0.7):
        for kept in range(1, 8):
            result = rounded(mask(range(kept), range(3)), budget=budget)
            assert int(result.keep[:8].sum()) in (4, 8)
            assert int(result.keep[8:].sum()) in (4, 6)
            assert result.meets_budget == (result.macs_kept <= budget)
