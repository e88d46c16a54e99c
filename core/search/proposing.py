"""What an agent that was trained on other networks proposes for this one, before any evaluation."""

from collections.abc import Mapping

from core.config import SearchConfig
from core.errors import ConfigError
from core.events import FloatArray
from core.rl.generalist import GeneralistPolicy, propose
from core.rl.network_view import view_network
from core.rl.transfer import load_generalist
from core.search.bench import Bench
from core.search.tournament import PROPOSAL, Competitor

PROPOSING = ("agent", PROPOSAL)  # methods that ask an agent of other networks


def generalist_of(config: SearchConfig) -> GeneralistPolicy | None:
    """Read the agent that the search asks for a proposal; None if it asks none.

    Raises: ConfigError if it cannot be read, or if a proposal is wanted and nobody can make it.
    """
    if config.method not in PROPOSING:
        return None
    policy = load_generalist(config.start_from) if config.start_from else None
    if policy is None and config.method == PROPOSAL:
        raise ConfigError(
            "Setting 'start_from' must name the agent that proposes the mask where 'method' is "
            f"{PROPOSAL}, and one of those that 'espalier train-agent' makes: others know one "
            "network only."
        )
    return policy


def proposal_of(bench: Bench, importances: Mapping[str, FloatArray]) -> Competitor | None:
    """What the agent proposes, to compete with the criteria; None if there is no such agent."""
    policy = generalist_of(bench.config)
    if policy is None:
        return None
    analysis, budget = bench.opened.analysis, bench.config.macs_budget
    view = view_network(analysis, importances, bench.macs, bench.removable)
    priority, keep = propose(policy, view, budget)
    return Competitor(PROPOSAL, priority, keep)
