"""What report.html tells of the budgets that a run had to hold. Needs no torch."""

from collections.abc import Mapping
from typing import Any

from core.pruning.limits import BUDGETED
from core.runs.html_page import paragraph, section, table
from core.runs.html_words import mapping_of, number_of, percent

HEADER = ("share of the unpruned network's", "at most", "kept")


def budgets_words(report: Mapping[str, Any]) -> str:
    """Say all budgets for a title: "50.0 % of its MACs and 40.0 % of its parameters"."""
    shares = {"macs": number_of(report, "macs_budget")} | {
        name: number_of(entry, "budget") for name, entry in _further(report).items()
    }
    if len(shares) > 1 and shares["macs"] == 1.0:
        del shares["macs"]  # which was no limit
    *first, last = (f"{percent(share)} of its {BUDGETED[name]}" for name, share in shares.items())
    return f"{', '.join(first)} and {last}" if first else last


def budgets_section(report: Mapping[str, Any]) -> str:
    """Tell what is kept of everything that was budgeted; empty if that were the MACs alone."""
    further = _further(report)
    if not further:
        return ""
    macs = number_of(report, "macs_budget"), number_of(mapping_of(report, "pruned"), "macs_kept")
    rows = [(BUDGETED["macs"], *map(percent, macs))]
    rows += [
        (BUDGETED[name], percent(number_of(entry, "budget")), percent(number_of(entry, "kept")))
        for name, entry in further.items()
    ]
    note = mapping_of(report, "latency_prediction").get("note")
    return section(
        "Budgets",
        table(HEADER, rows),
        paragraph(note) if isinstance(note, str) else "",
    )


def _further(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    budgets = mapping_of(report, "further_budgets")
    return {name: mapping_of(budgets, name) for name in BUDGETED if name in budgets}
