"""A comparison's folder: every run in a folder of its own, and comparison.json. Needs no torch.

comparison.json says which runs there are to be; the numbers are read from the runs themselves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.config.finetuning import BEFORE_MIXING
from core.errors import RunError, readable
from core.pruning.limits import BUDGETED
from core.runs.comparing import (
    AFTER,
    BEFORE,
    MEASURES,
    Comparison,
    ComparisonPlan,
    MethodRun,
    compare_runs,
)
from core.runs.files import CONFIG_FILE, FINETUNE_FILE, REPORT_FILE
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, read_finetune_file
from core.runs.history import read_json

COMPARISON_FILE = "comparison.json"
TABLE_FILE = "comparison.md"
FORMAT = "espalier.comparison"
FORMAT_VERSION = 1


def run_folder(method: str, seed: int) -> str:
    """Name the folder of one run in the comparison's."""
    return f"{method}-seed{seed}"


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison."""
    return (folder / COMPARISON_FILE).is_file()


def read_comparison(folder: Path) -> Comparison:
    """Read the comparison in a folder as far as it has come; RunError if there is none."""
    values = read_json(folder / COMPARISON_FILE)
    if values.get("format") != FORMAT or values.get("version") != FORMAT_VERSION:
        raise RunError(
            f"There is no comparison in {readable(folder)} that this Espalier can read: its "
            f"{COMPARISON_FILE} is missing, damaged or of another version. Choose the folder "
            "that 'espalier compare --out' named."
        )
    return read_runs(folder, _plan(values.get("plan"), folder))


def read_runs(folder: Path, plan: ComparisonPlan) -> Comparison:
    """Compare the runs that a plan names, as far as they are there."""
    tuned = _read_finetuned(folder, plan) if plan.finetune_epochs else None
    runs = [_read_run(folder, method, seed, tuned) for method, seed in plan.runs]
    files = [folder / run.folder / name for run in runs for name in (REPORT_FILE, FINETUNE_FILE)]
    return compare_runs(folder, plan, runs, sum(path.is_file() for path in files))


def comparison_contents(comparison: Comparison) -> dict[str, Any]:
    """Turn it into what comparison.json holds: the plan, every run, and the table."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "plan": asdict(comparison.plan),
        "reference": comparison.plan.reference,
        "is_complete": comparison.is_complete,
        "test_readings": comparison.test_readings,
        "methods": [asdict(method) for method in comparison.methods],
        "runs": [asdict(run) for run in comparison.runs],
    }


def contents_text(comparison: Comparison) -> str:
    """Write comparison.json."""
    return json.dumps(comparison_contents(comparison), indent=2, allow_nan=False) + "\n"


@dataclass(frozen=True)
class _Finetuned:
    """Learned networks by their run's folder, and why the others are not to be averaged."""

    learned: dict[str, FinetunedNetwork] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def _read_finetuned(folder: Path, plan: ComparisonPlan) -> _Finetuned:
    found, usual = _Finetuned(), ""
    for name in (run_folder(method, seed) for method, seed in plan.runs):
        file = read_finetune_file(folder / name)
        learned = None if file is None else file.find("learned")
        if file is None or learned is None:
            found.problems[name] = "not fine-tuned"
        elif learned.is_stopped:
            found.problems[name] = "its fine-tuning was stopped early"
        elif not _is_planned(file, plan, usual):
            found.problems[name] = "fine-tuned with other settings"
        else:
            found.learned[name], usual = learned, usual or file.kinship
    return found


def _is_planned(file: FinetuneFile, plan: ComparisonPlan, usual: str) -> bool:
    """Whether a fine-tuning has the settings that the plan names; those not known may have.

    usual: kinship of those before it, which it must be like; "" if there is none.
    """
    if file.settings is None:
        return True
    known = {**BEFORE_MIXING, **file.settings}
    planned = (plan.finetune_epochs, plan.cutmix)
    return (known.get("epochs"), known["cutmix"]) == planned and usual in ("", file.kinship)


def _read_run(folder: Path, method: str, seed: int, tuned: _Finetuned | None) -> MethodRun:
    """tuned: None where nothing is to be fine-tuned."""
    name = run_folder(method, seed)
    place = folder / name
    report = read_json(place / REPORT_FILE)
    pruned, seconds = _mapping(report.get("pruned")), _mapping(report.get("seconds"))
    values = {
        key: number
        for key, measure in MEASURES.items()
        if measure.when == BEFORE and (number := _number(pruned.get(measure.name))) is not None
    }
    if tuned and name in tuned.learned:
        after = asdict(tuned.learned[name].after)
        values |= {
            key: after[measure.name]
            for key, measure in MEASURES.items()
            if measure.when == AFTER and after[measure.name] is not None
        }
    evaluations = report.get("evaluations")
    return MethodRun(
        method,
        seed,
        name,
        values,
        _number(pruned.get("macs_kept")),
        evaluations if isinstance(evaluations, int) else None,
        _number(seconds.get("cpu")),
        _problem(place, report, values) or _tuning_problem(name, values, tuned),
        {
            name: kept
            for name, entry in _mapping(report.get("further_budgets")).items()
            if (kept := _number(_mapping(entry).get("kept"))) is not None
        },
    )


def _problem(place: Path, report: Mapping[str, Any], values: Mapping[str, float]) -> str:
    """Why a run does not count yet, in a few words; empty if it does."""
    if not (place / CONFIG_FILE).is_file():
        return "not begun"
    if not report:
        return "not finished"
    if report.get("stopped") is True:
        return "stopped early"
    return "" if "accuracy" in values else "the test images were not read"


def _tuning_problem(name: str, values: Mapping[str, float], tuned: _Finetuned | None) -> str:
    if tuned is None or "accuracy_after" in values:
        return ""
    return tuned.problems.get(name, "not fine-tuned")


def _plan(values: object, folder: Path) -> ComparisonPlan:
    known = _mapping(values)
    methods = [one for one in _list(known.get("methods")) if isinstance(one, str) and one]
    seeds = [one for one in _list(known.get("seeds")) if isinstance(one, int)]
    if not methods or not seeds or any("/" in one or "\\" in one for one in methods):
        raise RunError(
            f"Cannot read the comparison in {readable(folder)}: its {COMPARISON_FILE} names no "
            "methods or no seeds. Run 'espalier compare' with the same --out again."
        )
    evaluations, epochs = known.get("evaluations"), known.get("finetune_epochs")
    return ComparisonPlan(
        tuple(dict.fromkeys(methods)),
        tuple(dict.fromkeys(seeds)),
        str(known.get("network", "")),
        str(known.get("dataset", "")),
        _number(known.get("macs_budget")),
        evaluations if isinstance(evaluations, int) else None,
        epochs if isinstance(epochs, int) and epochs > 0 else 0,
        {
            name: share
            for name in BUDGETED
            if name != "macs"
            and (share := _number(_mapping(known.get("further_budgets")).get(name))) is not None
        },
        _number(known.get("cutmix")) or 0.0,
    )


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 else None  # type: ignore[arg-type]
