"""The choice of the winner, on held-out images, and what is done with it then."""

from collections.abc import Generator, Sequence

import numpy as np

from core.evaluation import Score
from core.events import BoolArray, FloatArray, SearchEvent
from core.search.bench import Bench
from core.search.finalists import judge_masks
from core.search.held_out import score_held_out
from core.search.rounding import round_winner


def judge_all(
    bench: Bench, masks: Sequence[BoolArray]
) -> Generator[SearchEvent, None, tuple[BoolArray, Score]]:
    """Judge masks, the most promising first; returns the best and its score."""
    with bench.clock.measure("evaluation"):
        return (
            yield from judge_masks(masks, bench.judge, bench.opened.images.held_out, bench.first)
        )


def score_now(bench: Bench, keep: BoolArray) -> Score:
    """Score a mask on one batch of held-out images, for a search that shall end at once."""
    with bench.clock.measure("evaluation"):
        return score_held_out(bench, keep)


def round_chosen(
    bench: Bench, keep: BoolArray, score: Score, priority: FloatArray
) -> tuple[BoolArray, Score, str]:
    """Round the winner's widths by `priority` (C,); returns mask, score and what to tell."""
    rounded, told = round_winner(bench, keep, priority)
    if np.array_equal(rounded, keep):
        return keep, score, told
    return rounded, score_now(bench, rounded), told
