"""The table of a comparison: for a terminal, as Markdown, and as CSV. Needs no torch."""

import csv
import io
from collections.abc import Sequence

from core.config.searching import GATES
from core.pruning.limits import BUDGETED
from core.runs.comparing import MEASURES, ComparedMethod, Comparison, ComparisonPlan
from core.runs.paired import Mean, PairedTest
from core.runs.variants import ADAPTING, FROZEN, VARIANTS

TITLES = {
    "accuracy": "accuracy, %",
    "cross_entropy": "cross-entropy",
    "accuracy_after": "accuracy after, %",
    "cross_entropy_after": "cross-entropy after",
    "kl_after": "KL after",
}
PERCENT = ("accuracy", "accuracy_after")


def shown_measures(comparison: Comparison) -> tuple[str, ...]:
    """Which numbers the table has: those after fine-tuning only if there was any."""
    return tuple(
        name for name in MEASURES if comparison.is_finetuned or not name.endswith("_after")
    )


def table_header(comparison: Comparison) -> list[str]:
    """The titles of the columns."""
    titles = ["method", "seeds"]
    for name in shown_measures(comparison):
        titles.append(TITLES[name])
        if _is_tested(comparison):
            titles.append(f"vs {comparison.plan.reference}")
    kept = [f"{BUDGETED[name]} kept, %" for name in ("macs", *comparison.plan.further_budgets)]
    return [*titles, *kept, "evaluations", "CPU-seconds"]


def table_rows(comparison: Comparison) -> list[list[str]]:
    """A line for each method: means ± standard errors, and what the paired tests say."""
    return [_row(comparison, method) for method in comparison.methods]


def _row(comparison: Comparison, method: ComparedMethod) -> list[str]:
    cells = [method.method, str(len(method.seeds))]
    for name in shown_measures(comparison):
        scale, digits = (100.0, 2) if name in PERCENT else (1.0, 3)
        cells.append(mean_text(method.means[name], scale, digits))
        if _is_tested(comparison):
            cells.append(verdict_text(method.tests.get(name)))
    return [
        *cells,
        *kept_texts(method),
        mean_text(method.evaluations, 1.0, 0, with_error=False),
        mean_text(method.cpu_seconds, 1.0, 1),
    ]


def kept_texts(method: ComparedMethod) -> list[str]:
    """What its masks keep of all that is budgeted, in per cent, the MACs first."""
    kept = (method.macs_kept, *method.further_kept.values())
    return [mean_text(share, 100.0, 1, with_error=False) for share in kept]


def _is_tested(comparison: Comparison) -> bool:
    """Whether there are seeds enough for any test."""
    return any(
        test is not None and test.outcome != "untested"
        for method in comparison.methods
        for test in method.tests.values()
    )


def mean_text(mean: Mean | None, scale: float, digits: int, *, with_error: bool = True) -> str:
    """Write "72.10 ± 0.42"; a dash for what is not known."""
    if mean is None:
        return "–"
    text = f"{scale * mean.value:.{digits}f}"
    if mean.standard_error is None or not with_error:
        return text
    return f"{text} ± {scale * mean.standard_error:.{digits}f}"


def verdict_text(test: PairedTest | None) -> str:
    """Write "worse, p .012" or "tie, p .41"; a dash where nothing is tested."""
    if test is None or test.outcome == "untested":
        return "–"
    if test.p is None:
        return test.outcome
    return f"{test.outcome}, p {p_text(test.p)}"


