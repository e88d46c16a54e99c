"""Pinned channels: in every mask, or in none, and counted in the budget."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from core.config import SearchConfig, run_config_from_toml, to_toml
from core.errors import BudgetError, ConfigError
from core.events import BestChanged, CandidateEvaluated, CriterionEvaluated, PolicyUpdated
from core.pruning.macs import MacsModel
from core.search import check_budget, run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain, Normalised, Residual, Sorted

# Chain: first.0 has channels 0-7, second.0 channels 8-13;
# 64*9*(3a + ab) + 4b MACs for a and b kept, 41,496 in all.
SHORT = SearchConfig(
    evaluations=8, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)


def pinned(**changes: Any) -> SearchConfig:
    return dataclasses.replace(SHORT, **changes)


def masks_of(events) -> np.ndarray:
    kinds = (BestChanged, CandidateEvaluated, CriterionEvaluated, PolicyUpdated)
    *told, finished = events
    masks = [event.keep for event in told if isinstance(event, kinds)]
    return np.array([*masks, finished.keep, *finished.criteria.values()])


@pytest.mark.parametrize("constraint", ["projection", "penalty"])
def test_pinned_channels_never_change(constraint):
    config = pinned(
        pinned_keep=("first.0:5-6",),
        pinned_removed=("first.0:0", "second.0:2,4"),
        constraint=constraint,
    )
    events = list(run_search(open_tiny(Chain), config))
    masks = masks_of(events)
    assert masks[:, [5, 6]].all()
    assert not masks[:, [0, 10, 12]].any()
    assert 0 < masks[:, 1:5].mean() < 1
    updated = [event for event in events if isinstance(event, PolicyUpdated)][-1]
    assert (updated.keep_probability[[5, 6]] == 1).all()
    assert (updated.keep_probability[[0, 10, 12]] == 0).all()


def test_masks_around_pins_use_the_whole_budget():
    opened = open_tiny(Chain)
    config = pinned(pinned_removed=("second.0:0-2",))
    macs = MacsModel(opened.analysis, opened.network.module)
    events = list(run_search(opened, config))
    for event in events:
        if isinstance(event, CandidateEvaluated | CriterionEvaluated):
            assert event.macs_kept == macs.kept_share(event.keep) <= 0.5
            # nothing that was left out fits: 64*9*(3 + b) MACs for one more of first.0
            free = np.flatnonzero(~event.keep & (np.arange(14) < 8))
            assert (macs.marginal_macs(event.keep)[free] + macs.macs(event.keep) > 20_748).all()


def test_pinned_channels_count_for_the_least_share():
    least = check_budget(open_tiny(Chain), pinned(pinned_keep=("first.0:0-1", "second.0:3-5")))
    assert least == pytest.approx((64 * 9 * (3 * 2 + 2 * 3) + 4 * 3) / 41_496)
    least = check_budget(open_tiny(Chain), pinned(pinned_removed=("first.0:1-7",)))
    assert least == pytest.approx((64 * 9 * (3 * 1 + 1 * 1) + 4) / 41_496)


def test_pins_that_put_the_budget_out_of_reach_are_refused_with_their_number():
    config = pinned(pinned_keep=("first.0:all", "second.0:0-2"))
    with pytest.raises(BudgetError, match=r"50 %.*with 11 channels pinned: at least 66\.7 %.*Unp"):
        check_budget(open_tiny(Chain), config)


def test_pins_that_leave_nothing_to_decide_are_refused():
    config = pinned(pinned_keep=("first.0:all", "second.0:all"), macs_budget=1.0)
    with pytest.raises(BudgetError, match="pins leave nothing to decide in network 'chain'"):
        check_budget(open_tiny(Chain), config)


@pytest.mark.parametrize(
    ("kind", "line", "sentence"),
    [
        (Chain, "stem:0", "stem"),
        (Chain, "first.0:8", "first.0"),
        (Chain, "head:1", "head"),
        (Sorted, "first:0", "first"),
    ],
)
def test_pins_that_do_not_fit_the_network_are_refused_before_anything_runs(kind, line, sentence):
    opened = open_tiny(kind)
    with pytest.raises(ConfigError, match=sentence):
        next(run_search(opened, pinned(pinned_removed=(line,), macs_budget=0.9, groups="exact")))
    assert not opened.images.reward.read


def test_a_pin_cannot_remove_an_approximate_channel_if_only_exact_ones_are_wanted():
    opened = open_tiny(Normalised)
    config = pinned(pinned_removed=("conv:0",), macs_budget=1.0)
    assert check_budget(opened, config) < 1
    with pytest.raises(ConfigError, match="cannot be removed exactly"):
        check_budget(opened, dataclasses.replace(config, groups="exact"))


def test_a_pinned_stream_channel_goes_although_streams_are_kept():
    opened = open_tiny(Residual)
    config = pinned(pinned_removed=("stem.0:2",), streams="keep", macs_budget=0.75)
    masks = masks_of(run_search(opened, config))
    owner = opened.analysis.graph.layer("stem.0").channels[2]
    assert not masks[:, owner].any()


def test_pins_go_to_toml_and_back():
    text = 'network = "demo"\n[search]\npinned_keep = ["a:0-3,7", "b:all"]\n'
    config = run_config_from_toml(text)
    assert config.search.pinned_keep == ("a:0-3,7", "b:all")
    assert run_config_from_toml(to_toml(config)) == config


@pytest.mark.parametrize("value", ['"a:0"', "[1]", "[[]]"])
def test_pins_that_are_no_list_of_texts_are_refused(value):
    with pytest.raises(ConfigError, match="'pinned_keep' must be a list of texts"):
        run_config_from_toml(f"[search]\npinned_keep = {value}\n")
