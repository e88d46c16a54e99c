"""What an agent that was trained on other networks proposes for this one, before any evaluation."""

from collections.abc import Generator, Mapping
from pathlib import Path

from core.config import SearchConfig
from core.errors import ConfigError
from core.events import FloatArray, SearchEvent, StageStarted
from core.rl.generalist import GeneralistPolicy, Question, propose
from core.rl.network_view import view_network
from core.rl.transfer import load_generalist
from core.search.bench import Bench
from core.search.staging import refit_on_bench
from core.search.tournament import PROPOSAL, Competitor

PROPOSING = ("agent", PROPOSAL)  # methods that ask an agent of other networks
# comes with Espalier; what made it stands beside it
SHIPPED_AGENT = Path(__file__).resolve().parents[2] / "resources" / "agents" / "cifar_resnets.pt"


def generalist_of(config: SearchConfig) -> GeneralistPolicy | None:
    """Read the agent that the search asks for a proposal; None if it asks none.

    Where nothing but a proposal is wanted, and nobody is named for it, the shipped agent makes it.
    Raises: ConfigError if it cannot be read, or if a proposal is wanted and nobody can make it.
    """
    if config.method not in PROPOSING:
        return None
    is_alone = config.method == PROPOSAL
    place = config.start_from or (str(SHIPPED_AGENT) if is_alone else "")
    policy = load_generalist(place) if place else None
    if policy is None and is_alone:
        raise ConfigError(
            f"Setting 'start_from' must name an agent of 'espalier train-agent' where 'method' is "
            f"{PROPOSAL}, or none, for the one that comes with Espalier: others know one network "
            "only."
        )
    return policy


def proposal_of(
    bench: Bench, importances: Mapping[str, FloatArray]
) -> Generator[SearchEvent, None, Competitor | None]:
    """What the agent proposes, to compete with the criteria; None if there is no such agent.

    Yields: what measuring a refit tells, where the search's reward needs none; StageStarted, and
        StageAdvanced after each refit that the question takes.
    """
    policy = generalist_of(bench.config)
    if policy is None:
        return None
    refit = bench.scorer.refit
    if refit is None:
        refit = yield from refit_on_bench(bench)
    yield StageStarted("Asking the agent for a proposal")
    analysis = bench.opened.analysis
    view = view_network(analysis, importances, bench.macs, bench.removable, refit)
    question = yield from Question.prepare(view, bench.config.macs_budget)
    priority, keep = propose(policy, question)
    return Competitor(PROPOSAL, priority, keep)
