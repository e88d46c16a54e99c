"""Was the agent worth it? Test accuracies of runs, with what can and what cannot be told apart.

From three seeds on the differences are paired by seed (Student's t). One run or two say next to
nothing about the spread over seeds: of them only the chance of the test images is known
(binomial). All intervals are of 95 %. Needs no torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

from core.runs.finetune_file import FinetuneFile

LEARNED, UNPRUNED = "learned", "unpruned"
RANDOM = "random"  # the criterion that chooses by chance, with any allocation
LEAST_SEEDS = 3  # that say something about the spread over seeds
Z = 1.959964  # two-sided 95 % of the normal distribution
# Two-sided 95 % of Student's t with 1, 2, ... degrees of freedom.
STUDENT_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True)
class Outcome:
    """Test accuracies (0-1) of one run by method: "learned", "unpruned", "l1_uniform"."""

    seed: int
    test_images: int
    before: Mapping[str, float]
    after: Mapping[str, float]  # after a whole fine-tuning; empty if there was none
    macs_kept: Mapping[str, float]  # 0-1
    stopped: Mapping[str, float] = field(default_factory=dict)  # after one that was stopped early
    tuning: str = ""  # equal for fine-tunings of the same settings; "" if not known
    is_untested: bool = False  # there are criteria, and the test images were kept from them


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float
    runs: int

    @property
    def is_measurable(self) -> bool:
        """Of a difference: whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class MethodRow:
    """What is known about one method; differences are learned minus this method."""

    name: str
    macs_kept: float | None
    before: Estimate | None
    after: Estimate | None
    lead_before: Estimate | None
    lead_after: Estimate | None


@dataclass(frozen=True)
class LeftOut:
    """Fine-tunings that are averaged with no others and compared with none."""

    is_alone: bool = False  # the first run's own was stopped: no other one is shown
    stopped: tuple[tuple[int, str], ...] = ()  # seed and method
    unpaired: tuple[tuple[int, str], ...] = ()  # whole ones of runs whose learned one is not
    tuned_otherwise: tuple[int, ...] = ()  # seeds whose fine-tuning had other settings


@dataclass(frozen=True)
class Verdict:
    """All methods, the learned mask first, the others by accuracy."""

    rows: tuple[MethodRow, ...]
    seeds: tuple[int, ...]
    test_images: int
    left_out: LeftOut
    is_untested: bool = False  # the criteria, on the test images

    @property
    def is_over_seeds(self) -> bool:
        """Whether the intervals are those over seeds, not those of the test images."""
        return len(self.seeds) >= LEAST_SEEDS

    @property
    def has_few_tuned(self) -> bool:
        """Whether intervals are over seeds, but not those of all methods after fine-tuning."""
        tuned = [row.after.runs for row in self.rows if row.after]
        return self.is_over_seeds and any(runs < LEAST_SEEDS for runs in tuned)

    def row(self, name: str) -> MethodRow | None:
        """Return the row of a method."""
        return next((row for row in self.rows if row.name == name), None)

    def best_criterion(self, *, is_after: bool) -> MethodRow | None:
        """The criterion of the highest mean, before or after fine-tuning."""
        known = [
            (estimate.mean, row)
            for row in self.rows
            if row.name not in (LEARNED, UNPRUNED)
            and (estimate := row.after if is_after else row.before) is not None
        ]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    @property
    def chance(self) -> MethodRow | None:
        """The row of the random criterion."""
        return next((row for row in self.rows if row.name.split("_")[0] == RANDOM), None)


def read_outcome(report: Mapping[str, Any], finetuned: FinetuneFile | None) -> Outcome | None:
    """Take a run's test accuracies; None if the test images were not read.

    report: report.json as it was read; anything may be missing or of a wrong kind.
    """
    pruned, baseline = _mapping(report, "pruned"), _mapping(report, "baseline")
    entries = {LEARNED: pruned, UNPRUNED: {**baseline, "macs_kept": 1.0}}
    criteria = _mapping(report, "criteria")
    for name, entry in criteria.items():
        entries[str(name)] = entry if isinstance(entry, Mapping) else {}
    before = _numbers(entries, "accuracy")
    images, seed = _mapping(report, "images").get("test"), report.get("seed")
    if LEARNED not in before or not isinstance(images, int) or images < 1:
        return None
    return Outcome(
        seed=seed if isinstance(seed, int) else 0,
        test_images=images,
        before=before,
        after=_tuned(finetuned, is_stopped=False),
        macs_kept=_numbers(entries, "macs_kept"),
        stopped=_tuned(finetuned, is_stopped=True),
        tuning=finetuned.kinship if finetuned else "",
        is_untested=bool(criteria) and before.keys() <= {LEARNED, UNPRUNED},
    )


