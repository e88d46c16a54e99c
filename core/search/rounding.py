"""The winner with rounded widths, and what is said of it."""

import numpy as np

from core.events import BoolArray, FloatArray
from core.pruning.limits import BUDGETED
from core.pruning.rounding import Rounded, round_widths
from core.search.bench import Bench

NAMED_WIDTHS = 5


def round_winner(bench: Bench, keep: BoolArray, priority: FloatArray) -> tuple[BoolArray, str]:
    """Round the widths of a mask (C,) as the settings want it; returns it and what to tell.

    Where no mask of such widths meets the budget, the mask stays as it is.
    """
    multiple, budget = bench.config.round_to, bench.config.macs_budget
    analysis = bench.opened.analysis
    rounded = round_widths(
        keep,
        np.asarray(priority, dtype=np.float64),
        analysis.graph,
        analysis.groups,
        bench.macs,
        budget,
        bench.removable,
        multiple,
    )
    if not rounded.meets_budget:
        return keep, (
            f"No widths that are multiples of {multiple} meet the budget of {100 * budget:.1f} % "
            f"of the MACs{_further(bench)}; the least has {100 * rounded.macs_kept:.1f} %"
            f"{_further(bench, rounded.keep)}. The mask stays as it is. Choose a smaller multiple "
            "or a larger budget."
        )
    return rounded.keep, _say(rounded, multiple)


def _further(bench: Bench, keep: BoolArray | None = None) -> str:
    """The further budgets, or what a mask keeps of them: " and 40.0 % of the parameters"."""
    shares = bench.config.further_budgets if keep is None else bench.further_kept(keep)
    return "".join(f" and {100 * share:.1f} % of the {BUDGETED[n]}" for n, share in shares.items())


def _say(rounded: Rounded, multiple: int) -> str:
    if not rounded.widths:
        return f"All widths are multiples of {multiple} already."
    widths = [f"{name} {a} to {b}" for name, (a, b) in rounded.widths.items()]
    rest = len(widths) - NAMED_WIDTHS
    named = ", ".join(widths[:NAMED_WIDTHS]) + (f" and {rest} more" if rest > 0 else "")
    return (
        f"Widths are rounded to multiples of {multiple}: MACs kept "
        f"{100 * rounded.macs_kept_before:.1f} % before, {100 * rounded.macs_kept:.1f} % now; "
        f"{named}."
    )
