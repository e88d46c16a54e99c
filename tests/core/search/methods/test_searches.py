"""Every method drives the whole search: within the budget, reproducible, resumable to the bit."""

import dataclasses
import functools

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, SearchConfig
from core.config.baselines import BaselineConfig
from core.errors import ConfigError
from core.events import (
    CandidateEvaluated,
    CriterionEvaluated,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
    StageStarted,
)
from core.pruning.baselines import ALLOCATIONS
from core.search import SearchState, run_search
from core.search.methods import METHODS, ONE_SHOT, is_one_shot, method_names
from core.search.tournament import competitor_names
from tests.core.search.test_resuming import broken_off_after, comparable
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual

SHORT = SearchConfig(
    evaluations=10,
    macs_budget=0.5,
    streams="prune",
    reward_images=8,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
)
CASES = {
    "random": {},
    "random by flips": {"random_by": "flips", "flipped_share": 0.2},
    "evolution": {"parents": 4, "mutated_share": 0.2},
    "evolution of ratios": {"parents": 4, "genome": "layer_ratios", "ratio_spread": 0.3},
    "layer_ratios": {"ratio_spread": 0.3},
    "gates": {"gate_steps": 2},
    "gates with weights": {"gate_steps": 2, "gates_train_weights": True},
}


def short(method: str, **own) -> SearchConfig:
    return dataclasses.replace(SHORT, method=method, baselines=BaselineConfig(**own))


def case(name: str) -> SearchConfig:
    return short(name.split()[0], **CASES[name])


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@functools.cache
def searched(name: str, seed: int = 0):
    return list(run_search(open_tiny(Residual), dataclasses.replace(case(name), seed=seed)))


@pytest.mark.parametrize("name", CASES)
def test_all_masks_meet_the_budget_and_differ(name):
    candidates = of_kind(searched(name), CandidateEvaluated)
    assert len(candidates) == 10
    assert all(event.meets_budget for event in candidates)
    assert len({event.keep.tobytes() for event in candidates}) > 1  # of few that there are
    finished = of_kind(searched(name), SearchFinished)[0]
    assert finished.macs_kept <= 0.5
    assert finished.evaluations == 10


@pytest.mark.parametrize("name", CASES)
def test_a_search_goes_on_to_the_bit(name):
    first, values = broken_off_after(2, open_tiny(Residual), case(name))
    torch.manual_seed(99)
    rest = list(run_search(open_tiny(Residual), case(name), SearchState.from_dict(values)))
    assert isinstance(rest[0], StageStarted)
    assert comparable(first) + comparable(rest[1:]) == comparable(searched(name))


@pytest.mark.parametrize("name", ["random", "evolution", "evolution of ratios", "layer_ratios"])
def test_a_search_whose_budget_falls_goes_on_to_the_bit(name):
    # the budget falls for the last time right after the break, which parents must outlive as ever
    config = dataclasses.replace(case(name), adaptation_steps=1, budget_annealing=0.8)
    whole = list(run_search(open_tiny(Residual), config))
    first, values = broken_off_after(1, open_tiny(Residual), config)
    rest = list(run_search(open_tiny(Residual), config, SearchState.from_dict(values)))
    assert comparable(first) + comparable(rest[1:]) == comparable(whole)


def test_the_budget_of_gates_is_their_own_affair():
    events = list(run_search(open_tiny(Residual), short("gates", gates_train_weights=True)))
    assert of_kind(events, SearchStarted)[0].annealed_evaluations == 0
    assert all(event.meets_budget for event in of_kind(events, CandidateEvaluated))


@pytest.mark.parametrize("name", CASES)
def test_another_seed_proposes_other_masks(name):
    masks = [
        [event.keep.tobytes() for event in of_kind(searched(name, seed), CandidateEvaluated)]
        for seed in (0, 1)
    ]
    assert masks[0] != masks[1]


@pytest.mark.parametrize("name", CASES)
def test_a_method_without_a_policy_has_no_statistics(name):
    updates = of_kind(searched(name), PolicyUpdated)
    assert len(updates) == 3
    for update in updates:
        statistics = (update.policy_loss, update.value_loss, update.approx_kl, update.clip_fraction)
        assert statistics == (None, None, None, None)
        assert update.keep_probability.dtype == np.float32
        assert ((update.keep_probability >= 0) & (update.keep_probability <= 1)).all()


def test_pinned_channels_stay_and_go_whatever_the_method():
    pins = {"pinned_keep": ("first.0:1",), "pinned_removed": ("second.0:0",)}
    for name in CASES:
        config = dataclasses.replace(case(name), **pins)
        opened = open_tiny(Chain)
        groups = {group.name: group for group in opened.analysis.groups.groups}
        for event in of_kind(run_search(opened, config), CandidateEvaluated):
            assert event.keep[groups["first.0"].start + 1]
            assert not event.keep[groups["second.0"].start]


@pytest.mark.parametrize("method", ["contribution", "l1", "l1_uniform", "random_uniform"])
def test_a_criterion_is_a_method_without_evaluations(method):
    events = list(run_search(open_tiny(Residual), short(method)))
    finished = of_kind(events, SearchFinished)[0]
    own = [mask for name, mask in finished.criteria.items() if name.startswith(method)]
    assert finished.evaluations == 0
    assert of_kind(events, CandidateEvaluated) == []
    assert any(np.array_equal(finished.keep, mask) for mask in own)


def test_decision_steps_are_the_agents_alone():
    steps = PolicyConfig(decision_steps=50)  # more than there are layers
    config = dataclasses.replace(short("random"), policy=steps)
    assert of_kind(run_search(open_tiny(Chain), config), SearchFinished)[0].evaluations == 10


def test_an_unknown_method_is_named():
    with pytest.raises(ConfigError, match=r"'method' must be one of agent, random, .*, not 'luck'"):
        next(run_search(open_tiny(Chain), short("luck")))


def test_all_methods_have_one_name_each():
    names = method_names()
    assert len(set(names)) == len(names)
    assert set(names) == {*METHODS, *ONE_SHOT, *competitor_names()}
    assert {name for name in names if not is_one_shot(name)} == set(METHODS)


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_a_criterion_with_an_allocation_is_a_method(allocation):
    name = f"taylor_{allocation}"
    events = list(run_search(open_tiny(Residual), short(name)))
    (finished,) = of_kind(events, SearchFinished)
    (own,) = [one for one in of_kind(events, CriterionEvaluated) if one.criterion == name]
    assert np.array_equal(finished.keep, own.keep)
    assert np.array_equal(finished.criteria[name], own.keep)


def test_processor_seconds_are_counted_and_go_on():
    _, values = broken_off_after(1, open_tiny(Chain), SHORT)
    assert values["seconds"]["cpu"] > 0
    values["seconds"]["cpu"] += 1000.0
    rest = run_search(open_tiny(Chain), SHORT, SearchState.from_dict(values))
    assert of_kind(rest, SearchFinished)[0].seconds["cpu"] > 1000
