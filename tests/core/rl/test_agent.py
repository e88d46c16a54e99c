"""Sampled masks hold the budget, and one seed gives one search."""

import numpy as np
import pytest
import torch

from core.config import PPOConfig
from core.rl.agent import PruningAgent
from tests.core.rl.observations import MACS, chain_observation


def make_agent(constraint="projection", seed=0, removable=None, prior=None):
    observation, everything = chain_observation(prior)
    removable = everything if removable is None else removable
    return PruningAgent(observation, MACS, 0.5, removable, constraint, PPOConfig(), seed)


def test_projected_masks_hold_the_budget_and_leave_no_layer_empty():
    proposal = make_agent().propose(16)
    assert (MACS.kept_share(proposal.keep) <= 0.5).all()
    assert proposal.keep[:, :8].any(axis=1).all()
    assert proposal.keep[:, 8:].any(axis=1).all()


def test_penalised_masks_may_exceed_the_budget_but_leave_no_layer_empty():
    proposal = make_agent("penalty", prior=[12.0] * 14).propose(16)
    assert (MACS.kept_share(proposal.keep) > 0.5).all()
    empty = make_agent("penalty", prior=[-30.0] * 14).propose(4)
    assert empty.keep[:, :8].sum(axis=1).tolist() == [1] * 4
    assert empty.keep[:, 8:].sum(axis=1).tolist() == [1] * 4


def test_what_may_not_be_removed_is_kept_with_certainty():
    removable = np.arange(14) >= 4
    agent = make_agent(removable=removable)
    assert agent.propose(8).keep[:, :4].all()
    keep_probability, keep = agent.preference()
    assert (keep_probability[:4] == 1.0).all()
    assert keep[:4].all()
    assert MACS.kept_share(keep) <= 0.5


def test_the_likeliest_mask_follows_the_prior():
    keep = make_agent().preference()[1]
    prior = chain_observation()[0].prior.numpy()
    assert keep[8:].all()  # the second group has the greater priors and fits
    assert prior[keep].mean() > prior[~keep].mean()


def test_learning_moves_the_policy_towards_the_reward():
    agent = make_agent(prior=[0.0] * 14)
    before = agent.preference()[0][0]
    for _ in range(8):
        proposal = agent.propose(16)
        agent.learn(proposal, proposal.actions[:, 0].tolist())
    assert agent.preference()[0][0] > before + 0.2


def test_one_seed_gives_one_agent_and_leaves_the_global_seed_alone():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    masks = [make_agent(seed=3, prior=[0.0] * 14).propose(4).keep for _ in range(2)]
    assert np.array_equal(*masks)
    assert not np.array_equal(masks[0], make_agent(seed=4, prior=[0.0] * 14).propose(4).keep)
    assert torch.equal(state, torch.get_rng_state())


def test_a_single_sample_teaches_nothing_but_breaks_nothing():
    agent = make_agent()
    statistics = agent.learn(agent.propose(1), [0.5])
    assert statistics.policy_loss == pytest.approx(0.0)


def test_attention_goes_along_the_graph_both_ways_and_to_each_layer_itself():
    edges, weights = make_agent().attention()
    pairs = {tuple(pair) for pair in edges.tolist()}
    nodes = int(edges.max()) + 1
    assert {(node, node) for node in range(nodes)} <= pairs
    assert {(b, a) for a, b in pairs} == pairs
    assert weights.shape == (2, 4, len(edges))
    assert weights.dtype == np.float32
