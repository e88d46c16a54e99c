"""What the encoder looks at, in the layers' names."""

from core.events import AttentionMeasured
from core.graph.layers import LayerGraph
from core.rl.agent import PruningAgent

UPDATES_APART = 4  # one more pass of the encoder a measurement: under 1 % of an update


def is_attention_due(update: int) -> bool:
    """Whether attention is measured after this update, counted from 1: at the first, 5th, ..."""
    return update % UPDATES_APART == 1


def measure_attention(agent: PruningAgent, graph: LayerGraph, update: int) -> AttentionMeasured:
    """Read the attention weights of the agent's encoder over the layers of `graph`."""
    names = [layer.name for layer in graph.layers]  # the order of the encoder's nodes
    edges, weights = agent.attention()
    return AttentionMeasured(
        update=update,
        edges=tuple((names[source], names[target]) for source, target in edges.tolist()),
        weights=weights,
    )
