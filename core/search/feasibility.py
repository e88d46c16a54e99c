"""What a search may remove, and whether that is enough for its budget."""

import math
from typing import TYPE_CHECKING

import numpy as np

from core.config import SearchConfig
from core.errors import BudgetError
from core.events import BoolArray
from core.pruning.budget import least_kept_share
from core.pruning.macs import MacsModel

if TYPE_CHECKING:
    from core.opening import Opened


def check_budget(opened: "Opened", config: SearchConfig) -> float:
    """Return the least reachable share of MACs, 0-1; BudgetError if the budget is below it."""
    macs = MacsModel(opened.analysis, opened.network.module)
    removable = removable_channels(opened, config, macs)
    name, budget = opened.network.name, config.macs_budget
    if not removable.any():
        reasons = {g.approximate for g in opened.analysis.groups.groups if g.approximate}
        raise BudgetError(
            f"Network '{name}' has no channels that can be removed exactly"
            f"{': ' if reasons else ''}{'; '.join(sorted(reasons))}. Choose another network."
        )
    least = least_kept_share(macs, removable)
    if least > budget:
        share = math.ceil(1000 * least) / 10
        raise BudgetError(
            f"A budget of {100 * budget:g} % of the MACs cannot be reached with '{name}': at least "
            f"{share:.1f} % remain. Choose a budget of {share:.1f} % or more."
        )
    return least


def removable_channels(opened: "Opened", config: SearchConfig, macs: MacsModel) -> BoolArray:
    """Which channels the search may remove, (C,).

    Residual streams are kept whole under "auto" unless the budget is out of reach with them:
    their channels carry every layer before, and inner channels cost less accuracy per MAC.
    Approximate groups are kept: their cut network is not the masked one that was scored.
    """
    groups = opened.analysis.groups
    everything = np.ones(groups.channel_count, dtype=np.bool_)
    inner = everything.copy()
    for group in groups.groups:
        everything[group.start : group.stop] = group.approximate is None
        inner[group.start : group.stop] = group.approximate is None and not group.is_stream
    if config.streams == "keep":
        return inner
    if config.streams == "auto" and inner.any():
        return inner if least_kept_share(macs, inner) <= config.macs_budget else everything
    return everything