def judge(outcomes: Sequence[Outcome]) -> Verdict:
    """Compare the methods over one or several runs that differ in their seeds alone.

    A method is judged by the runs that have it. Fine-tunings that were stopped, or had other
    settings than the first one whose settings are known, are left out. Raises: ValueError without
    any outcome.
    """
    if not outcomes:
        raise ValueError("nothing to judge")
    outcomes, left_out = _comparable(outcomes)
    images = min(outcome.test_images for outcome in outcomes)
    names = dict.fromkeys(name for one in outcomes for name in (*one.before, *one.after))
    rows = sorted((_row(name, outcomes, images) for name in names), key=_place)
    return Verdict(
        tuple(rows),
        tuple(outcome.seed for outcome in outcomes),
        images,
        left_out,
        is_untested=all(outcome.is_untested for outcome in outcomes),
    )


def _comparable(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], LeftOut]:
    """Take away what must not be averaged with the rest, and say what that was."""
    own, *others = outcomes
    if LEARNED in own.stopped:  # a person wants to see it all the same
        alone = replace(own, after={LEARNED: own.stopped[LEARNED]})
        return [alone, *(replace(one, after={}) for one in others)], LeftOut(is_alone=True)
    stopped = tuple((one.seed, name) for one in outcomes for name in one.stopped)
    unpaired = tuple(
        (one.seed, name) for one in outcomes if LEARNED not in one.after for name in one.after
    )
    tuned = [one for one in outcomes if LEARNED in one.after]
    usual = next((one.tuning for one in tuned if one.tuning), "")
    other = {one.seed for one in tuned if one.tuning and one.tuning != usual}
    kept = {one.seed for one in tuned} - other
    return (
        [one if one.seed in kept else replace(one, after={}) for one in outcomes],
        LeftOut(stopped=stopped, unpaired=unpaired, tuned_otherwise=tuple(sorted(other))),
    )


def estimate_accuracy(values: Sequence[float], images: int) -> Estimate:
    """Mean accuracy over runs; of one or two with Wilson's interval for so many images.

    Source: Wilson 1927; Student 1908.
    """
    if len(values) >= LEAST_SEEDS:
        known = _student(values)
        return Estimate(known.mean, max(0.0, known.low), min(1.0, known.high), known.runs)
    share, spread = sum(values) / len(values), Z * Z / images
    middle = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / images + spread / (4 * images)) / (1 + spread)
    return Estimate(share, middle - half, middle + half, len(values))


def estimate_lead(first: Sequence[float], second: Sequence[float], images: int) -> Estimate:
    """Mean of first minus second, paired by run.

    One or two runs, or runs that all differ by the same amount, say nothing about chance: then
    the interval is that of two shares of so many images. It is too wide rather than too
    narrow, because both networks saw the same images.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    student = _student(differences) if len(differences) >= LEAST_SEEDS else None
    if student is not None and student.high - student.low > 1e-9:
        return student
    mean = sum(differences) / len(differences)
    shares = [sum(values) / len(values) for values in (first, second)]
    half = Z * sqrt(sum(share * (1 - share) for share in shares) / images)
    return Estimate(mean, mean - half, mean + half, len(differences))


def _student(values: Sequence[float]) -> Estimate:
    count = len(values)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    half = _student_t(count - 1) * sqrt(variance / count)
    return Estimate(mean, mean - half, mean + half, count)


def _student_t(freedom: int) -> float:
    if freedom <= len(STUDENT_T):
        return STUDENT_T[freedom - 1]
    return Z + (Z**3 + Z) / (4 * freedom)  # Fisher's expansion; 3 digits from 30 on


def _row(name: str, outcomes: Sequence[Outcome], images: int) -> MethodRow:
    macs = [outcome.macs_kept[name] for outcome in outcomes if name in outcome.macs_kept]
    before = [(outcome.before.get(LEARNED), outcome.before.get(name)) for outcome in outcomes]
    after = [(outcome.after.get(LEARNED), outcome.after.get(name)) for outcome in outcomes]
    return MethodRow(
        name,
        sum(macs) / len(macs) if macs else None,
        _own(before, images),
        _own(after, images),
        None if name == LEARNED else _lead(before, images),
        None if name == LEARNED else _lead(after, images),
    )


def _place(row: MethodRow) -> tuple[bool, float, float]:
    """The learned mask first, then by accuracy; methods that only fine-tuning tested come last."""
    means = [-one.mean if one else 0.0 for one in (row.before, row.after)]
    return row.name != LEARNED, means[0], means[1]


Pairs = Sequence[tuple[float | None, float | None]]


def _own(pairs: Pairs, images: int) -> Estimate | None:
    values = [own for _, own in pairs if own is not None]
    return estimate_accuracy(values, images) if values else None


def _lead(pairs: Pairs, images: int) -> Estimate | None:
    whole = [(learned, own) for learned, own in pairs if learned is not None and own is not None]
    if not whole:
        return None
    first, second = zip(*whole, strict=True)
    return estimate_lead(first, second, images)


def _tuned(file: FinetuneFile | None, *, is_stopped: bool) -> dict[str, float]:
    """Accuracies after the fine-tunings that were stopped, or after those that were not."""
    return {
        one.name: one.after.accuracy
        for one in (file.networks if file else ())
        if one.after.accuracy is not None and one.is_stopped == is_stopped
    }


def _mapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def _numbers(entries: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float]:
    """The shares (0-1) of that name that are there."""
    found = {}
    for method, entry in entries.items():
        value = entry.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            found[method] = float(value)
    return found
