"""The choice of the winner, on held-out images, and what is done with it then."""

from collections.abc import Generator, Sequence

import numpy as np

from core.evaluation import Score
from core.events import BoolArray, FloatArray, SearchEvent
from core.search.bench import Bench
from core.search.finalists import judge_masks
from core.search.held_out import held_out_batch
from core.search.rounding import round_winner


def judge_all(
    bench: Bench, masks: Sequence[BoolArray]
) -> Generator[SearchEvent, None, tuple[BoolArray, Score]]:
    """Judge masks, the most promising first; returns the best and its score."""
    with bench.clock.measure("evaluation"):
        return (
            yield from judge_masks(masks, bench.judge, bench.opened.images.held_out, bench.first)
        )


def judge_now(bench: Bench, masks: Sequence[BoolArray]) -> tuple[BoolArray, Score]:
    """Judge masks by one batch of held-out images, for a search that shall end at once."""
    with bench.clock.measure("evaluation"):
        batch = held_out_batch(bench)
        scores = [bench.judge.score(keep, *batch) for keep in masks]
    best = min(range(len(masks)), key=lambda place: scores[place].loss)
    return masks[best], scores[best]


def unless_own_weights_are_better(
    bench: Bench, keep: BoolArray, score: Score, criterion: BoolArray
) -> tuple[BoolArray, Score, str]:
    """Forget what the network has adapted if the best criterion does better without it.

    So it may where a search was stopped early: weights that adapted to wide masks suit narrow ones
    less than those they began with.
    score: of `judge_now`; criterion: the best criterion's mask (C,).
    Returns: mask, its score on held-out images, and what to tell if anything was forgotten.
    """
    if bench.scorer.adapted() is None:
        return keep, score, ""
    with bench.clock.measure("evaluation"):
        without = bench.judge.unadapted().score(criterion, *held_out_batch(bench))
    if not without.loss < score.loss:
        return keep, score, ""
    bench.scorer.weights.forget()
    return (
        criterion,
        without,
        "What the network has adapted so far is given up: on held-out images the best criterion's "
        f"mask loses {without.loss:.2g} nats with the original weights and is right in "
        f"{100 * without.accuracy:.1f} %, the best mask with the adapted ones {score.loss:.2g} and "
        f"{100 * score.accuracy:.1f} %.",
    )


def round_chosen(
    bench: Bench, keep: BoolArray, score: Score, priority: FloatArray
) -> tuple[BoolArray, Score, str]:
    """Round the winner's widths by `priority` (C,); returns mask, score and what to tell."""
    rounded, told = round_winner(bench, keep, priority)
    if np.array_equal(rounded, keep):
        return keep, score, told
    return *judge_now(bench, [rounded]), told
