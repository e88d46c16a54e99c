"""What report.html says of how a run found its mask. Needs no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.events import CandidateEvaluated, SearchStarted
from core.runs.history import RunSummary
from core.runs.html_budgets import budgets_words
from core.runs.html_words import count_of, mapping_of, number_of, text_of
from core.runs.stored_masks import StoredMasks

AGENT, PROPOSAL = "agent", "proposal"
PROPOSERS = {
    AGENT: "An agent (a policy trained by PPO)",
    "random": "A random search",
    "evolution": "An evolutionary search",
    "layer_ratios": "The cross-entropy method, over the layers' keep ratios,",
    "gates": "Gates trained by gradients (hard concrete)",
}
UNLABELLED = (
    " The images have no labels: what is right is what the unpruned network answers, and accuracy "
    "is how often a network agrees with it."
)
LEGEND = "(MACs: multiply-accumulates)"
FALLS = (
    "The budget fell from the whole network to the final one over the first {:,.0f} evaluations, "
    "while the network adapted; so masks of that time keep more, and accuracies fall along."
)
FALLS_NO_FURTHER = (
    "The budget was to fall from the whole network to the final one over the first {:,.0f} "
    "evaluations, while the network adapted; the search ended after {:,}, so that its masks keep "
    "more than the final budget, to which the winner was held."
)
PRICED = (
    "The budget, above which masks cost reward, was to fall from the whole network to the final "
    "one over the first {:,.0f} evaluations, while the network adapted."
)


def searched_words(report: Mapping[str, Any], summary: RunSummary) -> str:
    """Say what was searched by whom, and when the test images were read."""
    stopped = ", stopped" if report.get("stopped") is True else ""
    is_tested = number_of(mapping_of(report, "pruned"), "accuracy") is not None
    test = "were read once, at the end" if is_tested else "were not read"
    unlabelled = UNLABELLED if report.get("is_labelled") is False else ""
    return (
        f"{text_of(report, 'dataset')}, {count_of(report, 'evaluations')} evaluated masks"
        f"{stopped}, seed {count_of(report, 'seed')}. {_search_words(report, summary)} "
        f"The test images {test}.{unlabelled}"
    )


def _search_words(report: Mapping[str, Any], summary: RunSummary) -> str:
    budgets, method = f"{budgets_words(report)} {LEGEND}", summary.method
    if method and method not in PROPOSERS:
        who = "an agent that was trained before" if method == PROPOSAL else f"criterion {method}"
        return f"Nothing was searched: the mask, of at most {budgets}, is that of {who}."
    if number_of(report, "evaluations") == 0:
        return (
            "It ended before any mask was proposed: the mask, of at most "
            f"{budgets}, is that of the best criterion so far."
        )
    held = "and paid for those that keep more than" if _is_priced(summary) else "that keep at most"
    return (
        f"{PROPOSERS.get(method, 'A search')} proposed masks {held} {budgets}; each was cut for "
        "real and scored on images set aside for that, and the winner was chosen on others."
    )


def _is_priced(summary: RunSummary) -> bool:
    """Whether masks may exceed the budget, at a price; none but the agent's may."""
    return summary.method == AGENT and summary.constraint in ("penalty", "lagrange")


def budget_words(
    started: SearchStarted, tried: Sequence[CandidateEvaluated], summary: RunSummary
) -> str:
    """How the budget fell over the evaluations; "" where it was the final one from the start."""
    annealed = started.annealed_evaluations
    if not tried or sum(event.update == tried[0].update for event in tried) >= annealed:
        return ""
    if _is_priced(summary):
        return PRICED.format(annealed)
    if len(tried) < annealed:
        return FALLS_NO_FURTHER.format(annealed, len(tried))
    return FALLS.format(annealed)


def sameness_words(masks: StoredMasks) -> str:
    """Name the criteria whose mask the learned one is; "" where it is of its own."""
    same = [name for name, keep in masks.criteria.items() if np.array_equal(keep, masks.best)]
    return f"The learned mask is that of {' and of '.join(same)}." if same else ""