def p_text(p: float) -> str:
    """Write "< .001", ".012" or ".41"; 1 is "1.00"."""
    if p < 0.001:
        return "< .001"
    return (f"{p:.2f}" if p >= 0.1 else f"{p:.2g}").removeprefix("0")


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know of the numbers, one sentence or two each."""
    plan = comparison.plan
    # also where fine-tunings of an earlier plan are not shown
    is_tuned = comparison.test_readings > sum(bool(run.values) for run in comparison.runs)
    said = [
        f"{plan.network} on {plan.dataset}, at most {_budgets(plan)}, "
        f"{plan.evaluations or 0:,} evaluations for each search, seeds "
        f"{', '.join(map(str, plan.seeds))}; accuracy, cross-entropy and KL (from the unpruned "
        "network's answers) are of the test images, means ± standard errors over the seeds.",
        f"vs {plan.reference}: two-sided paired t-test by seed against {plan.reference}; a "
        "difference with p of .05 or more is called a tie. The p are not corrected for the number "
        "of methods. Nothing is tested by fewer than three seeds.",
        "CPU-seconds are the process's own, on all threads, from the unpruned network's scoring "
        "to the choice of the winner, with the one-shot criteria that every search begins with. "
        "A criterion is in the allocation that won on the reward images, or in that of its name.",
        f"The test images were read {_times(comparison.test_readings)}: once for the report of "
        "each run" + (", once after each fine-tuning." if is_tuned else "."),
    ]
    if any(name in VARIANTS for name in plan.methods):
        said.append(
            f"NAME{ADAPTING}: its masks train the network as the agent's do; the other searches "
            f"leave the weights alone, and so does the agent as NAME{FROZEN}."
        )
    if any(name.startswith(GATES) for name in plan.methods):
        said.append(
            f"Evaluations are masks that were scored; {GATES} take gradient steps besides, on the "
            "same reward images, which the CPU-seconds count."
        )
    if plan.finetune_epochs:
        epochs = f"{plan.finetune_epochs} epoch{'s' if plan.finetune_epochs > 1 else ''}"
        mixed = (
            f", which mixes {100 * plan.cutmix:.0f} % of the images: networks that have adapted "
            "gain by it, those whose weights were left alone do not"
            if plan.cutmix
            else ""
        )
        said.append(f"After: the same {epochs} of fine-tuning for each mask{mixed}.")
    missing = [f"{run.folder} ({run.problem})" for run in comparison.runs if not run.counts]
    if missing:
        said.append(f"Not counted: {', '.join(missing)}.")
    return said


def _times(count: int) -> str:
    return f"{count} time{'s' * (count != 1)}"


def _budgets(plan: ComparisonPlan) -> str:
    """All budgets: "50 % of the MACs and 40 % of the parameters"."""
    shares = {"macs": plan.macs_budget or 0, **plan.further_budgets}
    *first, last = (f"{100 * share:g} % of the {BUDGETED[name]}" for name, share in shares.items())
    return f"{', '.join(first)} and {last}" if first else last


def table_text(comparison: Comparison) -> str:
    """The table for a terminal, with the notes below."""
    rows = [table_header(comparison), *table_rows(comparison)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *notes(comparison)]) + "\n"


def markdown_text(comparison: Comparison) -> str:
    """comparison.md."""
    header = table_header(comparison)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *table_rows(comparison)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    said = "\n".join(f"- {note}" for note in notes(comparison))
    return f"# Methods compared\n\n{table}\n\n{said}\n"


def csv_text(comparison: Comparison) -> str:
    """comparison.csv: every mean, standard error and test as plain numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns = ("mean", "standard_error", "difference", "p", "outcome")
    writer.writerow(
        [
            *("method", "seeds", "macs_kept", "evaluations", "cpu_seconds", "cpu_standard_error"),
            *(f"{name}_kept" for name in comparison.plan.further_budgets),
            *(f"{name}_{column}" for name in MEASURES for column in columns),
        ]
    )
    writer.writerows(_csv_row(method) for method in comparison.methods)
    return file.getvalue()


def _csv_row(method: ComparedMethod) -> Sequence[object]:
    cpu = method.cpu_seconds
    cells: list[object] = [
        method.method,
        len(method.seeds),
        _value(method.macs_kept),
        _value(method.evaluations),
        _value(cpu),
        None if cpu is None else cpu.standard_error,
        *map(_value, method.further_kept.values()),
    ]
    for name in MEASURES:
        mean, test = method.means[name], method.tests.get(name)
        cells += [_value(mean), None if mean is None else mean.standard_error]
        cells += [None] * 3 if test is None else [test.difference, test.p, test.outcome]
    return cells


def _value(mean: Mean | None) -> float | None:
    return None if mean is None else mean.value
