"""The choice of the winner, on held-out images, and what is done with it then."""

import math
from collections.abc import Generator, Sequence

import numpy as np

from core.evaluation import Score, mean_score
from core.events import (
    BoolArray,
    FloatArray,
    NoticeRaised,
    SearchEvent,
    StageAdvanced,
    StageStarted,
)
from core.search.bench import Bench
from core.search.finalists import judge_images, judge_masks
from core.search.held_out import held_out_batch
from core.search.rounding import round_winner

ADAPTED_SHARES = tuple(1 - place / 10 for place in range(10))  # 1.0 to 0.1
ADAPTED_SHARES_NOW = 0.75, 0.5, 0.25


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


def mix_weights(bench: Bench, keep: BoolArray, score: Score) -> Generator[SearchEvent, None, Score]:
    """Go as far back from the adapted weights to the original ones as suits the winner (C,).

    A search trains on few images, and what it learns of them alone does harm on others: weights
    between both ends are better than either, the more so where the mask takes little away. How
    far is chosen by the cross-entropy on held-out images: distances at a higher temperature choose
    less of the original weights, which is a worse start for fine-tuning.
    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    Yields: stages; a notice that says how far. Returns: the winner's score.
    """
    if not _is_mixing(bench):
        return score
    images, rounds = judge_images(bench.opened.images.held_out)
    yield StageStarted("Mixing adapted and original weights", total=rounds)
    scored: list[list[Score]] = [[] for _ in ADAPTED_SHARES]
    for done in range(rounds):
        batch = images.next()
        with bench.clock.measure("evaluation"):
            for share, parts in zip(ADAPTED_SHARES, scored, strict=True):
                parts.append(bench.judge.adapted_by(share).score(keep, *batch))
        yield from bench.judge.take_notices()
        yield StageAdvanced(done + 1)
    means = [mean_score(parts) for parts in scored]
    best = min(range(len(means)), key=lambda place: _nats(means[place]))
    if best > 0:
        words = _take_mixed(bench, ADAPTED_SHARES[best], means[best], instead_of=means[0])
        yield NoticeRaised(words)
    return means[best]


def mix_now(
    bench: Bench, keep: BoolArray, score: Score, criterion: BoolArray
) -> tuple[BoolArray, Score, str]:
    """Mix weights in few passes for a search that was stopped, or forget the adapted ones.

    Where the best criterion's mask (C,) does better with the original weights, it is taken: those
    that have adapted to wide masks so far suit narrow ones less.
    score: of `judge_now`. Returns: mask, its score on held-out images, and what to tell.
    """
    if bench.scorer.adapted() is None:
        return keep, score, ""
    shares = ADAPTED_SHARES_NOW if _is_mixing(bench) else ()
    with bench.clock.measure("evaluation"):
        batch = held_out_batch(bench)
        mixed = [bench.judge.adapted_by(share).score(keep, *batch) for share in shares]
        without = bench.judge.adapted_by(0).score(criterion, *batch)
    best = min((score, *mixed), key=_nats)
    if _nats(without) < _nats(best):
        bench.scorer.weights.forget()
        return (
            criterion,
            without,
            "What the network has adapted so far is given up: on held-out images the best "
            f"criterion's mask loses {without.cross_entropy:.2g} nats with the original weights "
            f"and is right in {100 * without.accuracy:.1f} %, the best mask with adapted ones "
            f"{best.cross_entropy:.2g} and {100 * best.accuracy:.1f} %.",
        )
    if best is score:
        return keep, score, ""
    share = shares[mixed.index(best)]
    return keep, best, _take_mixed(bench, share, best, instead_of=score)


def _nats(score: Score) -> float:
    """The cross-entropy; what is no number is infinite, so that it is never the least."""
    return score.cross_entropy if math.isfinite(score.cross_entropy) else math.inf


def _is_mixing(bench: Bench) -> bool:
    return bench.config.weight_mixing and bench.scorer.adapted() is not None


def _take_mixed(bench: Bench, share: float, score: Score, *, instead_of: Score) -> str:
    """Let the network have mixed weights; returns what to tell."""
    bench.scorer.weights.take(bench.scorer.weights.mixed(share))
    return (
        f"The adapted weights count for {100 * share:.0f} %, the original ones for the rest: on "
        f"held-out images the best mask then loses {score.cross_entropy:.2g} nats instead of "
        f"{instead_of.cross_entropy:.2g}."
    )


def round_chosen(
    bench: Bench, keep: BoolArray, score: Score, priority: FloatArray
) -> tuple[BoolArray, Score, str]:
    """Round the winner's widths by `priority` (C,); returns mask, score and what to tell."""
    rounded, told = round_winner(bench, keep, priority)
    if np.array_equal(rounded, keep):
        return keep, score, told
    return *judge_now(bench, [rounded]), told
