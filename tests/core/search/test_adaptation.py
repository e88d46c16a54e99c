"""A search whose network adapts: what is kept, what is told, and what is refused."""

import dataclasses
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, SearchConfig
from core.config.baselines import BaselineConfig
from core.config.searching import REWARDS_WITH_REFIT
from core.errors import ConfigError
from core.evaluation import RotatingImages, Score
from core.events import (
    CandidateEvaluated,
    HeldOutScored,
    ImportancesMeasured,
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
    StopRequested,
)
from core.rl.agent import PruningAgent
from core.scoring import MaskScorer
from core.search import run_search
from core.search.adaptation import (
    adapt_network,
    adapted_network,
    annealed_budget,
    images_to_adapt_with,
    is_annealing,
)
from core.search.bench import Bench
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Residual

SHORT = SearchConfig(
    evaluations=8,
    reward="teacher",
    adaptation_steps=3,
    reward_images=8,
    samples_per_update=4,
    distillation_batch=6,
    threads=1,
)


def short(**changes: Any) -> SearchConfig:
    return dataclasses.replace(SHORT, **changes)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("reward", ["cross_entropy", "teacher", "self_competition"])
def test_the_adapted_weights_are_told_before_the_end(reward):
    opened = open_tiny(Residual)
    before = {key: value.clone() for key, value in opened.network.module.state_dict().items()}
    events = list(run_search(opened, short(reward=reward)))
    (adapted,) = of_kind(events, NetworkAdapted)
    assert isinstance(events[-1], SearchFinished)
    assert events[-2] is adapted
    now = opened.network.module.state_dict()
    assert all(torch.equal(now[key], before[key]) for key in before)  # the opened one stays
    changed = {key for key in before if (adapted.weights[key] != before[key].numpy()).any()}
    trained = {key for key, _ in opened.network.module.named_parameters()}
    assert changed == trained


def test_criteria_are_those_of_the_network_as_it_was():
    policy = PolicyConfig(architecture="channels")
    plain = list(run_search(open_tiny(Chain), short(policy=policy, adaptation_steps=0)))
    adapting = list(run_search(open_tiny(Chain), short(policy=policy, budget_annealing=0.0)))
    first, second = (of_kind(one, ImportancesMeasured)[0].scores for one in (plain, adapting))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not of_kind(plain, NetworkAdapted)
    # the first update is scored before anything adapts, the second after
    rewards = [[e.reward for e in of_kind(one, CandidateEvaluated)] for one in (plain, adapting)]
    assert rewards[0][:4] == rewards[1][:4]
    assert rewards[0][4:] != rewards[1][4:]


def test_rate_and_mixed_images_fall_over_the_search_and_images_rotate(monkeypatch):
    bench = Bench.of(open_tiny(Chain), short(distillation_rate=0.08))
    rates, seen, passed = [], [], []

    def plain(images, labels, classes, config, progress, random):
        assert (classes, config) == (bench.opened.network.class_count, bench.config)
        passed.append(progress)
        return images, labels

    def adapt(self, keep, images, labels, rate):
        rates.append(rate)
        seen.append(images)
        return 1.0

    monkeypatch.setattr(MaskScorer, "adapt", adapt)
    monkeypatch.setattr("core.search.adaptation.images_to_adapt_with", plain)
    masks = np.ones((2, 14), dtype=np.bool_)
    finish(adapt_network(bench, masks, 1, 2))  # 2 of 8 evaluations are done
    assert rates == pytest.approx([0.06] * 3)
    assert passed == [0.25] * 3
    again = RotatingImages(bench.opened.images.reward, 8, seed=0)
    expected = [again.next_batches(1, 6)[0][0] for _ in range(3)]
    assert all(torch.equal(one, other) for one, other in zip(seen, expected, strict=True))


