"""The policy starts at its prior and moves with its parts."""

import dataclasses
import math

import pytest
import torch

from core.config import PolicyConfig
from core.errors import ConfigError
from core.graph.features import NODE_FEATURES
from core.rl.encoder import GATEncoder, LayerEncoder, encode_states
from core.rl.policy import LayerShift
from tests.core.rl.observations import chain_observation, chain_policy

HIERARCHICAL = PolicyConfig(architecture="hierarchical")


@pytest.fixture
def policy():
    return chain_policy()


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


def test_several_states_are_encoded_as_each_by_itself():
    graph = chain_observation()[0].graph
    x = torch.stack([graph.x, graph.x * 0.5, graph.x + 0.1])
    encoder = GATEncoder(NODE_FEATURES, hidden=16, heads=2)
    together = encode_states(encoder, x, graph.edge_index)
    alone = torch.stack([encoder(one, graph.edge_index) for one in x])
    assert torch.allclose(together, alone, atol=1e-5)


def test_without_the_graph_a_layer_knows_nothing_of_the_others():
    graph = chain_observation()[0].graph
    changed = graph.x.clone()
    changed[0] += 1.0
    for kind, is_known in ((LayerEncoder, False), (GATEncoder, True)):
        encoder = kind(NODE_FEATURES)
        difference = encoder(changed, graph.edge_index) - encoder(graph.x, graph.edge_index)
        assert (difference[1:].abs().max() > 1e-4) == is_known


def test_logits_start_at_the_prior(policy):
    observation, _ = chain_observation()
    outlook = policy(observation)
    assert (outlook.logits[0] - observation.prior).abs().max() < 0.5
    assert outlook.logits.shape == (1, 14)
    assert outlook.value.shape == (1,)
    assert outlook.shift_mean is None


def test_the_heads_sum_over_parts_is_the_mlp_over_all_of_them(policy):
    observation, _ = chain_observation()
    head, features = policy.head, observation.channel_features
    z_group, z_graph = torch.randn(1, 2, 64), torch.randn(1, 64)
    given = torch.cat(
        [
            z_group[0, observation.group_of_channel],
            z_graph.expand(14, -1),
            torch.full((14, 1), 0.5),
            features,
        ],
        dim=1,
    )
    by_hand = head.last(torch.nn.functional.elu(head.first(given))) + head.linear(features)
    assert torch.allclose(head(z_group, z_graph, observation)[0], by_hand[:, 0], atol=1e-5)


def test_a_layer_offset_moves_its_channels_and_no_others(policy):
    observation, _ = chain_observation()
    before = policy(observation).logits[0].detach()
    with torch.no_grad():
        policy.layer_offset[1] = 2.0
    moved = policy(observation).logits[0].detach() - before
    assert moved[:8].abs().max() < 1e-5
    assert moved[8:].tolist() == pytest.approx([2.0] * 6, abs=1e-5)


def test_the_prior_may_be_scaled(policy):
    observation, _ = chain_observation()
    before = policy(observation).logits[0].detach()
    with torch.no_grad():
        policy.log_prior_scale.fill_(math.log(3.0))
    moved = policy(observation).logits[0].detach() - before
    assert torch.allclose(moved, 2.0 * observation.prior, atol=1e-4)


def test_the_critic_does_not_teach_the_encoder(policy):
    observation, _ = chain_observation()
    policy(observation).value.sum().backward()
    assert policy.encoder.skip.weight.grad is None
    assert policy.critic.weight.grad is not None


def test_shifts_start_at_what_the_prior_keeps_of_each_layer_with_the_deviation_set():
    observation, _ = chain_observation()
    outlook = chain_policy(HIERARCHICAL)(observation)
    # half of each layer: the same share, so no shift of one against the other
    assert outlook.shift_mean[0].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert outlook.log_deviation.exp().tolist() == pytest.approx([0.6, 0.6])
    assert outlook.gain.item() == pytest.approx(30.0)
    assert torch.allclose(outlook.logits[0], 30.0 * observation.ranks, atol=0.5)
    uneven = dataclasses.replace(
        observation, one_shot=torch.tensor([[1.0, 0.0, 0.0], [-0.5, 0.0, 0.0]])
    )
    mean = chain_policy(HIERARCHICAL)(uneven).shift_mean[0]
    assert mean.tolist() == pytest.approx([0.75, -0.75])


def test_a_deviation_stays_within_its_bounds():
    observation, _ = chain_observation()
    policy = chain_policy(HIERARCHICAL)
    assert isinstance(policy.layers, LayerShift)
    with torch.no_grad():
        policy.layers.log_deviation.copy_(torch.tensor([-9.0, 9.0]))
    assert policy(observation).log_deviation.exp().tolist() == pytest.approx([0.05, 2.0])


def test_without_offsets_no_weight_depends_on_the_size_of_the_network():
    for architecture in ("channels", "hierarchical"):
        policy = chain_policy(PolicyConfig(architecture=architecture, offsets=False))
        assert policy.channel_offset is None
        shapes = [parameter.shape for parameter in policy.parameters()]
        assert not any({14, 2} & set(shape) for shape in shapes)


def test_a_global_embedding_decides_over_all_channels_at_once():
    observation, _ = chain_observation([0.0] * 14)
    policy = chain_policy(PolicyConfig(embedding="global", offsets=False))
    logits = policy(observation).logits[0]
    assert torch.sigmoid(logits).detach().numpy() == pytest.approx(0.5, abs=0.05)
    changed = dataclasses.replace(observation, channel_features=-observation.channel_features)
    assert torch.equal(policy(changed).logits[0], logits)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="'embedding' must be layers"):
        PolicyConfig(architecture="hierarchical", embedding="global")
    with pytest.raises(ConfigError, match="'pretraining_epochs' must be 0"):
        PolicyConfig(encoder="none", pretraining_epochs=5)
