"""Two masks over the depth of a network, against numbers done by hand and against chance."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.comparison_rows import (
    BOTH,
    NEITHER,
    ONLY_CRITERION,
    ONLY_LEARNED,
    compare_masks,
    expected_jaccard,
    rank_correlation,
    rank_rows,
    same_count_mask,
    shared_distribution,
    shared_moments,
)
from core.graph.rows import ChannelRow, channel_rows
from core.pruning.masks import jaccard
from tests.app import samples

ROWS = channel_rows(samples.tiny_graph(), samples.tiny_groups())


def rows_of(*widths: int) -> list[ChannelRow]:
    ends = np.cumsum(widths)
    return [
        ChannelRow(f"layer{i}", np.arange(end - width, end), np.arange(width), (), False)
        for i, (width, end) in enumerate(zip(widths, ends, strict=True))
    ]


def keep(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.bool_)


def test_channels_fall_into_four_states():
    (row,) = compare_masks(rows_of(4), keep(1, 1, 0, 0), keep(1, 0, 1, 0)).rows
    assert row.states.tolist() == [BOTH, ONLY_LEARNED, ONLY_CRITERION, NEITHER]
    assert row.counts == (1, 1, 1, 1)
    assert (row.kept_learned, row.kept_criterion) == (2, 2)
    assert row.jaccard == pytest.approx(1 / 3)
    # Of 4 channels twice 2: all shared in 1 of 6 cases, one in 4, none in 1.
    assert row.chance_jaccard == pytest.approx(1 / 6 * 1 + 4 / 6 * 1 / 3)
    assert row.rank_correlation is None


def test_l1_of_the_tiny_network_at_the_same_counts():
    mask = same_count_mask(ROWS, samples.BEST, rank_rows(ROWS, samples.MAGNITUDE))
    assert mask.tolist() == [1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    result = compare_masks(ROWS, samples.BEST, mask)
    assert [row.counts for row in result.rows] == [(3, 0, 0, 1), (2, 1, 1, 4)]
    assert result.total.counts == (5, 1, 1, 5)
    mean, deviation = result.chance_shared
    assert mean == pytest.approx(9 / 4 + 9 / 8)
    assert deviation == pytest.approx((9 / (16 * 3) + 9 * 25 / (64 * 7)) ** 0.5)


def test_of_equal_scores_the_first_are_kept():
    rows = rows_of(3)
    mask = same_count_mask(rows, keep(0, 0, 1), rank_rows(rows, np.ones(3)))
    assert mask.tolist() == [True, False, False]


def test_masks_that_are_equal_are_called_the_same():
    assert compare_masks(ROWS, samples.BEST, samples.BEST).likeness == "same"


def test_masks_that_share_what_they_must_are_called_forced():
    all_four, three = keep(1, 1, 1, 1), keep(1, 1, 1, 0)
    assert compare_masks(rows_of(4), all_four, three).likeness == "forced"


def test_likeness_is_measured_against_chance():
    rows = rows_of(40)
    first = np.arange(40) < 20
    assert compare_masks(rows, first, np.roll(first, 2)).likeness == "more"  # 18 of 20
    assert compare_masks(rows, first, np.roll(first, 10)).likeness == "chance"  # 10 of 20
    assert compare_masks(rows, first, np.roll(first, 18)).likeness == "less"  # 2 of 20


def test_random_masks_are_hardly_ever_taken_for_alike():
    rng, rows = np.random.default_rng(0), rows_of(16, 32, 64)
    found = [
        compare_masks(rows, rng.random(112) < 0.5, rng.random(112) < 0.5).likeness
        for _ in range(400)
    ]
    assert found.count("more") <= 0.07 * 400
    assert found.count("less") <= 0.07 * 400


def test_the_third_with_most_differences_is_found():
    rows = rows_of(*[20] * 6)
    learned = np.tile(np.arange(20) < 10, 6)
    criterion = learned.copy()
    criterion[:20] = np.arange(20) >= 10  # the first layer turned round
    clearest = compare_masks(rows, learned, criterion).clearest_difference()
    assert clearest is not None
    assert (clearest.first, clearest.stop) == (0, 2)
    assert clearest.counts == (10, 10, 10, 10)


def test_no_third_stands_out_when_all_differ_alike():
    learned = np.tile(keep(1, 1, 0, 0), 6)
    criterion = np.tile(keep(1, 0, 1, 0), 6)
    assert compare_masks(rows_of(*[4] * 6), learned, criterion).clearest_difference() is None
    assert compare_masks(rows_of(12, 12), learned, criterion).thirds() == ()


def test_the_largest_shift_of_kept_channels_is_found():
    learned = np.tile(keep(1, 1, 0, 0), 3)
    criterion = np.concatenate([keep(1, 0, 0, 0), keep(1, 1, 0, 0), keep(1, 1, 1, 1)])
    shift = compare_masks(rows_of(4, 4, 4), learned, criterion).largest_shift()
    assert shift is not None
    assert (shift.first, shift.kept_learned, shift.kept_criterion) == (2, 2, 4)
    assert compare_masks(rows_of(4, 4, 4), learned, learned).largest_shift() is None


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    rows = rows_of(len(first))
    (a,), (b,) = (rank_rows(rows, values).ranks for values in (first, second))
    return rank_correlation(a, b)


def test_equal_values_share_their_mean_rank():
    (ranks,) = rank_rows(rows_of(4), np.array([3.0, 1.0, 3.0, 2.0])).ranks
    assert ranks is not None
    assert ranks.tolist() == [1.0, -1.5, 1.0, -0.5]


def test_rank_correlation_by_hand():
    up = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(up, up**3) == 1.0
    assert spearman(up, -up) == -1.0
    # Squared rank differences 1 + 1 + 1 + 1: 1 - 6 * 4 / (4 * 15).
    assert spearman(up, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)
    assert spearman(up, np.ones(4)) is None
    assert spearman(up, np.array([1.0, np.nan, 2.0, 3.0])) is None


def test_rank_correlation_is_of_probability_and_score():
    probability = np.concatenate([np.zeros(4), np.arange(8)]) / 8
    first, second = compare_masks(
        ROWS,
        samples.BEST,
        samples.BEST,
        rank_rows(ROWS, samples.MAGNITUDE),
        rank_rows(ROWS, probability),
    ).rows
    assert first.rank_correlation is None  # all probabilities are equal
    assert second.rank_correlation == -1.0


@pytest.mark.parametrize(("count", "first", "second"), [(5, 2, 3), (6, 1, 5), (4, 4, 2), (3, 0, 2)])
def test_chance_is_what_all_pairs_of_masks_give_on_average(count, first, second):
    def masks(kept: int) -> list[np.ndarray]:
        return [np.isin(np.arange(count), chosen) for chosen in combinations(range(count), kept)]

    pairs = [(a, b) for a in masks(first) for b in masks(second)]
    assert expected_jaccard(count, first, second) == pytest.approx(
        np.mean([jaccard(a, b) for a, b in pairs])
    )
    shared = [int((a & b).sum()) for a, b in pairs]
    mean, variance = shared_moments(count, first, second)
    assert (mean, variance) == pytest.approx((np.mean(shared), np.var(shared)))


@given(st.integers(1, 3000), st.data())
def test_the_distribution_of_shared_channels_has_the_known_moments(count, data):
    first, second = (data.draw(st.integers(0, count)) for _ in range(2))
    shared, weight = shared_distribution(count, first, second)
    mean, variance = shared_moments(count, first, second)
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ shared == pytest.approx(mean, abs=1e-6 * count)
    assert weight @ (shared - mean) ** 2 == pytest.approx(variance, rel=1e-6, abs=1e-6)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**16))
def test_counts_add_up_and_the_same_counts_are_kept(widths, seed):
    rng = np.random.default_rng(seed)
    rows, size = rows_of(*widths), sum(widths)
    learned, scores = rng.random(size) < 0.5, rng.integers(0, 4, size).astype(float)
    ranked = rank_rows(rows, scores)
    result = compare_masks(rows, learned, same_count_mask(rows, learned, ranked), ranked, ranked)
    assert sum(result.total.counts) == size
    assert result.total.kept_learned == int(learned.sum())
    for row in result.rows:
        assert row.kept_learned == row.kept_criterion
        assert 0.0 <= row.jaccard <= 1.0
        assert row.rank_correlation is None or row.rank_correlation == pytest.approx(1.0)
