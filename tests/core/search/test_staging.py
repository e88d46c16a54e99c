"""Dear measures, spent where they pay."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from core.config import SearchConfig
from core.evaluation import Score
from core.events import (
    CandidateEvaluated,
    CriterionEvaluated,
    HeldOutScored,
    NoticeRaised,
    SearchFinished,
    StageStarted,
)
from core.rl.measures import JUDGING_STEPS, measures_of
from core.search import run_search
from core.search.bench import Bench
from core.search.finalists import Finalist, Finalists, judge_masks
from core.search.held_out import HeldOutWatch
from core.search.staging import combine, look_closer, prepare_refit
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Grouped, Residual

SHORT = SearchConfig(
    evaluations=12,
    reward="staged",
    reward_images=8,
    samples_per_update=4,
    distillation_steps=2,
    distillation_batch=4,
    threads=1,
)


def short(**changes: Any) -> SearchConfig:
    return dataclasses.replace(SHORT, **changes)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_what_each_reward_measures():
    plain = measures_of(short(reward="cross_entropy"))
    assert plain.first == plain.reward == plain.judging
    assert (plain.reward.temperature, plain.reward.is_refitted, plain.reward.steps) == (None, 0, 0)
    assert measures_of(short(reward="teacher")).reward.temperature == 4.0
    error = measures_of(short(reward="refit_error"))
    assert error.reward.is_refit_error
    assert not error.judging.is_refit_error
    assert error.judging == measures_of(short(reward="refit")).reward
    for name in ("refit_distillation", "staged"):
        dear = measures_of(short(reward=name))
        assert (dear.first.steps, dear.reward.steps, dear.judging.steps) == (0, 2, JUDGING_STEPS)
        assert (dear.reward.batch, dear.judging.batch) == (4, 8)


def test_the_others_are_shifted_by_what_the_dear_measure_changed():
    """Cheap 1, 2, 3, 4; dear 0.6 and 1.2 for the first two: changes -0.4 and -0.8, mean -0.6."""
    cheap = [Score(0.5, 9.0, 8, teacher_kl=loss) for loss in (1.0, 2.0, 3.0, 4.0)]
    dear = {0: Score(0.6, 8.0, 8, teacher_kl=0.6), 1: Score(0.7, 7.0, 8, teacher_kl=1.2)}
    scores = combine(cheap, dear)
    assert [score.loss for score in scores] == pytest.approx([0.6, 1.2, 2.4, 3.4])
    assert [score.is_estimate for score in scores] == [False, False, True, True]
    assert [score.accuracy for score in scores] == [0.6, 0.7, 0.5, 0.5]


@pytest.fixture
def bench():
    bench = Bench.of(open_tiny(Residual), SHORT)
    finish(prepare_refit(bench))
    return bench


def masks_of(bench, count):
    random = np.random.default_rng(0)
    whole = np.ones(len(bench.removable), dtype=np.bool_)
    return [whole & ~(bench.removable & (random.random(len(whole)) < 0.4)) for _ in range(count)]


def test_the_better_half_gets_the_closer_look(bench):
    masks, batch = masks_of(bench, 5), bench.images.next()
    finalists = Finalists(Finalist(0, masks[0], 0.5, Score(0.5, 1.0, 8, teacher_kl=9.0)))
    cheap = [bench.scorer.score(keep, *batch).loss for keep in masks]
    finish(look_closer(bench, masks, batch, finalists, 6))
    scores = [bench.scorer.score(keep, *batch) for keep in masks]
    better = set(np.argsort(cheap)[:3].tolist())  # half of 5, rounded up
    assert {place for place, score in enumerate(scores) if not score.is_estimate} == better
    closer = bench.scorer.measuring(measures_of(SHORT).reward)
    for place in better:
        assert scores[place] == closer.score(masks[place], *batch)
    # what was remembered is measured alike, once
    assert finalists.is_judged_closer
    assert finalists.best.score == closer.score(masks[0], *batch)
    again = Finalists.from_state_dict(finalists.state_dict())
    assert again.is_judged_closer
    assert again.best.score == finalists.best.score


def test_a_staged_search_looks_closer_in_its_second_half(monkeypatch):
    looked: list[int] = []
    from core.search import searching

    def counted(bench, masks, batch, finalists, evaluations):
        looked.append(evaluations)
        return look_closer(bench, masks, batch, finalists, evaluations)

    monkeypatch.setattr(searching, "look_closer", counted)
    events = list(run_search(open_tiny(Residual), SHORT))
    assert looked == [8]  # updates begin after 0, 4 and 8; half of 12 is 6
    assert of_kind(events, SearchFinished)[0].evaluations == 12


@pytest.mark.parametrize("reward", ["refit_error", "refit", "refit_distillation", "staged"])
@pytest.mark.parametrize("kind", [Chain, Residual])
def test_every_reward_with_a_refit_searches(reward, kind):
    events = list(run_search(open_tiny(kind), short(reward=reward)))
    (finished,) = of_kind(events, SearchFinished)
    assert finished.macs_kept <= 0.5
    candidates = of_kind(events, CandidateEvaluated)
    assert len(candidates) == 12
    assert all(np.isfinite(event.reward) and event.reward <= 0 for event in candidates)
    assert of_kind(events, CriterionEvaluated)
    assert "for the refit" in of_kind(events, StageStarted)[0].stage


def test_layers_that_no_refit_reaches_are_named():
    events = list(run_search(open_tiny(Grouped), short(reward="refit", evaluations=1)))
    (told,) = [e.message for e in of_kind(events, NoticeRaised) if "refit" in e.message]
    assert "second.0 (each of its outputs reads only a part of its inputs)" in told


def test_the_first_mask_is_judged_whatever_the_cheap_scorer_says(bench):
    masks = masks_of(bench, 9)
    cheap = [bench.first.score(keep, *bench.opened.images.held_out.batch(np.arange(24))).loss
             for keep in masks]  # fmt: skip
    worst_first = [masks[place] for place in np.argsort(cheap)[::-1]]
    events, (keep, score) = finish(
        judge_masks(worst_first, bench.judge, bench.opened.images.held_out, bench.first)
    )
    assert events[0].total == 9 + 5  # each by the cheap one; four and the first by the judge
    assert len(events) == 1 + 9 + 5
    judged = [worst_first[0], *worst_first[-4:]]
    held_out = bench.opened.images.held_out
    from core.evaluation import RotatingImages

    batch = RotatingImages(held_out, 256, seed=0).next()
    losses = [bench.judge.score(mask, *batch).loss for mask in judged]
    assert score.loss == pytest.approx(min(losses))
    assert np.array_equal(keep, judged[int(np.argmin(losses))])


def overfitting_watch(bench, rewarded, held_out):
    """A watch that was told of masks with these cross-entropies."""
    watch = HeldOutWatch(bench)
    told = [
        HeldOutScored(n, 0.5, nats, reward_cross_entropy=reward)
        for n, (reward, nats) in enumerate(zip(rewarded, held_out, strict=True))
    ]
    values = [list(dataclasses.astuple(event)) for event in told]
    keep = torch.ones(len(bench.removable), dtype=torch.bool)
    watch.load_state_dict({"told": values, "loss": 0.25, "keep": keep})
    return watch


def test_a_search_that_only_fits_its_images_is_stopped(bench):
    worse = overfitting_watch(bench, [1.0, 0.9, 0.8, 0.7], [1.0, 1.1, 1.5, 1.6])
    told = worse.reason_to_stop()
    assert told is not None
    assert "fits its reward images only" in told.message
    assert worse.masks[0].all()
    fine = overfitting_watch(bench, [1.0, 0.9, 0.8, 0.7], [1.0, 0.95, 0.9, 0.9])
    assert fine.reason_to_stop() is None
    again = HeldOutWatch(bench)
    again.load_state_dict(worse.state_dict())
    assert again.reason_to_stop() == told
    assert np.array_equal(again.masks[0], worse.masks[0])


def test_it_goes_on_if_that_is_wanted():
    bench = Bench.of(open_tiny(Residual), short(reward="teacher", stop_on_overfit=False))
    watch = overfitting_watch(bench, [1.0, 0.9, 0.8, 0.7], [1.0, 1.1, 1.5, 1.6])
    assert watch.reason_to_stop() is None


def test_a_stopped_search_still_chooses_a_winner(monkeypatch):
    stop = NoticeRaised("The search stops here.")
    monkeypatch.setattr(HeldOutWatch, "reason_to_stop", lambda self: stop if self.masks else None)
    events = list(run_search(open_tiny(Chain), short(reward="refit", evaluations=60)))
    assert stop in events
    (finished,) = of_kind(events, SearchFinished)
    assert finished.evaluations == 8  # held-out images are looked at after two updates
    assert not finished.is_stopped
