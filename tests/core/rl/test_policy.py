"""The policy starts at its prior and moves with its parts."""

import pytest
import torch

from core.graph.features import NODE_FEATURES
from core.rl.encoder import GATEncoder
from core.rl.policy import ActorCritic
from tests.core.rl.observations import chain_observation


@pytest.fixture
def policy():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ActorCritic(channel_features=3, channel_count=14, group_count=2)


def test_the_encoder_gives_every_layer_a_vector():
    observation, _ = chain_observation()
    z = GATEncoder(NODE_FEATURES, hidden=16, heads=2)(
        observation.graph.x, observation.graph.edge_index
    )
    assert z.shape == (observation.graph.x.shape[0], 16)


def test_attention_into_every_layer_sums_to_one_and_makes_its_new_state():
    graph = chain_observation()[0].graph
    encoder = GATEncoder(NODE_FEATURES, hidden=16, heads=2)
    edges, weights = encoder.attention(graph.x, graph.edge_index)
    nodes = len(graph.x)
    assert edges.shape == (2, graph.edge_index.shape[1] + nodes)
    assert weights.shape == (2, 2, edges.shape[1])
    into = torch.zeros(2, 2, nodes).index_add(2, edges[1], weights)
    assert torch.allclose(into, torch.ones_like(into), atol=1e-6)
    # the first layer's messages, put together by hand
    first = encoder.attention1
    sources = first.lin_l(graph.x).view(nodes, 2, 8)[edges[0]]  # (edges, heads, 8)
    message = torch.zeros(nodes, 2, 8).index_add(0, edges[1], sources * weights[0].T[..., None])
    expected = first(graph.x, graph.edge_index) - first.bias
    assert torch.allclose(message.flatten(1), expected, atol=1e-5)


def test_logits_start_at_the_prior(policy):
    observation, _ = chain_observation()
    logits, value = policy(observation)
    assert (logits - observation.prior).abs().max() < 0.5
    assert value.shape == ()


def test_a_layer_offset_moves_its_channels_and_no_others(policy):
    observation, _ = chain_observation()
    before = policy(observation)[0].detach()
    with torch.no_grad():
        policy.layer_offset[1] = 2.0
    moved = policy(observation)[0].detach() - before
    assert moved[:8].abs().max() < 1e-5
    assert moved[8:].tolist() == pytest.approx([2.0] * 6, abs=1e-5)


def test_the_critic_does_not_teach_the_encoder(policy):
    observation, _ = chain_observation()
    policy(observation)[1].backward()
    assert policy.encoder.skip.weight.grad is None
    assert policy.critic.weight.grad is not None
