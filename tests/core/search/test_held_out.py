"""Searches whose health shows on held-out images: what they tell, and when they stop."""

import dataclasses

import numpy as np
import pytest

from core.config import PPOConfig, RunConfig, SearchConfig
from core.events import (
    CandidateEvaluated,
    HealthRaised,
    HeldOutScored,
    NoticeRaised,
    PolicyCompared,
    SearchFinished,
)
from core.presets import apply_preset
from core.search import held_out, run_search
from core.search.searching import updates_per_held_out
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual

STILL = PPOConfig(
    learning_rate=0.0,
    shift_rate=0.0,
    deviation_rate=0.0,
    channel_offset_rate=0.0,
    layer_offset_rate=0.0,
    credit_rate=0.0,
)
SHORT = SearchConfig(
    evaluations=64,
    macs_budget=0.5,
    reward="cross_entropy",
    reward_images=16,
    samples_per_update=2,
    prior="random_uniform",  # so that the best mask changes often
    distillation_batch=8,
    adaptation_steps=0,
    threads=1,
    device="cpu",
)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture
def worsening(monkeypatch):
    """Held-out images on which each best mask is half again as bad as the one before."""
    usual, seen = held_out.score_held_out, []

    def score(bench, keep):
        seen.append(keep)
        return dataclasses.replace(usual(bench, keep), cross_entropy=1.5 ** len(seen))

    monkeypatch.setattr(held_out, "score_held_out", score)


@pytest.mark.parametrize("adaptation_steps", [0, 2])
def test_a_search_that_fits_its_reward_images_only_stops(worsening, adaptation_steps):
    config = dataclasses.replace(SHORT, adaptation_steps=adaptation_steps)
    events = list(run_search(open_tiny(Chain), config))
    (raised,) = [one for one in of_kind(events, HealthRaised) if one.kind == "reward_overfit"]
    (told,) = [one for one in of_kind(events, NoticeRaised) if "stops here" in one.message]
    assert raised.evidence in told.message
    losses = [event.reward_loss for event in of_kind(events, HeldOutScored)]
    assert losses == sorted(losses, reverse=True)
    (finished,) = of_kind(events, SearchFinished)
    assert finished.evaluations == len(of_kind(events, CandidateEvaluated)) < config.evaluations
    assert not finished.is_stopped

    unstopped = dataclasses.replace(config, stop_on_overfit=False)
    events = list(run_search(open_tiny(Chain), unstopped))
    assert of_kind(events, HealthRaised)
    assert of_kind(events, SearchFinished)[0].evaluations == config.evaluations


def test_an_adapting_search_whose_policy_stands_still_is_no_better_than_chance():
    config = dataclasses.replace(SHORT, adaptation_steps=2, ppo=STILL)
    events = list(run_search(open_tiny(Chain), config))
    pairs = of_kind(events, PolicyCompared)
    assert len(pairs) == 5  # after each fourth update, once the budget has fallen
    assert all(pair.cross_entropy == pair.first_cross_entropy for pair in pairs)
    assert "no_better_than_random" in {event.kind for event in of_kind(events, HealthRaised)}


def test_an_adapting_search_that_learns_is_compared_with_other_images_each_time():
    config = dataclasses.replace(SHORT, adaptation_steps=2)
    pairs = of_kind(list(run_search(open_tiny(Residual), config)), PolicyCompared)
    assert any(pair.cross_entropy != pair.first_cross_entropy for pair in pairs)
    assert len({pair.first_cross_entropy for pair in pairs}) == len(pairs)


def test_weights_that_stay_need_no_comparison():
    assert not of_kind(list(run_search(open_tiny(Residual), SHORT)), PolicyCompared)


@pytest.mark.parametrize("preset", ["quick", "frozen", "thorough", "paper", "long"])
def test_every_preset_looks_at_held_out_images_often_enough_to_judge(preset):
    config = apply_preset(RunConfig(), preset).search
    updates = np.arange(1, -(-config.evaluations // config.samples_per_update) + 1)
    annealed = config.budget_annealing * config.evaluations if config.is_adapting else 0
    after = updates[updates * config.samples_per_update >= annealed]
    assert (after % updates_per_held_out(config) == 0).sum() >= 5
