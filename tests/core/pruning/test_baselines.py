"""Scores become masks: on the tiny chain, 8 + 6 channels."""

import numpy as np
import pytest

from core.graph.trace import analyse_network
from core.pruning.baselines import (
    ALLOCATIONS,
    balanced,
    globally,
    layer_normalised,
    one_shot_mask,
    standardised,
    uniform,
)
from core.pruning.criteria import l1_importance
from core.pruning.macs import MacsModel
from tests.networks import Chain, build, example_images

MODULE = build(Chain)
ANALYSIS = analyse_network(MODULE, example_images())
MACS = MacsModel(ANALYSIS, MODULE)
ALL = np.ones(14, dtype=np.bool_)
SCORES = np.concatenate([np.arange(1, 9), 100.0 * np.arange(6, 0, -1)]).astype(np.float32)


def test_uniform_ranks_within_the_layer():
    priority = uniform(SCORES, ANALYSIS.groups)
    assert priority[:8].tolist() == [(rank + 0.5) / 8 for rank in range(8)]
    assert priority[8:].tolist() == [(rank + 0.5) / 6 for rank in range(5, -1, -1)]


def test_l1_uniform_keeps_the_same_share_of_each_layer_by_l1():
    scores = l1_importance(MODULE, ANALYSIS.plan, ANALYSIS.groups)
    priority = uniform(scores, ANALYSIS.groups)
    # 4 of 8 and 3 of 6: 64*9*(12 + 12) + 12 MACs
    half = (64 * 9 * 24 + 12) / MACS.total
    keep = one_shot_mask(priority, MACS, half, ALL)
    assert (keep[:8].sum(), keep[8:].sum()) == (4, 3)
    assert set(np.flatnonzero(keep[:8])) == set(np.argsort(scores[:8])[-4:])
    assert set(np.flatnonzero(keep[8:])) == set(np.argsort(scores[8:])[-3:])


def test_global_lets_the_layer_of_small_scores_shrink():
    keep = one_shot_mask(globally(SCORES, ANALYSIS.groups), MACS, 0.5, ALL)
    assert keep[8:].all()
    assert np.flatnonzero(keep[:8]).tolist() == [5, 6, 7]


def test_layer_normalised_forgets_the_layers_scale():
    scaled = SCORES.copy()
    scaled[8:] *= 1000
    a, b = (layer_normalised(scores, ANALYSIS.groups) for scores in (SCORES, scaled))
    assert a == pytest.approx(b, abs=1e-5)


def test_balanced_takes_half_of_the_layers_scale_away():
    scaled = SCORES.copy()
    scaled[8:] *= 100
    moved = balanced(scaled, ANALYSIS.groups) - balanced(SCORES, ANALYSIS.groups)
    assert moved[8:] - moved[:8].mean() == pytest.approx(np.log(10), abs=0.01)


@pytest.mark.parametrize("name", ALLOCATIONS)
def test_every_allocation_holds_the_budget_even_when_all_scores_are_zero(name):
    priority = ALLOCATIONS[name](np.zeros(14, dtype=np.float32), ANALYSIS.groups)
    assert np.isfinite(priority).all()
    assert MACS.kept_share(one_shot_mask(priority, MACS, 0.3, ALL)) <= 0.3


def test_priorities_are_standardised_over_what_may_be_removed():
    removable = np.array([True, True, False])
    assert standardised(np.array([1.0, 3.0, 9.0]), removable).tolist() == pytest.approx([-1, 1, 7])
