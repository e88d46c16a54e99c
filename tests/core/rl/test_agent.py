"""Sampled masks hold the budget, and one seed gives one search."""

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, PPOConfig
from core.rl import agent as agent_module
from core.rl.agent import PruningAgent
from core.rl.credit import MOST, less_their_price
from tests.core.rl.observations import MACS, chain_observation, chain_space

POLICIES = {
    "channels": PolicyConfig(),
    "hierarchical": PolicyConfig(architecture="hierarchical"),
    "global": PolicyConfig(embedding="global"),
    "frozen": PolicyConfig(encoder="frozen"),
    "no encoder": PolicyConfig(encoder="none"),
    "no offsets": PolicyConfig(architecture="hierarchical", offsets=False),
    "two steps": PolicyConfig(decision_steps=2),
    "hierarchical, two steps": PolicyConfig(architecture="hierarchical", decision_steps=2),
}


def make_agent(
    constraint="projection", seed=0, removable=None, prior=None, policy=None, ppo=None
) -> PruningAgent:
    policy = policy or PolicyConfig()
    return PruningAgent(
        chain_observation(prior)[0],
        chain_space(constraint, removable, policy.decision_steps),
        policy,
        ppo or PPOConfig(),
        evaluations=100,
        seed=seed,
    )


@pytest.mark.parametrize("name", POLICIES)
def test_projected_masks_hold_the_budget_and_leave_no_layer_empty(name):
    proposal = make_agent(policy=POLICIES[name]).propose(16)
    assert (MACS.kept_share(proposal.keep) <= 0.5).all()
    assert proposal.keep[:, :8].any(axis=1).all()
    assert proposal.keep[:, 8:].any(axis=1).all()


@pytest.mark.parametrize("name", POLICIES)
def test_an_agent_goes_on_to_the_bit(name):
    def learned(agent: PruningAgent) -> PruningAgent:
        proposal = agent.propose(6)
        agent.learn(proposal, proposal.keep[:, 2].astype(float).tolist())
        return agent

    ppo = PPOConfig(entropy_coef=0.1, max_grad_norm=1.0, prior_scale_rate=0.1)
    kind = {"policy": POLICIES[name], "ppo": ppo, "constraint": "lagrange"}
    first = learned(make_agent(**kind))
    again = make_agent(**kind, seed=5)
    again.load_state_dict(first.state_dict())
    expected, found = (learned(agent).propose(6).keep for agent in (first, again))
    assert np.array_equal(expected, found)
    for one, other in zip(first.policy.parameters(), again.policy.parameters(), strict=True):
        assert torch.equal(one, other)
    assert again.multiplier == first.multiplier
    assert again.entropy_coef == first.entropy_coef < 0.1


@pytest.mark.parametrize("constraint", ["penalty", "lagrange"])
def test_without_projection_masks_may_exceed_the_budget_but_leave_no_layer_empty(constraint):
    proposal = make_agent(constraint, prior=[12.0] * 14).propose(16)
    assert (MACS.kept_share(proposal.keep) > 0.5).all()
    empty = make_agent(constraint, prior=[-30.0] * 14).propose(4)
    assert empty.keep[:, :8].sum(axis=1).tolist() == [1] * 4
    assert empty.keep[:, 8:].sum(axis=1).tolist() == [1] * 4


@pytest.mark.parametrize("name", POLICIES)
def test_what_may_not_be_removed_is_kept_with_certainty(name):
    removable = np.ones(14, dtype=np.bool_)
    removable[[0, 1, 2, 3, 12]] = False
    agent = make_agent(removable=removable, policy=POLICIES[name])
    assert agent.propose(8).keep[:, ~removable].all()
    keep_probability, keep = agent.preference()
    assert (keep_probability[~removable] == 1.0).all()
    assert keep[~removable].all()
    assert MACS.kept_share(keep) <= 0.5


def test_the_likeliest_mask_follows_the_prior():
    keep = make_agent().preference()[1]
    prior = chain_observation()[0].prior.numpy()
    assert keep[8:].all()  # the second group has the greater priors and fits
    assert prior[keep].mean() > prior[~keep].mean()


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "no offsets"])
def test_learning_moves_the_policy_towards_the_reward(name):
    agent = make_agent(prior=[0.0] * 14, policy=POLICIES[name])
    before = agent.preference()[0][0]
    for _ in range(8):
        proposal = agent.propose(16)
        agent.learn(proposal, proposal.episodes.actions[:, 0].tolist())
    assert agent.preference()[0][0] > before + 0.1


def test_a_hierarchical_policy_learns_how_much_of_a_layer_to_keep():
    policy = PolicyConfig(architecture="hierarchical", offsets=False)
    agent = make_agent(policy=policy)
    before = agent.preference()[0][:8].mean()
    for _ in range(20):
        proposal = agent.propose(16)
        agent.learn(proposal, (-proposal.keep[:, :8].sum(axis=1)).astype(float).tolist())
    assert agent.preference()[0][:8].mean() < before - 0.1


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


