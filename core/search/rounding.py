"""The winner with rounded widths, and what is said of it."""

import numpy as np

from core.events import BoolArray, FloatArray
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
            f"of the MACs; the least has {100 * rounded.macs_kept:.1f} %. The mask stays as it "
            "is. Choose a smaller multiple or a larger budget."
        )
    return rounded.keep, _say(rounded, multiple)


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
