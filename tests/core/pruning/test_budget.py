"""Budgets on the tiny chain: conv 3->8 and conv 8->6 on 8x8 images, linear 6->4.

MACs: 64*9*(3a + ab) + 4b for a of 8 and b of 6 channels kept; 41,496 = 64*9*(24+48) + 24.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pruning.budget import (
    ensure_widths,
    expected_flips,
    fit_budget,
    keep_probability,
    least_kept_share,
    solve_threshold,
)
from core.pruning.macs import MacsModel
from core.pruning.verification import analyse_exactly
from tests.networks import EXACT, build, example_images

MODULES = {name: build(kind) for name, kind in EXACT.items()}
MODELS = {
    name: MacsModel(analyse_exactly(module, example_images()), module)
    for name, module in MODULES.items()
}
CHAIN = MODELS["chain"]
ALL = np.ones(14, dtype=np.bool_)


def test_the_least_share_keeps_one_channel_of_each_layer():
    assert CHAIN.total == 41_496
    assert least_kept_share(CHAIN, ALL) == pytest.approx((64 * 9 * (3 + 1) + 4) / 41_496)


def test_what_may_not_be_removed_counts_for_the_least_share():
    second_only = np.arange(14) >= 8
    assert least_kept_share(CHAIN, second_only) == pytest.approx((64 * 9 * (24 + 8) + 4) / 41_496)


def test_channels_of_low_priority_go_first():
    priority = np.array([8, 7, 6, 5, 4, 3, 2, 1, 14, 13, 12, 11, 10, 9], dtype=float)
    keep = fit_budget(ALL[None], priority, CHAIN, 0.5, ALL)[0]
    # with all of b, a = 3 costs 64*9*27 + 24 = 15,576; a = 4 costs 20,760, the budget is 20,748
    assert np.flatnonzero(keep).tolist() == [0, 1, 2, *range(8, 14)]


def test_what_is_left_of_the_budget_is_filled_by_priority():
    priority = np.arange(14, dtype=float)
    nothing = np.zeros((1, 14), dtype=np.bool_)
    keep = fit_budget(nothing, priority, CHAIN, 0.5, ALL)[0]
    removed = np.flatnonzero(~keep)
    left = 0.5 * CHAIN.total - CHAIN.macs(keep)
    assert left >= 0
    assert (CHAIN.marginal_macs(keep)[removed] > left).all()


@pytest.mark.parametrize("name", EXACT)
def test_many_masks_are_fitted_as_each_by_its_own_priority(name):
    model, random = MODELS[name], np.random.default_rng(0)
    count = model.widths.shape[1]
    removable = random.random(count) < 0.8
    keep, priority = random.random((6, count)) < 0.6, random.random((6, count)).round(1)
    for fit in (
        lambda *given: fit_budget(*given, model, 0.4, removable),
        lambda *given: ensure_widths(*given, model, removable),
    ):
        together = fit(keep, priority)
        alone = [fit(row[None], own)[0] for row, own in zip(keep, priority, strict=True)]
        assert np.array_equal(together, np.stack(alone))


def test_an_empty_layer_gets_its_best_channel_back():
    sampled = np.zeros((1, 14), dtype=np.bool_)
    sampled[0, 8] = True
    priority = np.zeros(14)
    priority[5] = 1.0
    assert np.flatnonzero(ensure_widths(sampled, priority, CHAIN, ALL)[0]).tolist() == [5, 8]


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0), budget=st.floats(0.02, 1.0))
def test_repaired_masks_hold_every_budget_that_can_be_held(name, seed, share, budget):
    model = MODELS[name]
    random = np.random.default_rng(seed)
    count = model.widths.shape[1]
    removable = random.random(count) < 0.8
    keep = random.random((3, count)) < share
    fitted = fit_budget(keep, random.random(count), model, budget, removable)
    assert fitted[:, ~removable].all()
    served = (fitted.astype(int) @ model.widths.T.astype(int)) > 0
    assert (served | model.has_fixed).all()
    if least_kept_share(model, removable) <= 0.5 * budget:
        assert (model.kept_share(fitted) <= budget + 1e-12).all()


def test_the_threshold_meets_the_budget_on_average():
    logits = np.linspace(-3, 5, 14)
    tau = solve_threshold(logits, CHAIN, 0.5, ALL)
    assert CHAIN.kept_share(keep_probability(logits, tau, ALL)) == pytest.approx(0.5, abs=1e-6)


def test_equal_logits_at_half_the_width_have_the_threshold_of_a_coin():
    # a = 8p, b = 6p: 64*9*(24p + 48p^2) + 24p at p = 1/2
    budget = (64 * 9 * (12 + 12) + 12) / 41_496
    assert solve_threshold(np.full(14, 2.0), CHAIN, budget, ALL) == pytest.approx(2.0, abs=1e-5)


def test_coins_flip_half_of_the_channels_and_certainties_none():
    budget = (64 * 9 * (12 + 12) + 12) / 41_496
    assert expected_flips(np.zeros(14), CHAIN, budget, ALL) == pytest.approx(7.0, abs=1e-4)
    certain = np.where(np.arange(14) % 2 == 0, 50.0, -50.0)
    assert expected_flips(certain, CHAIN, budget, ALL) == pytest.approx(0.0, abs=1e-4)
