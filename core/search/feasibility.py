"""What a search may remove, and whether that is enough for its budgets."""

import math
from typing import TYPE_CHECKING

from core.config import SearchConfig
from core.errors import BudgetError, ConfigError
from core.events import BoolArray
from core.pruning.budget import KeptShareModel, PinnedMacs, least_kept_share, least_mask
from core.pruning.costs import Cost, SizeCost, params_cost
from core.pruning.latency_table import LatencyCost, LatencyTable
from core.pruning.limits import BUDGETED, Limit, LimitedMacs, exceeds, limits_kept
from core.pruning.macs import MacsModel
from core.pruning.pins import NO_PIN, PIN_REMOVE, Pins, parse_pins

if TYPE_CHECKING:
    from core.opening import Opened


def check_budget(
    opened: "Opened", config: SearchConfig, table: LatencyTable | None = None
) -> float:
    """Return the least reachable share of MACs, 0-1.

    table: without it the latency budget is not checked.
    Raises: BudgetError if a budget is below what is reachable; ConfigError for a pin that does
        not fit.
    """
    macs = budgeted_macs(opened, config, MacsModel(opened.analysis, opened.network.module), table)
    removable = removable_channels(opened, config, macs)
    pins = read_pins(opened, config)
    if not removable.any():
        raise BudgetError(_nothing_to_decide(opened, config, pins))
    least = least_kept_share(macs, removable)
    kept = limits_kept(macs, least_mask(macs, removable))
    shares = {"macs": (config.macs_budget, least)} | {
        limit.name: (limit.budget, float(kept[limit.name])) for limit in macs.limits
    }
    if exceeds(macs, least_mask(macs, removable), config.macs_budget):
        count = int((pins != NO_PIN).sum())
        raise BudgetError(
            " ".join(
                _out_of_reach(name, budget, share, opened.network.name, count)
                for name, (budget, share) in shares.items()
                if share > budget
            )
        )
    return least


def _out_of_reach(name: str, budget: float, least: float, network: str, pinned: int) -> str:
    share = math.ceil(1000 * least) / 10
    pins = f" with {pinned} channels pinned" if pinned else ""
    return (
        f"A budget of {100 * budget:g} % of the {BUDGETED[name]} cannot be reached with "
        f"'{network}'{pins}: at least {share:.1f} % remain. {_remedy(name, share, pinned)}"
    )


def _remedy(name: str, share: float, pinned: int) -> str:
    if share >= 100:  # what a prediction says of a network that pruning does not make faster
        return f"Set {name}_budget to 1, which is no limit."
    return f"{'Unpin some, or choose' if pinned else 'Choose'} a budget of {share:.1f} % or more."


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


def budgeted_macs(
    opened: "Opened", config: SearchConfig, macs: MacsModel, table: LatencyTable | None = None
) -> KeptShareModel:
    """Count the MACs without the channels that the settings remove, and hold all their budgets.

    table: without it the latency budget is not held.
    """
    removed: BoolArray = read_pins(opened, config) == PIN_REMOVE
    model: KeptShareModel = PinnedMacs(macs, removed) if removed.any() else macs
    limits = _limits(opened, config, table)
    return LimitedMacs(model, limits) if limits else model


def _limits(
    opened: "Opened", config: SearchConfig, table: LatencyTable | None
) -> tuple[Limit, ...]:
    analysis, module = opened.analysis, opened.network.module
    budgets = config.further_budgets
    costs: dict[str, Cost] = {}
    if "params" in budgets:
        costs["params"] = params_cost(analysis, module)
    if "size" in budgets:
        costs["size"] = SizeCost(analysis, module)
    if "latency" in budgets and table is not None:
        costs["latency"] = LatencyCost(analysis, table)
    return tuple(Limit(name, cost, budgets[name]) for name, cost in costs.items())


def removable_channels(opened: "Opened", config: SearchConfig, macs: KeptShareModel) -> BoolArray:
    """Which channels the search decides over, (C,); the others stay, or the pins remove them.

    Residual streams are kept whole under "auto" unless the budget is out of reach with them:
    their channels carry every layer before, and inner channels cost less accuracy per MAC.
    Approximate groups are kept if only exact ones are wanted; masks are scored on the cut
    network, so what a score says is true of both.
    macs: of `budgeted_macs`.
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
        is_out_of_reach = exceeds(macs, least_mask(macs, inner), config.macs_budget)
        return everything if is_out_of_reach else inner
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
