"""The best mask on images that nobody is rewarded for, and a search that no longer gains there."""

import dataclasses
from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor

from core.evaluation import RotatingImages, Score
from core.events import BoolArray, HeldOutScored, NoticeRaised, PolicyCompared, SearchEvent
from core.health.history import SearchHistory
from core.health.signatures import reward_overfit
from core.search.bench import Bench
from core.search.finalists import Finalist, Finalists


class HeldOutWatch:
    """Scores the best masks of a search on held-out images.

    Nothing of it reaches the search but the end, if that is wanted: no random number is drawn,
    no moving average moved.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._last: tuple[Finalist, Score] | None = None
        self._told: list[HeldOutScored] = []
        self._best: tuple[float, BoolArray] | None = None  # loss and mask
        self._first: BoolArray | None = None  # of the policy

    @property
    def masks(self) -> list[BoolArray]:
        """The mask that did best on held-out images, if any was scored there."""
        return [] if self._best is None else [self._best[1]]

    def score(self, finalists: Finalists, evaluations: int) -> Generator[SearchEvent, None, None]:
        """Score the best mask, if it is another than last time; tells it in any case."""
        best = finalists.best
        is_adapting = self._bench.config.is_adapting  # the same mask scores otherwise
        if self._last is None or self._last[0] is not best or is_adapting:
            with self._bench.clock.measure("evaluation"):
                self._last = best, score_held_out(self._bench, best.keep)
            yield from self._bench.judge.take_notices()
        score = self._last[1]
        if self._best is None or score.loss < self._best[0]:
            self._best = score.loss, best.keep.copy()
        event = HeldOutScored(
            evaluation=evaluations,
            accuracy=score.accuracy,
            cross_entropy=score.cross_entropy,
            reward_cross_entropy=best.score.cross_entropy,
            reward_loss=finalists.best_loss,
            is_closer=finalists.is_judged_closer,
        )
        self._told.append(event)
        yield event

    def begin_with(self, likeliest: BoolArray) -> None:
        """Remember what the policy would keep (C,) before it has learned anything."""
        self._first = likeliest.copy()

    def compare(self, likeliest: BoolArray, evaluations: int) -> Generator[SearchEvent, None, None]:
        """Score what the policy would keep (C,) beside what it began with, on further images."""
        if self._first is None:
            return  # a search that an older version began
        with self._bench.clock.measure("evaluation"):
            batch = held_out_batch(self._bench, seed=evaluations)
            scores = [self._bench.judge.score(keep, *batch) for keep in (likeliest, self._first)]
        yield from self._bench.judge.take_notices()
        yield PolicyCompared(evaluations, *(score.cross_entropy for score in scores))

    def reason_to_stop(self) -> NoticeRaised | None:
        """What to say if the search gets worse on held-out images, and shall stop then."""
        if not self._bench.config.stop_on_overfit:
            return None
        verdict = reward_overfit(SearchHistory(held_out=self._told))
        if verdict.state != "raised":
            return None
        return NoticeRaised(
            f"The search stops here, for it fits its reward images only. {verdict.evidence} The "
            "best mask on held-out images is among those that the winner is chosen from."
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what was told and the best mask, for a checkpoint."""
        loss, keep = self._best or (0.0, None)
        return {
            "told": [list(dataclasses.astuple(event)) for event in self._told],
            "loss": loss,
            "keep": None if keep is None else torch.from_numpy(keep.copy()),
            "first": None if self._first is None else torch.from_numpy(self._first.copy()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, or from nothing."""
        if state:
            self._told = [HeldOutScored(*values) for values in state["told"]]
            keep = state["keep"]
            self._best = None if keep is None else (state["loss"], keep.numpy().copy())
            first = state.get("first")
            self._first = None if first is None else first.numpy().copy()


def score_held_out(bench: Bench, keep: BoolArray) -> Score:
    """Score a mask (C,) as finalists are judged, on some held-out images."""
    return bench.judge.score(keep, *held_out_batch(bench))


def held_out_batch(bench: Bench, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Some held-out images and labels, as many as there are reward images, the same for a seed."""
    images = RotatingImages(bench.opened.images.held_out, bench.config.reward_images, seed)
    return images.next()
