"""Adapted weights that are mixed with the original ones once the winner is known."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import SearchConfig
from core.evaluation import Score
from core.events import NetworkAdapted, NoticeRaised, SearchFinished, StageStarted
from core.scoring import MaskScorer
from core.search import run_search
from core.search.adaptation import adapt_network
from core.search.bench import Bench
from core.search.choosing import ADAPTED_SHARES, judge_now, mix_now, mix_weights
from core.search.finalists import judge_masks
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Residual
from tests.unusual_networks import TiedConvolutions

CONFIG = SearchConfig(
    evaluations=8,
    adaptation_steps=3,
    reward_images=8,
    samples_per_update=4,
    distillation_batch=6,
    threads=1,
)
KEEP = np.ones(14, dtype=np.bool_)  # of Chain


def adapted_bench(config: SearchConfig = CONFIG) -> Bench:
    """A bench of Chain whose weights have made some steps."""
    bench = Bench.of(open_tiny(Chain), config)
    finish(adapt_network(bench, KEEP[None], 1, 2))
    return bench


def losing(monkeypatch: pytest.MonkeyPatch, loss: Any) -> list[float]:
    """Let a mask lose `loss(share)` nats by its share of adapted weights; returns those asked."""
    asked: list[float] = []

    def adapted_by(self: MaskScorer, share: float) -> SimpleNamespace:
        asked.append(share)
        return SimpleNamespace(score=lambda *_: Score(0.5, loss(share), 8))

    monkeypatch.setattr(MaskScorer, "adapted_by", adapted_by)
    return asked


def count_calls(bench: Bench, asked: list[int]) -> Any:
    """The unpruned network's forward, which notes that it was called."""
    forward = bench.scorer._teacher.forward
    return lambda images: asked.append(len(images)) or forward(images)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1))
def test_mixed_weights_lie_on_the_line_between(share):
    bench = Bench.of(open_tiny(TiedConvolutions), CONFIG)
    count = bench.opened.analysis.plan.channel_count
    finish(adapt_network(bench, np.ones((1, count), dtype=np.bool_), 1, 2))
    weights = bench.scorer.weights
    mixed, own = weights.mixed(share), weights.state
    assert any(not torch.equal(weights.original[key], own[key]) for key in own)
    for key, value in mixed.items():
        first = weights.original[key]
        expected = first + share * (own[key] - first) if value.is_floating_point() else own[key]
        torch.testing.assert_close(value, expected)
    tied = [(a, b) for a in own for b in own if a < b and own[a] is own[b]]
    assert tied
    assert all(mixed[a] is mixed[b] for a, b in tied)


def test_the_share_of_the_least_loss_on_held_out_images_is_taken(monkeypatch):
    bench = adapted_bench()
    begun, own = dict(bench.scorer.weights.original), dict(bench.scorer.weights.state)
    bench.opened.images.held_out.read.clear()
    with monkeypatch.context() as patch:
        asked = losing(patch, lambda share: 2 + (share - 0.63) ** 2)
        events, score = finish(mix_weights(bench, KEEP, Score(0.4, 9.0, 8)))
    assert set(asked) == set(ADAPTED_SHARES)
    assert bench.opened.images.held_out.read
    assert bench.opened.images.test.read == []
    assert score.loss == pytest.approx(2.0009)
    assert any(isinstance(event, StageStarted) for event in events)
    (told,) = [event for event in events if isinstance(event, NoticeRaised)]
    assert "adapted weights count for 60 %" in told.message
    assert "loses 2 nats instead of 2.1" in told.message
    for key, value in bench.scorer.adapted().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, begun[key].lerp(own[key], 0.6))


@pytest.mark.parametrize("config", [CONFIG, dataclasses.replace(CONFIG, weight_mixing=False)])
def test_weights_stay_adapted_where_that_is_best_or_wanted(monkeypatch, config):
    bench = adapted_bench(config)
    own = dict(bench.scorer.weights.state)
    asked = losing(monkeypatch, lambda share: -share if config.weight_mixing else share)
    events, score = finish(mix_weights(bench, KEEP, Score(0.4, 9.0, 8)))
    assert bool(asked) is config.weight_mixing
    assert score.loss == (-1.0 if config.weight_mixing else 9.0)
    assert not any(isinstance(event, NoticeRaised) for event in events)
    assert all(bench.scorer.adapted()[key] is own[key] for key in own)


def test_weights_that_have_not_adapted_are_left_alone(monkeypatch):
    bench = Bench.of(open_tiny(Chain), dataclasses.replace(CONFIG, adaptation_steps=0))
    asked = losing(monkeypatch, lambda share: share)
    events, score = finish(mix_weights(bench, KEEP, Score(0.4, 9.0, 8)))
    assert (asked, events, score.loss) == ([], [], 9.0)
    assert mix_now(bench, KEEP, score, ~KEEP) == (KEEP, score, "")


@pytest.mark.parametrize(
    ("loss", "share"),
    [
        (lambda share: abs(share - 0.5) + 1, 0.5),  # mixed
        (lambda share: 9.5, 1.0),  # as it is
        (lambda share: share, 0.0),  # given up
    ],
)
def test_a_stop_mixes_in_few_passes(monkeypatch, loss, share):
    bench = adapted_bench()
    before = bench.scorer.weights.mixed(share)
    criterion = np.arange(14) % 2 == 0
    with monkeypatch.context() as patch:
        asked = losing(patch, loss)
        keep, _, words = mix_now(bench, KEEP, Score(0.4, 9.0, 8), criterion)
    assert len(asked) == 4
    assert np.array_equal(keep, KEEP if share else criterion)
    assert bool(words) is (share < 1)
    assert (bench.scorer.adapted() is None) is (share == 0)
    assert all(torch.equal(bench.scorer.weights.state[key], before[key]) for key in before)


def test_the_unpruned_network_is_asked_once_for_each_batch(monkeypatch):
    bench = adapted_bench(dataclasses.replace(CONFIG, reward="teacher"))
    asked: list[int] = []
    monkeypatch.setattr(bench.scorer._teacher, "forward", count_calls(bench, asked))
    finish(mix_weights(bench, KEEP, Score(0.4, 9.0, 8)))
    assert len(asked) == 1


def test_what_is_told_is_what_the_mixed_network_scores():
    bench = adapted_bench()
    bench.scorer.weights.take(
        {
            key: 9 * value if value.is_floating_point() else value
            for key, value in bench.scorer.weights.state.items()
        }
    )  # far too far
    _, before = judge_now(bench, [KEEP])
    _, told, words = mix_now(bench, KEEP, before, KEEP)
    _, after = judge_now(bench, [KEEP])
    assert words
    assert after == told
    assert after.cross_entropy < before.cross_entropy


def test_a_search_exports_the_weights_that_its_score_is_of():
    config = dataclasses.replace(
        CONFIG, evaluations=16, distillation_rate=5.0, adaptation_cutmix=0.0
    )
    opened = open_tiny(Residual)
    events = list(run_search(opened, config))
    (adapted,) = [event for event in events if isinstance(event, NetworkAdapted)]
    (finished,) = [event for event in events if isinstance(event, SearchFinished)]
    notices = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert any("adapted weights count for" in message for message in notices)
    bench = Bench.of(opened, config)
    bench.scorer.weights.take({k: torch.from_numpy(v) for k, v in adapted.weights.items()})
    _, (_, score) = finish(judge_masks([finished.keep], bench.judge, opened.images.held_out))
    assert score.cross_entropy == pytest.approx(finished.cross_entropy, rel=1e-5)
