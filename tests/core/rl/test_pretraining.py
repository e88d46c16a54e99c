"""The graph autoencoder learns the layer graph, and leaves the encoder as it should be."""

import math

import pytest
import torch

from core.config import PolicyConfig
from core.rl.pretraining import GraphAutoencoder, edge_loss, pretrain_encoder
from tests.core.rl.observations import chain_observation, chain_policy


def test_the_edge_loss_of_two_pairs_by_hand():
    """Nodes 0 and 1 are joined and point the same way, node 2 the other way."""
    z = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])
    edges = torch.tensor([[0, 1], [1, 0]])
    # 5 of 9 pairs are edges with themselves; logits 8 - 2 = 6 for those, -8 - 2 = -10 else
    weight = 4 / 5
    by_hand = (5 * weight * math.log(1 + math.exp(-6)) + 4 * math.log(1 + math.exp(-10))) / 9
    assert edge_loss(z, edges).item() == pytest.approx(by_hand, rel=1e-3)


def test_a_graph_of_edges_only_has_nothing_to_tell_apart():
    assert edge_loss(torch.ones(2, 3), torch.tensor([[0, 1], [1, 0]])).item() == 0.0


def test_the_feature_loss_is_the_mean_squared_error():
    graph = chain_observation()[0].graph
    autoencoder = GraphAutoencoder(chain_policy().encoder, graph.x.shape[1], 64)
    with torch.no_grad():
        autoencoder.decoder.weight.zero_()
        autoencoder.decoder.bias.fill_(0.5)
        _, feature = autoencoder.losses(graph, torch.zeros_like(graph.x))
    assert feature.item() == pytest.approx((graph.x - 0.5).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
def test_pretraining_lowers_both_losses_and_keeps_what_is_frozen(encoder):
    policy = chain_policy(PolicyConfig(encoder=encoder))
    before = policy.encoder.skip.weight.clone()
    losses = list(pretrain_encoder(policy.encoder, chain_observation()[0].graph, 30, seed=0))
    assert len(losses) == 30
    assert losses[-1].edge < 0.8 * losses[0].edge
    assert losses[-1].feature < 0.8 * losses[0].feature
    assert not torch.equal(policy.encoder.skip.weight, before)
    assert all(
        weight.requires_grad == (encoder == "trained") for weight in policy.encoder.parameters()
    )
    assert all(weight.grad is None for weight in policy.encoder.parameters())


def test_pretraining_comes_from_the_seed_and_leaves_the_global_one_alone():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    graph = chain_observation()[0].graph
    told = [list(pretrain_encoder(chain_policy().encoder, graph, 3, seed)) for seed in (1, 1, 2)]
    assert told[0] == told[1] != told[2]
    assert torch.equal(state, torch.get_rng_state())
