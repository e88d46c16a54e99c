"""Scores that compare: masks on one batch, whose statistics are taken of parts of one size."""

from collections.abc import Generator, Sequence

from torch import Tensor

from core.evaluation import Score
from core.events import BoolArray, SearchEvent, StageAdvanced
from core.scoring import MaskScorer


def score_alike(
    scorer: MaskScorer, masks: Sequence[BoolArray], batch: tuple[Tensor, Tensor], done: int
) -> Generator[SearchEvent, None, list[Score]]:
    """Score masks (C,) on one batch of images and labels.

    Where memory runs out half-way, those before are scored again in parts of the size that fits.
    Yields: StageAdvanced after each, counting on from `done`; what is to be said of memory.
    Returns: the scores, in the order of the masks.
    """
    parts = scorer.parts
    scores: list[Score] = []
    for mask in masks:
        scores.append(scorer.score(mask, *batch))
        while scorer.parts != parts:
            parts = scorer.parts
            scores = [scorer.score(one, *batch) for one in masks[: len(scores)]]
        yield from scorer.take_notices()
        yield StageAdvanced(done + len(scores))
    return scores