def test_a_frozen_encoder_does_not_learn_and_a_trained_one_does():
    for encoder, is_changed in (("frozen", False), ("trained", True)):
        agent = make_agent(policy=PolicyConfig(encoder=encoder), prior=[0.0] * 14)
        before = agent.policy.encoder.skip.weight.clone()
        for _ in range(2):  # the heads start at 0 and pass nothing on at first
            proposal = agent.propose(8)
            agent.learn(proposal, proposal.keep[:, 0].astype(float).tolist())
        assert torch.equal(agent.policy.encoder.skip.weight, before) != is_changed


def test_the_multiplier_climbs_by_the_mean_cost_and_never_below_zero():
    agent = make_agent("lagrange", prior=[12.0] * 14, ppo=PPOConfig(multiplier_rate=0.5))
    assert agent.multiplier == 0.0
    proposal = agent.propose(4)
    cost = float(np.mean(MACS.kept_share(proposal.keep) / 0.5 - 1.0))
    agent.learn(proposal, [0.0, 1.0, 0.0, 1.0])
    assert agent.multiplier == pytest.approx(0.5 * cost)
    cheap = make_agent("lagrange", prior=[-30.0] * 14)
    cheap.learn(cheap.propose(4), [0.0, 1.0, 0.0, 1.0])
    assert cheap.multiplier == 0.0
    assert make_agent().multiplier is None


def test_a_multiplier_teaches_the_budget_without_any_reward():
    agent = make_agent("lagrange", prior=[1.0] * 14, ppo=PPOConfig(multiplier_rate=2.0))
    shares = []
    for _ in range(25):
        proposal = agent.propose(16)
        shares.append(MACS.kept_share(proposal.keep).mean())
        agent.learn(proposal, [0.0] * 16)
    assert shares[0] > 0.55
    assert np.mean(shares[-3:]) < 0.5


def test_the_entropy_bonus_goes_linearly_from_the_first_to_the_last_evaluation():
    agent = make_agent(ppo=PPOConfig(entropy_coef=0.1, entropy_final=0.02))
    assert agent.entropy_coef == pytest.approx(0.1)
    for _ in range(2):
        agent.learn(agent.propose(25), list(range(25)))
    assert agent.entropy_coef == pytest.approx(0.06)
    for _ in range(3):
        agent.learn(agent.propose(25), list(range(25)))
    assert agent.entropy_coef == pytest.approx(0.02)  # 125 of 100 evaluations


def test_attention_goes_along_the_graph_both_ways_and_to_each_layer_itself():
    edges, weights = make_agent().attention()
    pairs = {tuple(pair) for pair in edges.tolist()}
    nodes = int(edges.max()) + 1
    assert {(node, node) for node in range(nodes)} <= pairs
    assert {(b, a) for a, b in pairs} == pairs
    assert weights.shape == (2, 4, len(edges))
    assert weights.dtype == np.float32
    assert make_agent(policy=PolicyConfig(encoder="none")).attention() is None


@pytest.mark.parametrize("name", ["channels", "hierarchical", "hierarchical, two steps"])
def test_credit_moves_the_logits_that_are_sampled(name):
    removable = np.ones(14, dtype=np.bool_)
    removable[[2, 9]] = False
    # without a projection the samples' logits are the policy's own
    agent = make_agent("penalty", removable=removable, policy=POLICIES[name], prior=[0.5] * 14)
    observation = chain_observation([0.5] * 14)[0]
    probability, likeliest = agent.preference()
    gradient = np.linspace(-1.0, 2.0, 14)
    given = np.clip(gradient / np.abs(gradient[removable]).mean(), -MOST, MOST)
    macs = MACS.marginal_macs(likeliest) / MACS.total
    keep = np.where(removable, probability, 1.0)
    credit = less_their_price(given, macs, keep)
    before = agent.policy(observation).logits[0].detach()
    agent.take_credit(gradient)
    moved = agent.policy(observation).logits[0].detach() - before
    expected = PPOConfig().credit_rate * np.where(removable, credit, 0.0)
    assert moved.tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    assert agent.preference()[0][0] != probability[0]  # what it prefers is asked anew


def test_a_preference_is_asked_for_again_only_after_learning(monkeypatch):
    agent, asked = make_agent(), []
    original = agent_module.likeliest_episode
    monkeypatch.setattr(
        agent_module, "likeliest_episode", lambda *given: asked.append(1) or original(*given)
    )
    first = agent.preference()
    first[1][:] = False  # whoever asks may change the answer
    assert agent.preference()[1].any()
    assert len(asked) == 1
    proposal = agent.propose(4)
    agent.learn(proposal, [0.0, 1.0, 2.0, 3.0])
    agent.preference()
    assert len(asked) == 2
    agent.load_state_dict(agent.state_dict())
    agent.preference()
    assert len(asked) == 3
