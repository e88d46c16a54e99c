"""The agent of a search: made from the settings, and what it tells of itself."""

from collections.abc import Generator

from core.events import AttentionMeasured, MultiplierUpdated
from core.graph.layers import LayerGraph
from core.rl.agent import PruningAgent
from core.rl.observation import Observation
from core.rl.space import DecisionSpace
from core.search.bench import Bench

UPDATES_APART = 4  # one more pass of the encoder a measurement: under 1 % of an update


def make_space(bench: Bench) -> DecisionSpace:
    """Make what is decided over; ConfigError if there are fewer layers than decision steps."""
    config = bench.config
    return DecisionSpace(
        bench.macs,
        config.macs_budget,
        bench.removable,
        config.constraint,
        bench.opened.analysis.groups.group_of_channel,
        config.policy.decision_steps,
    )


def make_agent(bench: Bench, observation: Observation) -> PruningAgent:
    """Make the agent that the settings name."""
    config = bench.config
    return PruningAgent(
        observation,
        make_space(bench),
        config.policy,
        config.ppo,
        config.evaluations,
        config.seed,
    )


def tell_of_agent(
    agent: PruningAgent, bench: Bench, update: int
) -> Generator[AttentionMeasured | MultiplierUpdated, None, None]:
    """What there is to tell of an agent after an update, beside what every method tells."""
    if agent.multiplier is not None:
        yield MultiplierUpdated(update=update, multiplier=agent.multiplier)
    if is_attention_due(update):
        with bench.clock.measure("policy"):
            attention = measure_attention(agent, bench.opened.analysis.graph, update)
        if attention is not None:
            yield attention


def is_attention_due(update: int) -> bool:
    """Whether attention is measured after this update, counted from 1: at the first, 5th, ..."""
    return update % UPDATES_APART == 1


def measure_attention(
    agent: PruningAgent, graph: LayerGraph, update: int
) -> AttentionMeasured | None:
    """Read the attention weights of the agent's encoder over the layers of `graph`, if any."""
    attention = agent.attention()
    if attention is None:
        return None
    names = [layer.name for layer in graph.layers]  # the order of the encoder's nodes
    edges, weights = attention
    return AttentionMeasured(
        update=update,
        edges=tuple((names[source], names[target]) for source, target in edges.tolist()),
        weights=weights,
    )
