"""Several budgets at once on the tiny chain: 64*9*(3a + ab) + 4b MACs of 41,496, and
29a + 9ab + 6b + 4 parameters of 704, for a of 8 and b of 6 channels kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pruning.baselines import one_shot_mask
from core.pruning.budget import (
    KeptShareModel,
    PinnedMacs,
    fit_budget,
    keep_probability,
    least_kept_share,
    least_mask,
    solve_threshold,
)
from core.pruning.costs import SizeCost, params_cost
from core.pruning.latency_table import LatencyCost, LatencyTable, LayerTimes
from core.pruning.limits import Limit, LimitedMacs, exceeds, limits_kept, load_between, overshoot
from core.pruning.macs import MacsModel
from core.pruning.rounding import round_widths
from core.pruning.verification import analyse_exactly
from core.search.layer_work import FRACTIONS, list_work
from tests.networks import EXACT, build, example_images

MODULES = {name: build(kind) for name, kind in EXACT.items()}
ANALYSES = {name: analyse_exactly(module, example_images()) for name, module in MODULES.items()}
MACS = {name: MacsModel(ANALYSES[name], module) for name, module in MODULES.items()}
CHAIN = MACS["chain"]
PARAMS = params_cost(ANALYSES["chain"], MODULES["chain"])
ALL = np.ones(14, dtype=np.bool_)


def made_up_table(name: str) -> LatencyTable:
    """Times that grow with both widths, and a rest that nothing takes away."""
    layers = []
    for work in list_work(ANALYSES[name], MODULES[name]):
        inputs, outputs = work.grid(FRACTIONS)
        ms = tuple(tuple(0.1 + i * o / 10 for o in outputs) for i in inputs)
        layers.append(LayerTimes(work.layers, inputs, outputs, ms))
    return LatencyTable("CPU", 1, 1, 1.0, 0.5, 1.0, 0.2, 0.0, tuple(layers))


COSTS = {
    name: {
        "params": params_cost(ANALYSES[name], MODULES[name]),
        "size": SizeCost(ANALYSES[name], MODULES[name]),
        "latency": LatencyCost(ANALYSES[name], made_up_table(name)),
    }
    for name in EXACT
}


def limited(budget: float, model: KeptShareModel = CHAIN) -> LimitedMacs:
    return LimitedMacs(model, [Limit("params", PARAMS, budget)])


def mask(a: int, b: int) -> np.ndarray:
    return np.concatenate([np.arange(8) < a, np.arange(6) < b])


def test_without_further_limits_nothing_changes():
    masks = np.stack([mask(8, 6), mask(4, 3)])
    assert exceeds(CHAIN, masks, 0.5).tolist() == [True, False]
    assert limits_kept(CHAIN, masks) == {}
    share = float(CHAIN.kept_share(mask(4, 3)))
    assert overshoot(CHAIN, mask(4, 3), 0.5) == share / 0.5 - 1


def test_the_budget_that_is_exceeded_most_counts():
    model, keep = limited(0.25), mask(3, 6)  # 289 parameters of 704, 15,576 MACs of 41,496
    assert float(overshoot(model, keep, 0.5)) == pytest.approx(289 / 704 / 0.25 - 1)
    assert float(overshoot(model, keep, 0.1)) == pytest.approx(15_576 / 41_496 / 0.1 - 1)
    assert limits_kept(model, keep) == {"params": pytest.approx(289 / 704)}
    assert bool(exceeds(model, keep, 0.5)) and not bool(exceeds(CHAIN, keep, 0.5))


def test_a_share_that_is_the_budget_holds_it():
    assert not exceeds(limited(289 / 704), mask(3, 6), 1.0)
    assert exceeds(limited(288.99 / 704), mask(3, 6), 1.0)


def test_the_tighter_budget_decides_what_goes():
    priority = np.array([8, 7, 6, 5, 4, 3, 2, 1, 14, 13, 12, 11, 10, 9], dtype=float)
    # with all of b, a = 3 keeps 289 parameters and a = 2 keeps 206; the MACs allow a = 3
    keep = fit_budget(ALL[None], priority, limited(0.4), 0.5, ALL)[0]
    assert np.flatnonzero(keep[:8]).tolist() == [0, 1]
    assert fit_budget(ALL[None], priority, limited(0.42), 0.5, ALL)[0, :8].sum() == 3
    assert fit_budget(ALL[None], priority, limited(0.42), 0.3, ALL)[0, :8].sum() == 2


def test_the_threshold_holds_the_tighter_budget_on_average():
    logits = np.linspace(-3, 5, 14)
    for budget, macs_budget in ((0.3, 1.0), (0.9, 0.5)):
        model = limited(budget)
        keep = keep_probability(logits, solve_threshold(logits, model, macs_budget, ALL), ALL)
        assert float(overshoot(model, keep, macs_budget)) == pytest.approx(0.0, abs=1e-6)


def test_pinned_channels_cost_nothing_of_any_budget():
    gone = ~mask(3, 6)
    model = limited(0.5, PinnedMacs(CHAIN, gone))
    assert limits_kept(model, ALL)["params"] == pytest.approx(289 / 704)
    kept = fit_budget(ALL[None], np.arange(14.0), model, 1.0, ALL & ~gone)[0]
    assert np.array_equal(kept, mask(3, 6))


def test_only_exceeded_budgets_weigh_in_a_comparison():
    model = limited(0.25)
    a, b = mask(3, 6), mask(2, 6)  # both hold half of the MACs
    assert load_between(CHAIN, a, b, 0.5) == pytest.approx(9 * 576 / 41_496)
    assert load_between(model, a, b, 0.5) == pytest.approx(83 / 704 / 0.25)
    both = 9 * 576 / 41_496 / 0.5 + 83 / 704 / 0.9
    assert load_between(limited(0.9), a, b, 0.5) == pytest.approx(both)


limits = st.fixed_dictionaries({}, optional=dict.fromkeys(COSTS["chain"], st.floats(0.05, 1.0)))


def limited_by(name: str, budgets: dict[str, float]) -> LimitedMacs:
    own = [Limit(limit, COSTS[name][limit], budget) for limit, budget in budgets.items()]
    return LimitedMacs(MACS[name], own)


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0.0, 1.0),
    macs_budget=st.floats(0.02, 1.0),
    budgets=limits,
)
def test_fitted_masks_hold_all_budgets_or_are_the_least(name, seed, share, macs_budget, budgets):
    model, random = limited_by(name, budgets), np.random.default_rng(seed)
    count = model.widths.shape[1]
    removable = random.random(count) < 0.8
    priority = random.random(count)
    sampled = random.random((3, count)) < share
    masks = fit_budget(sampled, priority, model, macs_budget, removable)
    masks = np.concatenate([masks, one_shot_mask(priority, model, macs_budget, removable)[None]])
    assert masks[:, ~removable].all()
    served = (masks.astype(int) @ model.widths.T.astype(int)) > 0
    assert (served | model.has_fixed).all()
    is_over = exceeds(model, masks, macs_budget)
    assert np.array_equal(is_over, np.asarray(overshoot(model, masks, macs_budget)) > 1e-12)
    if not exceeds(model, least_mask(model, removable), 0.5 * macs_budget) and not any(
        limits_kept(model, least_mask(model, removable))[limit] > 0.5 * budget
        for limit, budget in budgets.items()
    ):
        assert not is_over.any()
    for keep in masks[is_over]:  # nothing more can go: each channel is the last of some width
        for channel in np.flatnonzero(keep & removable):
            alone = model.widths[:, channel] & ~model.has_fixed
            assert ((model.widths[alone] & keep).sum(axis=1) == 1).any()


@pytest.mark.parametrize("name", ["chain", "residual", "inverted_residual", "upsampled"])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), macs_budget=st.floats(0.3, 1.0), budgets=limits)
def test_rounded_masks_say_truly_whether_all_budgets_hold(name, seed, macs_budget, budgets):
    model, analysis = limited_by(name, budgets), ANALYSES[name]
    random = np.random.default_rng(seed)
    count = model.widths.shape[1]
    removable, priority = np.ones(count, dtype=np.bool_), random.random(count)
    keep = one_shot_mask(priority, model, macs_budget, removable)
    result = round_widths(
        keep, priority, analysis.graph, analysis.groups, model, macs_budget, removable, 4
    )
    assert result.meets_budget == (not exceeds(model, result.keep, macs_budget))
    if not result.meets_budget:  # the narrowest that are multiples
        for group in analysis.groups.groups:
            width = int(result.keep[group.start : group.stop].sum())
            assert width in (4, len(group)) or len(group) < 4


def test_the_least_share_is_that_of_the_least_mask():
    assert least_kept_share(CHAIN, ALL) == float(CHAIN.kept_share(least_mask(CHAIN, ALL)))
    assert float(PARAMS.share(least_mask(CHAIN, ALL))) == (29 + 9 + 6 + 4) / 704
