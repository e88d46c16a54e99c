"""Runs that differ in their method and seed, compared method by method. Needs no torch.

What is not finished yet, or was stopped early, is left out of the means and named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.runs.paired import Mean, PairedTest, mean_of, paired_test
from core.runs.variants import AGENT, SEARCHES

USUAL_METHODS = (*SEARCHES, "contribution", "obs_per_mac", "obs_bn", "l1")  # if nobody says it
BEFORE, AFTER = "before", "after"  # fine-tuning


@dataclass(frozen=True)
class Measure:
    """One number of a run that is compared."""

    when: str  # BEFORE or AFTER
    name: str  # of the number in the run's files
    is_more_better: bool


MEASURES: dict[str, Measure] = {
    "accuracy": Measure(BEFORE, "accuracy", is_more_better=True),
    "cross_entropy": Measure(BEFORE, "cross_entropy", is_more_better=False),
    "accuracy_after": Measure(AFTER, "accuracy", is_more_better=True),
    "cross_entropy_after": Measure(AFTER, "cross_entropy", is_more_better=False),
    "kl_after": Measure(AFTER, "kl", is_more_better=False),
}


@dataclass(frozen=True)
class ComparisonPlan:
    """What is to be compared, and on what."""

    methods: tuple[str, ...]  # in the order of the table
    seeds: tuple[int, ...]
    network: str = ""
    dataset: str = ""
    macs_budget: float | None = None  # 0-1
    evaluations: int | None = None
    finetune_epochs: int = 0  # 0: no fine-tuning
    further_budgets: Mapping[str, float] = field(default_factory=dict)  # "params" -> 0-1
    cutmix: float = 0.0  # the share of images that fine-tuning mixes, 0-1

    @property
    def reference(self) -> str:
        """The method that all others are tested against."""
        return AGENT if AGENT in self.methods else self.methods[0]

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """Method and seed of every run, seed by seed, so that a part compares already."""
        return tuple((method, seed) for seed in self.seeds for method in self.methods)


@dataclass(frozen=True)
class MethodRun:
    """What one run came to; numbers are of the test images."""

    method: str
    seed: int
    folder: str  # in the comparison's
    values: Mapping[str, float] = field(default_factory=dict)  # a key of MEASURES -> number
    macs_kept: float | None = None  # 0-1
    evaluations: int | None = None
    cpu_seconds: float | None = None  # of the search, with the criteria before it
    problem: str = ""  # why it does not count
    further_kept: Mapping[str, float] = field(default_factory=dict)  # by further budget, 0-1

    @property
    def counts(self) -> bool:
        """Whether it is finished and whole."""
        return not self.problem


@dataclass(frozen=True)
class ComparedMethod:
    """One line of the table."""

    method: str
    seeds: tuple[int, ...]
    means: Mapping[str, Mean | None]  # by MEASURES
    tests: Mapping[str, PairedTest | None]  # against the reference; empty of itself
    macs_kept: Mean | None
    evaluations: Mean | None
    cpu_seconds: Mean | None
    further_kept: Mapping[str, Mean | None] = field(default_factory=dict)  # by further budget


@dataclass(frozen=True)
class Comparison:
    """All methods of a comparison, in the order in which they were asked for."""

    folder: Path
    plan: ComparisonPlan
    runs: tuple[MethodRun, ...]
    methods: tuple[ComparedMethod, ...]
    test_readings: int  # how often the test images were read in all

    @property
    def is_complete(self) -> bool:
        """Whether every run is there and counts."""
        return all(run.counts for run in self.runs)

    @property
    def is_finetuned(self) -> bool:
        """Whether there is anything after fine-tuning."""
        return any("accuracy_after" in run.values for run in self.runs)


def compare_runs(
    folder: Path, plan: ComparisonPlan, runs: Sequence[MethodRun], test_readings: int
) -> Comparison:
    """Put the runs of a plan together, each method against the reference."""
    by_seed = {
        method: {run.seed: run for run in runs if run.method == method and run.counts}
        for method in plan.methods
    }
    reference = by_seed[plan.reference]
    return Comparison(
        folder,
        plan,
        tuple(runs),
        tuple(
            _compared(
                method,
                by_seed[method],
                {} if method == plan.reference else reference,
                plan.further_budgets,
            )
            for method in plan.methods
        ),
        test_readings,
    )


def _compared(
    method: str,
    own: Mapping[int, MethodRun],
    reference: Mapping[int, MethodRun],
    budgets: Iterable[str],
) -> ComparedMethod:
    runs = list(own.values())
    return ComparedMethod(
        method,
        tuple(own),
        {
            name: mean_of([run.values[name] for run in runs if name in run.values])
            for name in MEASURES
        },
        {name: _test(name, own, reference) for name in MEASURES} if reference else {},
        mean_of([run.macs_kept for run in runs if run.macs_kept is not None]),
        mean_of([float(run.evaluations) for run in runs if run.evaluations is not None]),
        mean_of([run.cpu_seconds for run in runs if run.cpu_seconds is not None]),
        {
            name: mean_of([run.further_kept[name] for run in runs if name in run.further_kept])
            for name in budgets
        },
    )


def _test(
    name: str, own: Mapping[int, MethodRun], reference: Mapping[int, MethodRun]
) -> PairedTest | None:
    shared = [
        (own[seed].values[name], reference[seed].values[name])
        for seed in own
        if seed in reference and name in own[seed].values and name in reference[seed].values
    ]
    first, second = [pair[0] for pair in shared], [pair[1] for pair in shared]
    return paired_test(first, second, is_more_better=MEASURES[name].is_more_better)
