"""What a search may remove, and whether that is enough for its budget."""

import math
from typing import TYPE_CHECKING

from core.config import SearchConfig
from core.errors import BudgetError, ConfigError
from core.events import BoolArray
from core.pruning.budget import KeptShareModel, PinnedMacs, least_kept_share
from core.pruning.macs import MacsModel
from core.pruning.pins import NO_PIN, PIN_REMOVE, Pins, parse_pins

if TYPE_CHECKING:
    from core.opening import Opened


def check_budget(opened: "Opened", config: SearchConfig) -> float:
    """Return the least reachable share of MACs, 0-1.

    Raises: BudgetError if the budget is below it; ConfigError for a pin that does not fit.
    """
    macs = pinned_macs(opened, config, MacsModel(opened.analysis, opened.network.module))
    removable = removable_channels(opened, config, macs)
    pins = read_pins(opened, config)
    name, budget = opened.network.name, config.macs_budget
    if not removable.any():
        raise BudgetError(_nothing_to_decide(opened, config, pins))
    least = least_kept_share(macs, removable)
    if least > budget:
        share = math.ceil(1000 * least) / 10
        count = int((pins != NO_PIN).sum())
        pinned = f" with {count} channels pinned" if count else ""
        raise BudgetError(
            f"A budget of {100 * budget:g} % of the MACs cannot be reached with '{name}'{pinned}: "
            f"at least {share:.1f} % remain. {'Unpin some, or choose' if count else 'Choose'} a "
            f"budget of {share:.1f} % or more."
        )
    return least


def read_pins(opened: "Opened", config: SearchConfig) -> Pins:
    """Return what the settings pin, (C,).

    Raises: ConfigError if a pin names what is not there or removes what cannot be removed.
    """
    analysis = opened.analysis
    pins = parse_pins(config.pinned_keep, config.pinned_removed, analysis.graph, analysis.groups)
    for group in analysis.groups.groups:
        is_exact_only = config.groups == "exact" and group.approximate is not None
        if is_exact_only and (pins[group.start : group.stop] == PIN_REMOVE).any():
            raise ConfigError(
                f"Setting 'pinned_removed': the channels of layer '{group.name}' cannot be removed "
                f"exactly ({group.approximate}). Remove this pin, or choose groups = approximate."
            )
    return pins


def pinned_macs(opened: "Opened", config: SearchConfig, macs: MacsModel) -> KeptShareModel:
    """Count the MACs without the channels that the settings remove."""
    removed: BoolArray = read_pins(opened, config) == PIN_REMOVE
    return PinnedMacs(macs, removed) if removed.any() else macs


def removable_channels(opened: "Opened", config: SearchConfig, macs: KeptShareModel) -> BoolArray:
    """Which channels the search decides over, (C,); the others stay, or the pins remove them.

    Residual streams are kept whole under "auto" unless the budget is out of reach with them:
    their channels carry every layer before, and inner channels cost less accuracy per MAC.
    Approximate groups are kept if only exact ones are wanted; masks are scored on the cut
    network, so what a score says is true of both.
    macs: of `pinned_macs`.
    """
    groups = opened.analysis.groups
    everything: BoolArray = read_pins(opened, config) == NO_PIN
    inner = everything.copy()
    for group in groups.groups:
        may_go = group.approximate is None or config.groups == "approximate"
        everything[group.start : group.stop] &= may_go
        inner[group.start : group.stop] &= may_go and not group.is_stream
    if config.streams == "keep":
        return inner
    if config.streams == "auto" and inner.any():
        return inner if least_kept_share(macs, inner) <= config.macs_budget else everything
    return everything


def _nothing_to_decide(opened: "Opened", config: SearchConfig, pins: Pins) -> str:
    reasons = {g.approximate for g in opened.analysis.groups.groups if g.approximate}
    if (pins != NO_PIN).any():
        return (
            f"The pins leave nothing to decide in network '{opened.network.name}'. "
            "Remove some of them."
        )
    if reasons and config.groups == "exact":
        return (
            f"Network '{opened.network.name}' has no channels that can be removed exactly: "
            f"{'; '.join(sorted(reasons))}. Choose groups = approximate, or another network."
        )
    return (
        f"Network '{opened.network.name}' has only channels of residual streams. Choose "
        "streams = auto."
    )
