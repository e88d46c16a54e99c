"""Run every method with every seed, each in a folder of its own, and compare them.

What is there already is not done again: a comparison that was broken off goes on where it
stopped, in the middle of a run.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.config import RunConfig, load_begun_config
from core.config.finetuning import BEFORE_MIXING
from core.config.settings import all_settings, value_of
from core.errors import ConfigError, ExportError, RunError, readable
from core.events import (
    CandidateEvaluated,
    ComparisonReported,
    Event,
    Events,
    NoticeRaised,
    RecordingFailed,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.opening import Opened
from core.runs.comparing import ComparisonPlan
from core.runs.comparison_reading import (
    COMPARISON_FILE,
    TABLE_FILE,
    comparison_contents,
    contents_text,
    read_runs,
    run_folder,
)
from core.runs.comparison_table import csv_text, markdown_text
from core.runs.files import (
    CONFIG_FILE,
    FINETUNE_FILE,
    FINETUNING_FOLDER,
    LEARNED_CHECKPOINT,
    REPORT_FILE,
    prepare_folder,
    write_text,
)
from core.runs.finetune_file import read_finetune_file
from core.runs.finetuning import record_finetuning
from core.runs.flow import record_run
from core.runs.lock import locked_folder
from core.runs.masks import read_masks
from core.runs.paths import with_absolute_paths
from core.runs.resuming import resume_run
from core.runs.variants import SEARCHES, VARIANTS, with_method
from core.search import check_budget, check_search
from core.search.methods import method_names

CSV_FILE = "comparison.csv"


def compared_names() -> tuple[str, ...]:
    """All that can be compared: the searches and their variants, then the criteria."""
    names = dict.fromkeys((*SEARCHES, *VARIANTS, *method_names()))
    return tuple(names)


def check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods, each once; ConfigError for none, or one that is not known."""
    known = compared_names()
    chosen = tuple(dict.fromkeys(name.strip() for name in methods if name.strip()))
    for name in chosen:
        if name not in known:
            raise ConfigError(
                f"There is no method '{readable(name)}'. Choose among {', '.join(known)}."
            )
    if not chosen:
        raise ConfigError(f"Name the methods to compare, among {', '.join(known)}.")
    return chosen


