"""Numbers that go bad during a search are named, and nothing is learned from them."""

import dataclasses
import math

import pytest
import torch

from core.config import PPOConfig, SearchConfig
from core.errors import NetworkError
from core.evaluation import Score
from core.events import (
    BestChanged,
    CandidateEvaluated,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
)
from core.scoring import MaskScorer
from core.search import run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain

SHORT = SearchConfig(
    evaluations=12, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)


@pytest.fixture
def spoiled(monkeypatch):
    """Spoil the scores of some masks, by how many were scored before."""

    def spoil(is_bad):
        usual, scored = MaskScorer.score, []

        def score(self, keep, images, labels):
            scored.append(keep)
            own = usual(self, keep, images, labels)
            spoilt = Score(own.accuracy, math.nan, own.images, teacher_kl=math.nan)
            return spoilt if is_bad(len(scored)) else own

        monkeypatch.setattr(MaskScorer, "score", score)

    return spoil


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_an_update_with_a_reward_that_is_no_number_is_skipped_and_named(spoiled):
    tournament = []

    def is_bad(count):
        tournament.append(count)
        return bad_from is not None and count == bad_from + 6

    bad_from = None
    spoiled(is_bad)
    run = run_search(open_tiny(Chain), SHORT)
    next(event for event in run if isinstance(event, BestChanged))
    bad_from = len(tournament)
    events = list(run)
    candidates = of_kind(events, CandidateEvaluated)
    assert [math.isnan(event.cross_entropy) for event in candidates].index(True) == 5
    (notice,) = of_kind(events, NoticeRaised)
    assert notice.message.startswith("Update 2 is skipped: 1 of its 4 masks")
    assert [event.update for event in of_kind(events, PolicyUpdated)] == [1, 3]
    assert all(math.isfinite(event.cross_entropy) for event in of_kind(events, BestChanged))
    assert math.isfinite(of_kind(events, SearchFinished)[0].cross_entropy)


def test_a_search_without_any_number_still_ends(spoiled):
    spoiled(lambda count: True)
    events = list(run_search(open_tiny(Chain), SHORT))
    assert len(of_kind(events, CandidateEvaluated)) == 12
    assert not of_kind(events, PolicyUpdated)
    assert events[-1].macs_kept <= 0.5


def test_a_policy_that_explodes_is_taken_back():
    wild = PPOConfig(learning_rate=10.0, channel_offset_rate=10.0, epochs=100)
    calm = list(run_search(open_tiny(Chain), SHORT))
    assert not of_kind(calm, NoticeRaised)
    from core.rl.agent import PruningAgent

    with pytest.MonkeyPatch.context() as patch:
        usual = PruningAgent.learn

        def explode(self, proposal, rewards):
            statistics = usual(self, proposal, rewards)
            with torch.no_grad():
                next(self._policy.parameters()).mul_(math.inf)
            return statistics

        patch.setattr(PruningAgent, "learn", explode)
        events = list(run_search(open_tiny(Chain), dataclasses.replace(SHORT, ppo=wild)))
    assert [notice.message[:8] for notice in of_kind(events, NoticeRaised)] == [
        "Update 1",
        "Update 2",
        "Update 3",
    ]
    assert len(of_kind(events, CandidateEvaluated)) == 12


def test_criteria_without_a_score_come_last(spoiled):
    spoiled(lambda count: count <= 3)  # l1_uniform is the first
    events = list(run_search(open_tiny(Chain), SHORT))
    assert math.isfinite(of_kind(events, BestChanged)[0].cross_entropy)


def test_a_network_that_answers_with_no_numbers_is_refused():
    opened = open_tiny(Chain)
    with torch.no_grad():
        opened.network.module.head.weight.fill_(math.nan)
    with pytest.raises(NetworkError, match=r"'chain' answers with what are no numbers"):
        list(run_search(opened, SHORT))


def test_a_layer_whose_batch_norm_has_no_variance_is_searched_with_numbers():
    opened = open_tiny(Chain)
    norms = [m for m in opened.network.module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        norms[0].running_var.zero_()
        convolution = next(
            m for m in opened.network.module.modules() if isinstance(m, torch.nn.Conv2d)
        )
        convolution.weight[0].zero_()  # its channel is the same everywhere
    events = list(run_search(opened, SHORT))
    assert all(math.isfinite(event.cross_entropy) for event in of_kind(events, CandidateEvaluated))
    assert math.isfinite(of_kind(events, SearchFinished)[0].cross_entropy)


def test_logits_that_explode_leave_a_policy_of_numbers():
    opened = open_tiny(Chain)
    with torch.no_grad():
        opened.network.module.head.weight.mul_(1e30)
    events = list(run_search(opened, SHORT))
    assert len(of_kind(events, CandidateEvaluated)) == 12
    for update in of_kind(events, PolicyUpdated):
        assert all(0.0 <= share <= 1.0 for share in update.keep_probability.tolist())
