"""What can be said of a search's settings before anything is opened."""

from core.config import SearchConfig
from core.errors import BudgetError, ConfigError
from core.evaluation import resolve_device
from core.rl.rewards import REWARDS
from core.rl.transfer import load_agent
from core.search.methods import method_names
from core.search.proposing import generalist_of
from core.search.tournament import PROPOSAL, check_prior, feature_count


def check_search(config: SearchConfig, *, is_fresh: bool = True) -> None:
    """Refuse what no network and no images can mend, so that nobody waits for them.

    is_fresh: False for a search that goes on, which needs no other agent to start from.
    Raises: ConfigError for a name that is not known, a device or an agent that is not there;
        BudgetError if there is nothing to prune.
    """
    check_prior(config.prior)
    if config.reward not in REWARDS:
        raise ConfigError(
            f"Setting 'reward' must be one of {', '.join(REWARDS)}, not '{config.reward}'."
        )
    if config.method not in method_names():
        raise ConfigError(
            f"Setting 'method' must be one of {', '.join(method_names())}, not '{config.method}'."
        )
    resolve_device(config.device)
    if config.method == PROPOSAL:
        generalist_of(config)
    if is_fresh:
        _check_anything_to_prune(config)
        _check_start(config)


def _check_anything_to_prune(config: SearchConfig) -> None:
    if config.macs_budget == 1 and not config.further_budgets and not config.pinned_removed:
        raise BudgetError(
            "There is nothing to prune: the budget of 100 % of the MACs holds with all channels, "
            "and there is no other budget. Choose less than 1, or a budget of parameters, size or "
            "latency beside it."
        )


def _check_start(config: SearchConfig) -> None:
    if config.method == "agent" and config.start_from and generalist_of(config) is None:
        load_agent(config.start_from, config.agent_policy, feature_count())
