"""Made-up searches: the events of one whose numbers are given, update by update."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.events import CandidateEvaluated, Event, HeldOutScored, PolicyUpdated, SearchStarted

KEEP = np.ones(4, dtype=np.bool_)
MASKS = 16
SOUND_SEARCH = Path(__file__).with_name("resnet20_50.csv")  # as record_run wrote it

Course = Callable[[int], float]  # update, from 0 -> mean of its masks


def search_started(evaluations: int = 2000) -> SearchStarted:
    return SearchStarted(evaluations, 0.5, 1000, 100, 0.92, 0.3, 0.05)


def candidate(evaluation: int, **values: float) -> CandidateEvaluated:
    known = {"macs_kept": 0.498, "accuracy": 0.7, "cross_entropy": 1.0, **values}
    return CandidateEvaluated(
        evaluation=evaluation,
        update=(evaluation - 1) // MASKS + 1,
        keep=KEEP,
        reward=known.pop("reward", -known["cross_entropy"]),
        ema_accuracy=0.7,
        meets_budget=known["macs_kept"] <= 0.5,
        seconds=0.1 * evaluation,
        **known,
    )


def policy_updated(
    update: int, *, probability: float = 0.5, approx_kl: float = 0.01
) -> PolicyUpdated:
    keep_probability = np.full(4, probability, dtype=np.float32)
    return PolicyUpdated(update, keep_probability, KEEP, -0.1, 0.2, 0.1, approx_kl, 0.1)


def held_out(evaluation: int, cross_entropy: float, rewarded: float) -> HeldOutScored:
    return HeldOutScored(evaluation, 0.7, cross_entropy, rewarded)


def made_up_search(
    updates: int,
    *,
    macs_kept: Course = lambda update: 0.498,
    accuracy: Course = lambda update: 0.7,
    cross_entropy: Course = lambda update: 1.2 - 0.01 * update,
    batch_noise: float = 0.1,
    spread: float = 0.2,
) -> Iterator[Event]:
    """Yield a search of 16 masks an update whose means follow the given courses.

    batch_noise: standard deviation of the cross-entropy of a whole update, for its images.
    spread: the same among the masks of an update.
    """
    random = np.random.default_rng(0)
    yield search_started(updates * MASKS)
    for update in range(updates):
        mean = cross_entropy(update) + random.normal(0, batch_noise)
        for mask in range(MASKS):
            yield candidate(
                update * MASKS + mask + 1,
                macs_kept=macs_kept(update) + random.normal(0, 1e-4),
                accuracy=accuracy(update) + random.normal(0, 0.02),
                cross_entropy=mean + random.normal(0, spread),
            )
        yield policy_updated(update + 1)


def sound_search() -> Iterator[Event]:
    """Yield the events of a real search: ResNet-20 at 50 % of its MACs, 300 masks."""
    with SOUND_SEARCH.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    yield search_started(len(rows))
    for row in rows:
        scores = ("macs_kept", "accuracy", "cross_entropy", "reward")
        event = candidate(int(row["evaluation"]), **{name: float(row[name]) for name in scores})
        yield event
        if event.evaluation % MASKS == 0 or event.evaluation == len(rows):
            yield policy_updated(event.update)