@pytest.mark.parametrize(("progress", "mixed"), [(0.0, 6), (0.5, 3), (1.0, 0)])
def test_the_share_of_mixed_images_falls_to_none_over_the_search(monkeypatch, progress, mixed):
    monkeypatch.setattr("core.search.adaptation.augment", lambda images, *_: images)
    labels = torch.arange(8)
    images = labels.float().view(8, 1, 1, 1).expand(8, 1, 16, 16).contiguous()
    random = torch.Generator().manual_seed(0)
    seen, shares = images_to_adapt_with(images, labels, 8, short(), progress, random)
    changed = (seen != images).flatten(1).any(dim=1)
    assert 0 < changed.sum() <= mixed if mixed else not changed.any()
    if mixed:
        assert torch.equal((shares.max(dim=1).values < 1), changed)
    else:
        assert torch.equal(shares, labels)


def test_nothing_is_learned_after_the_last_update():
    bench = Bench.of(open_tiny(Chain), short())
    finish(adapt_network(bench, np.ones((2, 14), dtype=np.bool_), 4, 8))
    assert bench.scorer.adapted() is None
    events = list(run_search(open_tiny(Chain), short(samples_per_update=8)))
    assert not of_kind(events, NetworkAdapted)


def test_images_are_augmented_by_a_chance_that_is_the_updates_own(monkeypatch):
    seen = []
    monkeypatch.setattr(
        MaskScorer, "adapt", lambda self, keep, images, labels, rate: seen.append(images) or 1.0
    )
    masks = np.ones((2, 14), dtype=np.bool_)
    for update in (1, 1, 2):
        bench = Bench.of(open_tiny(Chain), short(adaptation_steps=1))
        finish(adapt_network(bench, masks, update, 2))
    plain = RotatingImages(bench.opened.images.reward, 8, seed=0).next_batches(1, 6)[0][0]
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], plain)


def test_the_annealed_budget_falls_in_a_straight_line():
    config = short(evaluations=100, macs_budget=0.4, budget_annealing=0.5)
    budgets = [annealed_budget(config, evaluations) for evaluations in (0, 10, 25, 50, 100)]
    assert budgets == pytest.approx([1.0, 0.88, 0.7, 0.4, 0.4])
    assert annealed_budget(dataclasses.replace(config, budget_annealing=0.0), 0) == 0.4
    assert [is_annealing(config, evaluations) for evaluations in (0, 49, 50)] == [True, True, False]


@pytest.mark.parametrize("method", ["agent", "random", "evolution", "layer_ratios"])
def test_masks_follow_the_annealed_budget_and_the_winner_holds_the_final_one(method):
    config = short(method=method, macs_budget=0.5, budget_annealing=0.75, evaluations=16)
    events = list(run_search(open_tiny(Residual), config))
    assert of_kind(events, SearchStarted)[0].annealed_evaluations == 12.0
    candidates = of_kind(events, CandidateEvaluated)
    kept = np.array([one.macs_kept for one in candidates]).reshape(4, 4)
    budgets = np.array([1 - 0.5 * done / 12 for done in (4, 8, 12, 12)])
    assert (kept <= budgets[:, None] + 1e-9).all()
    assert (kept.mean(axis=1) > budgets - 0.15).all()  # and they use it
    assert [one.meets_budget for one in candidates] == [one.macs_kept <= 0.5 for one in candidates]
    assert events[-1].macs_kept <= 0.5
    shown = [one.evaluation for one in of_kind(events, HeldOutScored)]
    assert all(evaluation >= 12 for evaluation in shown)


def test_steps_without_numbers_are_told(monkeypatch):
    bench = Bench.of(open_tiny(Chain), SHORT)
    monkeypatch.setattr(MaskScorer, "adapt", lambda *_: float("nan"))
    events, _ = finish(adapt_network(bench, np.ones((2, 14), dtype=np.bool_), 5, 2))
    (told,) = of_kind(events, NoticeRaised)
    assert told.message.startswith("3 of 3 adaptation steps after update 5 had a loss")
    assert list(adapted_network(bench)) == []


def test_weights_that_adapt_are_not_refitted():
    for reward in REWARDS_WITH_REFIT:
        assert short().is_adapting
        assert not short(reward=reward).is_adapting  # for a refit looks at the weights as they are
        assert annealed_budget(short(reward=reward, macs_budget=0.3), 0) == 0.3
        trained = BaselineConfig(gates_train_weights=True)
        with pytest.raises(ConfigError, match=f"must not be {reward} where gates train"):
            short(reward=reward, method="gates", baselines=trained)


