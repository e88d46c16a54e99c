"""Dear measures where they pay: the refit before a search, and the closer look within an update."""

import contextlib
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace

import numpy as np

from core.evaluation import Score
from core.events import BoolArray, NoticeRaised, SearchEvent, StageAdvanced
from core.pruning.refit import Refit, name_left_alone
from core.pruning.refit_measuring import measure_refit
from core.rl.measures import STAGED, measures_of
from core.scoring import Batch
from core.search.bench import Bench
from core.search.finalists import Finalists

CHEAP_SHARE = 0.5  # of the evaluations, before the dearer measure begins
CLOSER_SHARE = 0.5  # of the masks of an update, that the dearer measure sees
CARRIED = 5  # finalists of the cheap measure that the dearer one sees too


def prepare_refit(bench: Bench, told: Collection[str] = ()) -> Generator[SearchEvent, None, None]:
    """Measure what a reward with a refit needs, once, on reward images.

    told: what a search that goes on has said before, and is not said again.
    Yields: StageStarted and StageAdvanced; notices of memory and of the layers left alone.
    """
    with contextlib.closing(_measure(bench)) as events:
        for event in events:
            if not (isinstance(event, NoticeRaised) and event.message in told):
                yield event


def refit_on_bench(bench: Bench) -> Generator[SearchEvent, None, Refit]:
    """Measure on reward images what the readers of channels that may go need for a refit."""
    return (
        yield from measure_refit(
            bench.opened.network.module,
            bench.opened.analysis,
            bench.opened.images.reward,
            device=bench.device,
            removable=bench.removable,
        )
    )


def _measure(bench: Bench) -> Generator[SearchEvent, None, None]:
    measures = measures_of(bench.config)
    if not measures.reward.is_refitted:
        return
    with bench.clock.measure("evaluation"):
        refit = yield from refit_on_bench(bench)
    bench.scorer.use_refit(refit, measures.start)
    if told := name_left_alone(refit.left_alone):
        yield NoticeRaised(told)


def is_closer_due(bench: Bench, evaluations: int) -> bool:
    """Whether the masks that come after so many evaluations get the closer look."""
    config = bench.config
    return config.reward == STAGED and evaluations >= CHEAP_SHARE * config.evaluations


def look_closer(
    bench: Bench, masks: Sequence[BoolArray], batch: Batch, finalists: Finalists, evaluations: int
) -> Generator[SearchEvent, None, None]:
    """Halve the masks (C,) of one update: the better half by the cheap measure gets the dear one.

    The scorer then answers with what came out. The other half's distance to the teacher is
    shifted by what the dear measure changed in the mean, and marked as an estimate. At the first
    time the best finalists are measured alike, so that they compare with what comes.

    evaluations: before this update. Yields: StageAdvanced after each score; notices of memory.
    Source: successive halving, Jamieson and Talwalkar, AISTATS 2016, in two rungs.
    """
    scorer, measure = bench.scorer, measures_of(bench.config).reward
    scorer.take_training(bench.images, measure)
    closer = scorer.measuring(measure)
    count = -(-len(masks) // round(1 / CLOSER_SHARE))
    earlier = [] if finalists.is_judged_closer else finalists.masks[:CARRIED]
    parts = (-1, -1)
    while parts != scorer.parts:  # again where memory ran out on the way
        parts = scorer.parts
        cheap: list[Score] = []
        for keep in masks:
            cheap.append(scorer.score(keep, *batch))
            yield StageAdvanced(evaluations)
        order = np.argsort([score.loss for score in cheap], kind="stable")
        dear: dict[int, Score] = {}
        for place in order[:count].tolist():
            dear[place] = closer.score(masks[place], *batch)
            yield StageAdvanced(evaluations)
        rescored = []
        for keep in earlier:
            rescored.append(closer.score(keep, *batch))
            yield StageAdvanced(evaluations)
        yield from scorer.take_notices()
    if earlier:
        finalists.judge_closer(rescored)
    scorer.remember(
        batch[0],
        {keep.tobytes(): score for keep, score in zip(masks, combine(cheap, dear), strict=True)},
    )


def combine(cheap: Sequence[Score], dear: dict[int, Score]) -> list[Score]:
    """Scores of one update: the dear ones where there are any, estimates elsewhere.

    An estimate is the cheap loss + the mean of (dear - cheap) over those that have both.
    """
    shift = float(np.mean([score.loss - cheap[place].loss for place, score in dear.items()]))
    return [
        dear[place]
        if place in dear
        else replace(score, teacher_kl=score.loss + shift, is_estimate=True)
        for place, score in enumerate(cheap)
    ]
