"""The agent of a search: made from the settings, and what it tells of itself."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from core.config import SearchConfig
from core.errors import readable
from core.events import (
    AttentionMeasured,
    MultiplierUpdated,
    NoticeRaised,
    PretrainingAdvanced,
    SearchEvent,
    StageAdvanced,
    StageStarted,
)
from core.graph.layers import LayerGraph
from core.pruning.macs import MacsModel
from core.rl.agent import PruningAgent
from core.rl.observation import Observation
from core.rl.pretraining import pretrain_encoder
from core.rl.space import DecisionSpace, decision_parts
from core.rl.transfer import load_agent, take_over
from core.search.bench import Bench
from core.search.feasibility import budgeted_macs, removable_channels
from core.search.proposing import generalist_of

if TYPE_CHECKING:
    from core.opening import Opened

UPDATES_APART = 4  # one more pass of the encoder a measurement: under 1 % of an update


def make_space(bench: Bench) -> DecisionSpace:
    """Make what is decided over; ConfigError if an agent has fewer layers than decision steps.

    Other methods decide over everything at once.
    """
    config = bench.config
    is_stepwise = config.method == "agent"
    return DecisionSpace(
        bench.macs,
        config.macs_budget,
        bench.removable,
        config.constraint,
        bench.opened.analysis.groups.group_of_channel,
        config.policy.decision_steps if is_stepwise else 1,
    )


def make_agent(bench: Bench, observation: Observation) -> PruningAgent:
    """Make the agent that the settings name."""
    config = bench.config
    return PruningAgent(
        observation,
        make_space(bench),
        config.agent_policy,
        config.ppo,
        config.evaluations,
        config.seed,
    )


def check_agent(opened: "Opened", config: SearchConfig) -> None:
    """Raise ConfigError if an agent has fewer layers than decision steps."""
    if config.method != "agent":
        return
    macs = MacsModel(opened.analysis, opened.network.module)
    removable = removable_channels(opened, config, budgeted_macs(opened, config, macs))
    groups = opened.analysis.groups.group_of_channel
    decision_parts(groups, removable, config.policy.decision_steps)


def prepare_agent(agent: PruningAgent, bench: Bench) -> Generator[SearchEvent, None, None]:
    """Take over another agent's weights, or else pre-train the encoder, as the settings say.

    Yields: NoticeRaised of another agent; StageStarted, then PretrainingAdvanced after each
        epoch and StageAdvanced.
    """
    config = bench.config
    if config.start_from and generalist_of(config) is not None:
        words = readable(config.start_from)
        yield NoticeRaised(f"The agent of {words} has proposed a mask to the search.")
    elif config.start_from:
        features = agent.observation.channel_features.shape[1]
        take_over(agent.policy, load_agent(config.start_from, config.agent_policy, features))
        yield NoticeRaised(f"The search starts with the agent of {readable(config.start_from)}.")
        return
    epochs = config.policy.pretraining_epochs
    if not epochs:
        return
    yield StageStarted("Pre-training the encoder", total=epochs)
    losses = pretrain_encoder(agent.policy.encoder, agent.observation.graph, epochs, config.seed)
    with contextlib.closing(losses):
        for epoch in range(1, epochs + 1):
            with bench.clock.measure("policy"):
                loss = next(losses)
            yield PretrainingAdvanced(epoch, edge_loss=loss.edge, feature_loss=loss.feature)
            yield StageAdvanced(epoch)


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
