"""Who proposes the masks of a search: METHODS lists the choices.

A method is asked for some masks at a time, all within the budget, and is told what each earned.
Everything else - criteria, images, scoring, health, checkpoints, the choice of the winner - is
the same for all of them, so that they compare.
"""

from collections.abc import Callable

from core.rl.agent import PruningAgent
from core.rl.policy import Observation
from core.search.bench import Bench
from core.search.methods.method import Method

__all__ = ["METHODS", "Method", "make_method"]


def make_method(bench: Bench, observation: Observation) -> Method:
    """Make the method that the settings name."""
    return METHODS[bench.config.method](bench, observation)


def _make_agent(bench: Bench, observation: Observation) -> Method:
    config = bench.config
    return PruningAgent(
        observation,
        bench.macs,
        config.macs_budget,
        bench.removable,
        config.constraint,
        config.ppo,
        config.seed,
    )


METHODS: dict[str, Callable[[Bench, Observation], Method]] = {
    "agent": _make_agent,
}
