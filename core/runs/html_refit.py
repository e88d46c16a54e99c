"""What report.html tells of weights that were refitted, or that adapted during the search."""

from collections.abc import Mapping
from typing import Any

from core.runs.html_page import paragraph, section, table
from core.runs.html_words import decimal, mapping_of, number_of, percent

ADAPTED = (
    "The network adapted while it was pruned: the pruned network has the weights of the search's "
    "end (adapted.npz), without a refit; the criteria's networks have {}."
)
REFITTED = (
    "The layers of these networks made up, by least squares, for the inputs that they lost. "
    "Accuracy and cross-entropy on the test images before and after:"
)


def refit_section(report: Mapping[str, Any]) -> str:
    """Tell of each network before and after its refit; empty if there was none."""
    before = mapping_of(report, "before_refit")
    others = "the original ones, refitted" if before else "the original ones"
    parts = [paragraph(ADAPTED.format(others))] if report.get("adapted") is True else []
    if before:
        rows = [_row(name, mapping_of(before, name), _after(report, name)) for name in before]
        head = ("network", "accuracy before", "after", "cross-entropy before", "after")
        parts += [paragraph(REFITTED), table(head, rows)]
    return section("Weights", *parts) if parts else ""


def _after(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return mapping_of(report if name == "pruned" else mapping_of(report, "criteria"), name)


def _row(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    accuracies = (percent(number_of(one, "accuracy")) for one in (before, after))
    nats = (decimal(number_of(one, "cross_entropy")) for one in (before, after))
    return (name, *accuracies, *nats)