def stopped(kind, after: int, config: SearchConfig) -> list[Any]:
    """The events of a search of a kind of network that is stopped after an update."""
    search = run_search(open_tiny(kind), config)
    told = [next(e for e in search if isinstance(e, PolicyUpdated) and e.update == after)]
    return [*told, search.throw(StopRequested()), *search]


def test_a_stop_gives_up_weights_that_do_worse_than_those_of_the_beginning(monkeypatch):
    better = SimpleNamespace(score=lambda *_: Score(0.75, 0.25, 8))
    worse = SimpleNamespace(score=lambda *_: Score(0.0, 99.0, 8))
    monkeypatch.setattr(MaskScorer, "adapted_by", lambda self, share: worse if share else better)
    events = stopped(Residual, 2, short(evaluations=16, macs_budget=0.3))
    assert not of_kind(events, NetworkAdapted)
    (told,) = of_kind(events, NoticeRaised)
    assert re.fullmatch(
        r"What the network has adapted so far is given up: on held-out images .* loses 0\.25 nats "
        r"with the original weights and is right in 75\.0 %, .* adapted ones \S+ and \S+ %\.",
        told.message,
    )
    finished = events[-1]
    assert any(np.array_equal(finished.keep, keep) for keep in finished.criteria.values())
    assert (finished.accuracy, finished.cross_entropy) == (0.75, 0.25)


@pytest.mark.parametrize("method", ["agent", "random", "evolution", "layer_ratios", "gates"])
def test_a_stop_while_the_budget_falls_takes_the_methods_mask_for_the_final_one(
    monkeypatch, method
):
    scored: list[bytes] = []
    worse = SimpleNamespace(score=lambda *_: Score(0.0, 99.0, 8))
    monkeypatch.setattr(MaskScorer, "adapted_by", lambda self, share: worse)
    config = short(
        method=method,
        evaluations=16,
        budget_annealing=0.75,
        macs_budget=0.3,
        baselines=BaselineConfig(gates_train_weights=method == "gates"),
    )
    search = run_search(open_tiny(Residual), config)
    next(event for event in search if isinstance(event, PolicyUpdated) and event.update == 2)
    monkeypatch.setattr(
        MaskScorer,
        "score",
        lambda self, keep, *_: scored.append(keep.tobytes()) or Score(0.5, len(scored), 8),
    )
    events = [search.throw(StopRequested()), *search]
    assert of_kind(events, NetworkAdapted)
    finished = events[-1]
    assert finished.is_stopped
    assert finished.macs_kept <= 0.3
    assert len(scored) == 2
    assert finished.keep.tobytes() == scored[0]
    assert finished.cross_entropy == 1


def test_what_the_agent_would_keep_follows_the_budget():
    search = run_search(open_tiny(Residual), short(evaluations=16, macs_budget=0.3))
    agents: list[PruningAgent] = []
    with pytest.MonkeyPatch.context() as patch:
        propose = PruningAgent.propose
        patch.setattr(
            PruningAgent, "propose", lambda self, n: agents.append(self) or propose(self, n)
        )
        next(event for event in search if isinstance(event, PolicyUpdated))
    search.close()
    (agent,) = agents
    wide = agent.preference()[1]
    agent.hold_budget(0.3)
    narrow = agent.preference()[1]
    assert (narrow <= wide).all()
    assert narrow.sum() < wide.sum()


def test_weights_that_are_forgotten_are_those_of_the_beginning():
    bench = Bench.of(open_tiny(Chain), short())
    before = {key: value.clone() for key, value in bench.scorer.weights.state.items()}
    keep = np.ones(14, dtype=np.bool_)
    (batch,) = bench.images.next_batches(1, 8)
    own = bench.scorer.score(keep, *batch)
    finish(adapt_network(bench, keep[None], 1, 2))
    assert bench.scorer.score(keep, *batch) != own
    assert bench.scorer.adapted_by(0).score(keep, *batch) == own
    bench.scorer.weights.forget()
    assert bench.scorer.adapted() is None
    assert all(torch.equal(bench.scorer.weights.state[key], before[key]) for key in before)
    assert bench.scorer.score(keep, *batch) == own