def check_comparison(config: RunConfig, methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods, each once; refuse what can be refused before anything is opened.

    Raises: ConfigError, BudgetError as check_search, for the search of any of them.
    """
    chosen = check_methods(methods)
    for name in chosen:
        check_search(with_method(config.search, name))
    return chosen


def plan_comparison(
    opened: Opened, config: RunConfig, methods: Sequence[str], seed_count: int, epochs: int
) -> ComparisonPlan:
    """Plan the runs: seeds count from that of `config`; epochs: of fine-tuning, 0 for none.

    Raises: ConfigError, BudgetError as check_comparison.
    """
    first = config.search.seed
    return ComparisonPlan(
        methods=check_comparison(config, methods),
        seeds=tuple(range(first, first + max(1, seed_count))),
        network=opened.network.name,
        dataset=opened.images.name,
        macs_budget=config.search.macs_budget,
        evaluations=config.search.evaluations,
        finetune_epochs=epochs,
        further_budgets=config.search.further_budgets,
        cutmix=config.finetune.cutmix if epochs else 0.0,
    )


def record_comparison(
    opened: Opened, config: RunConfig, plan: ComparisonPlan, folder: Path
) -> Events:
    """Make the runs of a plan that are not there yet, and write the table after each.

    Of the runs' own events stages, progress and notices pass through. A StopRequested breaks off
    the run that goes on, which the next call takes up again; the table then has what is finished.
    ComparisonReported is the last event.
    Raises: BudgetError, ConfigError before anything is written; RunError if the folder cannot be
        written, or holds runs with other settings.
    """
    check_budget(opened, config.search)  # of all runs, or the first would leave its folder
    prepare_folder(folder)
    with locked_folder(folder):
        configs = {pair: _config_of(config, plan, *pair) for pair in plan.runs}
        for (method, seed), own in configs.items():
            _check_settings(folder / run_folder(method, seed), own, plan)
        _write_tables(folder, plan)
        try:
            told: set[str] = set()
            for number, ((method, seed), own) in enumerate(configs.items(), start=1):
                label = f"{method}, seed {seed} ({number} of {len(configs)})"
                place = folder / run_folder(method, seed)
                yield from _shown(_make(opened, own, plan, place), label, told)
                _write_tables(folder, plan)
        except StopRequested:
            yield NoticeRaised(
                "Stopped: the comparison has what is finished. The same command goes on with it."
            )
        comparison = read_runs(folder, plan)
        yield ComparisonReported(str(folder), comparison_contents(comparison), comparison)


def _config_of(config: RunConfig, plan: ComparisonPlan, method: str, seed: int) -> RunConfig:
    """One run's settings: all the same but for the method and the seeds."""
    epochs = plan.finetune_epochs or config.finetune.epochs
    own = dataclasses.replace(
        config,
        latency=False,
        exports=False,
        test_criteria=False,
        search=dataclasses.replace(with_method(config.search, method), seed=seed),
        finetune=dataclasses.replace(config.finetune, epochs=epochs, seed=seed, compare="none"),
    )
    return with_absolute_paths(own)


def _check_settings(folder: Path, config: RunConfig, plan: ComparisonPlan) -> None:
    """Raise RunError if the folder holds a run, or a fine-tuning, with other settings."""
    if not (folder / CONFIG_FILE).is_file():
        return
    there = with_absolute_paths(load_begun_config(folder / CONFIG_FILE))
    tuned = read_finetune_file(folder) if plan.finetune_epochs else None
    differing = _differing(_searched(there), _searched(config))
    if tuned and tuned.settings:
        own = dataclasses.asdict(config.finetune)
        differing += _differing({**BEFORE_MIXING, **tuned.settings}, own, "finetune.")
    if differing:
        raise RunError(
            f"The run in {readable(folder)} has other settings than this comparison: "
            f"{readable(', '.join(differing))}. Choose another folder with --out, or what it was "
            "begun with, which --set NAME=VALUE gives too."
        )


def _searched(config: RunConfig) -> dict[str, Any]:
    """All settings of a search by their names, as they are compared."""
    names = [one.name for one in all_settings() if not one.name.startswith("finetune.")]
    return {name: value_of(config, name) for name in names}


def _differing(there: Mapping[str, Any], here: Mapping[str, Any], table: str = "") -> list[str]:
    """Which settings are others, as "search.macs_budget = 0.4 there, 0.3 here"."""
    return [
        f"{table}{name} = {_written(there.get(name))} there, {_written(here.get(name))} here"
        for name in dict.fromkeys((*there, *here))
        if there.get(name) != here.get(name)
    ]


def _written(value: Any) -> Any:
    """A value as --set takes it."""
    return str(value).lower() if isinstance(value, bool) else value


def _make(opened: Opened, config: RunConfig, plan: ComparisonPlan, folder: Path) -> Events:
    """Do what is missing of one run: its search, its test reading, its fine-tuning."""
    with contextlib.suppress(ExportError):  # the report names it, and nothing else needs the files
        if not (folder / REPORT_FILE).is_file():
            is_begun = (folder / CONFIG_FILE).is_file()
            yield from (
                resume_run(opened, folder) if is_begun else record_run(opened, config, folder)
            )
    if plan.finetune_epochs and not (folder / FINETUNE_FILE).is_file():
        masks = read_masks(folder, opened.analysis.groups.channel_count)
        resume = (folder / FINETUNING_FOLDER / LEARNED_CHECKPOINT).is_file()
        with contextlib.suppress(ExportError):
            yield from record_finetuning(opened, masks, config, folder, resume=resume)


def _shown(events: Events, label: str, told: set[str]) -> Events:
    """Pass on progress and what a person must know, the latter once.

    A StopRequested closes the run as it is, unlike one that is thrown into it, which would end
    it early and make it count.
    """
    with contextlib.closing(events):
        for event in events:
            shown = _translated(event, label)
            if isinstance(shown, NoticeRaised | RecordingFailed):
                if shown.message in told:
                    continue
                told.add(shown.message)
            if shown is not None:
                yield shown


def _translated(event: Event, label: str) -> Event | None:
    match event:
        case StageStarted():
            return StageStarted(f"{label}: {event.stage}", event.total)
        case CandidateEvaluated():
            return StageAdvanced(event.evaluation)
        case StageAdvanced() | NoticeRaised() | RecordingFailed():
            return event
    return None


def _write_tables(folder: Path, plan: ComparisonPlan) -> None:
    comparison = read_runs(folder, plan)
    texts = {
        COMPARISON_FILE: contents_text(comparison),
        TABLE_FILE: markdown_text(comparison),
        CSV_FILE: csv_text(comparison),
    }
    try:
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise RunError(
            f"Cannot write into {readable(folder)}: {error.strerror or error}. Make room there "
            "and compare again with the same words: what is finished is not done again."
        ) from error
