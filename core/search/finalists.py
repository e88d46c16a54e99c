"""Which masks of a search deserve a closer look, and which of them wins."""

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.data import ImagePart
from core.evaluation import RotatingImages, Score, mean_score
from core.events import BestChanged, BoolArray, SearchEvent, StageStarted
from core.scoring import MaskScorer
from core.search.alike import score_alike

SMOOTHING = 0.7  # of the siblings' mean from update to update
REMEMBERED = 10
SHORTLISTED = 4  # of those that are judged
JUDGE_IMAGES = 1024  # held-out images that choose the winner
JUDGE_BATCH = 256


@dataclass(frozen=True, eq=False)
class Finalist:
    """A mask within the budget, and its score on a few reward images."""

    evaluation: int  # 0: a criterion's
    keep: BoolArray  # (C,)
    macs_kept: float  # 0-1
    score: Score

    def as_event(self) -> BestChanged:
        """Announce it as the best so far."""
        return BestChanged(
            evaluation=self.evaluation,
            keep=self.keep.copy(),
            macs_kept=self.macs_kept,
            accuracy=self.score.accuracy,
            cross_entropy=self.score.cross_entropy,
        )


class Finalists:
    """Remembers the best masks of a search.

    Each update has its own reward images, some harder than others, so cross-entropies of two
    updates do not compare. A mask is measured against its siblings on the same images, and
    the siblings by a moving average: estimate = own - siblings' mean + average of means.
    """

    def __init__(self, first: Finalist) -> None:
        self._ranked = [(first.score.loss, first)]
        self._average: float | None = None
        self.is_judged_closer = False  # by the dearer measure of a staged reward

    @property
    def best(self) -> Finalist:
        """The mask of the lowest estimate."""
        return self._ranked[0][1]

    @property
    def best_loss(self) -> float:
        """Its estimate, which compares with those of other updates."""
        return self._ranked[0][0]

    @property
    def masks(self) -> list[BoolArray]:
        """The remembered masks, best first."""
        return [finalist.keep for _, finalist in self._ranked]

    def state_dict(self) -> dict[str, Any]:
        """Return the remembered masks and the siblings' average, for a checkpoint."""
        ranked = [one for _, one in self._ranked]
        return {
            "estimates": [estimate for estimate, _ in self._ranked],
            "evaluations": [one.evaluation for one in ranked],
            "keep": torch.from_numpy(np.stack([one.keep for one in ranked])),
            "macs_kept": [one.macs_kept for one in ranked],
            "scores": [list(dataclasses.astuple(one.score)) for one in ranked],
            "average": self._average,
            "is_judged_closer": self.is_judged_closer,
        }

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "Finalists":
        """Remember again what `state_dict` gave."""
        columns = ("evaluations", "keep", "macs_kept", "scores")
        ranked = [
            Finalist(evaluation, keep.numpy().copy(), macs_kept, Score(*score))
            for evaluation, keep, macs_kept, score in zip(
                *(state[name] for name in columns), strict=True
            )
        ]
        finalists = cls(ranked[0])
        finalists._ranked = list(zip(state["estimates"], ranked, strict=True))
        finalists._average = state["average"]
        finalists.is_judged_closer = state.get("is_judged_closer", False)
        return finalists

    def judge_closer(self, scores: Sequence[Score]) -> None:
        """Keep the first of `masks` only, with the scores of a dearer measure in their order."""
        ranked = [
            (score.loss, dataclasses.replace(finalist, score=score))
            for (_, finalist), score in zip(self._ranked[: len(scores)], scores, strict=True)
        ]
        self._ranked = sorted(ranked, key=lambda pair: pair[0])
        self._average = None
        self.is_judged_closer = True

    def add_update(self, siblings: Sequence[Finalist]) -> bool:
        """Take in the masks of one update; says whether one is better than all before."""
        if not siblings:
            return False
        before = self.best
        mean = float(np.mean([sibling.score.loss for sibling in siblings]))
        last = mean if self._average is None else self._average
        self._average = SMOOTHING * last + (1 - SMOOTHING) * mean
        shift = self._average - mean
        self._ranked += [(one.score.loss + shift, one) for one in siblings]
        self._ranked = sorted(self._ranked, key=lambda pair: pair[0])[:REMEMBERED]
        return self.best is not before


def judge_images(part: ImagePart) -> tuple[RotatingImages, int]:
    """The images of a part that a choice is made by, and how many batches they are."""
    images = RotatingImages(part, JUDGE_BATCH, seed=0)
    return images, max(1, min(len(part), JUDGE_IMAGES) // JUDGE_BATCH)


def judge_masks(
    masks: Sequence[BoolArray],
    scorer: MaskScorer,
    part: ImagePart,
    first: MaskScorer | None = None,
) -> Generator[SearchEvent, None, tuple[BoolArray, Score]]:
    """Choose the mask of the lowest loss on a part.

    All see the first batch; the best of them see the others too, and one of these wins.

    first: a cheaper scorer, if there is one, that chooses the best of them by the first batch;
        the first of the masks is always among these.
    Yields: StageStarted, then StageAdvanced after each batch of each mask.
    """
    left = list({mask.tobytes(): mask for mask in masks}.values())
    images, rounds = judge_images(part)
    many, few = len(left), min(len(left), SHORTLISTED)
    is_first_needed = first is not None and many > SHORTLISTED + 1
    seen = many + (SHORTLISTED + 1 if is_first_needed else 0)
    yield StageStarted("Choosing the winner", total=seen + (rounds - 1) * few)
    done = 0
    if first is not None and is_first_needed:
        left = yield from _shortlist(left, first, part)
        done = many
    scored: list[list[Score]] = [[] for _ in left]
    for _ in range(rounds):
        batch = images.next()
        alike = yield from score_alike(scorer, left, batch, done)
        for parts, score in zip(scored, alike, strict=True):
            parts.append(score)
        done += len(left)
        order = sorted(range(len(left)), key=lambda i: mean_score(scored[i]).loss)
        left, scored = [left[i] for i in order], [scored[i] for i in order]
        left, scored = left[:SHORTLISTED], scored[:SHORTLISTED]
    return left[0], mean_score(scored[0])


def _shortlist(
    masks: Sequence[BoolArray], scorer: MaskScorer, part: ImagePart
) -> Generator[SearchEvent, None, list[BoolArray]]:
    """The first of the masks, and the best of the others by one batch."""
    batch = RotatingImages(part, JUDGE_BATCH, seed=0).next()
    scores = yield from score_alike(scorer, masks, batch, 0)
    order = sorted(range(1, len(masks)), key=lambda place: scores[place].loss)
    return [masks[place] for place in (0, *order[:SHORTLISTED])]
