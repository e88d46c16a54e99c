"""PPO's numbers by hand."""

import math

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, PPOConfig
from core.rl.episodes import (
    Review,
    likeliest_episode,
    review_episodes,
    sample_episodes,
    visited_states,
)
from core.rl.ppo import _policy_losses, _value_loss, clipped_policy_loss, make_optimizer, update
from core.rl.rollout import Episodes, bernoulli_logprobs
from tests.core.rl.observations import chain_observation, chain_policy, chain_space

POLICIES = {
    "channels": PolicyConfig(),
    "hierarchical": PolicyConfig(architecture="hierarchical"),
    "two steps": PolicyConfig(decision_steps=2),
    "hierarchical, two steps": PolicyConfig(architecture="hierarchical", decision_steps=2),
}


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.0, 2.0, -2.0),
        (1.5, 1.0, -1.2),  # a gain beyond 1 + clip is not rewarded
        (0.5, 1.0, -0.5),
        (0.5, -1.0, 0.8),  # a loss below 1 - clip is not rewarded
        (1.5, -1.0, 1.5),
    ],
)
def test_each_channel_is_clipped_by_itself(ratio, advantage, loss):
    logratio = torch.tensor([[math.log(ratio), 0.0]])
    losses = clipped_policy_loss(logratio, torch.tensor([[advantage]]), clip_coef=0.2)
    assert losses[0].tolist() == pytest.approx([loss, -advantage])


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_has_not_learned_thinks_as_it_did(name):
    observation, _ = chain_observation([0.1 * i for i in range(14)])
    space = chain_space(decision_steps=POLICIES[name].decision_steps)
    policy = chain_policy(POLICIES[name])
    random = torch.Generator().manual_seed(0)
    episodes, _ = sample_episodes(policy, observation, space, 6, random)
    review = review_episodes(policy, observation, space, episodes)
    assert torch.allclose(review.logprobs, episodes.logprobs, atol=1e-4)
    assert episodes.values.shape == (space.step_count, 6)
    if episodes.shift_logprobs is not None:
        assert torch.allclose(review.shift_logprobs, episodes.shift_logprobs, atol=1e-4)
        # antithetic: the mean shift is the policy's mean, exactly
        mean = policy(observation).shift_mean[0]
        assert torch.allclose(episodes.shifts.mean(dim=0)[0], mean[0], atol=1e-5)


def test_the_second_step_sees_what_the_first_decided():
    observation, _ = chain_observation([0.0] * 14)
    space, policy = chain_space(decision_steps=2), chain_policy(PolicyConfig(decision_steps=2))
    random = torch.Generator().manual_seed(0)
    episodes, priority = sample_episodes(policy, observation, space, 6, random)
    assert priority.shape == (6, 14)
    kept = episodes.actions[:, :8].sum(dim=1)
    least, most = kept.argmin(), kept.argmax()
    # what little the first layer kept, the second may keep more of
    assert priority[least, 8:].mean() > priority[most, 8:].mean()
    probability, keep = likeliest_episode(policy, observation, space)
    assert probability.shape == keep.shape == (14,)


@pytest.mark.parametrize("decision_steps", [1, 2])
def test_the_shifts_count_in_the_entropy_of_a_hierarchical_policy(decision_steps):
    config = PolicyConfig(architecture="hierarchical", decision_steps=decision_steps)
    observation, _ = chain_observation()
    policy, space = chain_policy(config), chain_space("penalty", decision_steps=decision_steps)
    random = torch.Generator().manual_seed(0)
    episodes, _ = sample_episodes(policy, observation, space, 4, random)
    before = review_episodes(policy, observation, space, episodes).entropy
    with torch.no_grad():  # from 0.6 to 0.3 and 1.2: each log 2, of two layers and 14 channels
        policy.layers.log_deviation.add_(torch.tensor([-math.log(2), math.log(2)]))
    level = review_episodes(policy, observation, space, episodes).entropy
    assert level.item() == pytest.approx(before.item(), abs=1e-6)
    with torch.no_grad():
        policy.layers.log_deviation[0] += math.log(2)
    wider = review_episodes(policy, observation, space, episodes).entropy
    assert (wider - level).item() == pytest.approx(math.log(2) / 14, abs=1e-6)
    wider.backward()
    assert policy.layers.log_deviation.grad.tolist() == pytest.approx([1 / 14, 1 / 14])


def test_all_steps_are_reviewed_at_once_as_each_by_itself():
    observation, _ = chain_observation([0.1 * i for i in range(14)])
    space = chain_space(decision_steps=2)
    policy = chain_policy(PolicyConfig(decision_steps=2))
    random = torch.Generator().manual_seed(0)
    episodes, _ = sample_episodes(policy, observation, space, 5, random)
    states = visited_states(observation, space, episodes.actions)
    assert len(states) == 1 + 5
    assert torch.equal(states[0], observation.graph.x)
    logits = policy(observation, states[1:]).logits  # every channel, of the second step's states
    by_hand = bernoulli_logprobs(space.project(logits, 1, episodes.actions), episodes.actions)
    review = review_episodes(policy, observation, space, episodes)
    assert torch.allclose(review.logprobs[:, 8:], by_hand[:, 8:], atol=1e-4)
    assert torch.allclose(torch.cat(review.values), policy(observation, states).value, atol=1e-5)


def one_update(ratio: str, epochs: int = 1) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """Logits before and after an update in which keeping channel 0 is all that differs."""
    observation, removable = chain_observation([0.0] * 14)
    policy, space = chain_policy(), chain_space("penalty")
    before = policy(observation).logits.detach()
    actions = torch.ones(2, len(removable))
    actions[1, 0] = 0.0
    episodes = Episodes(actions, bernoulli_logprobs(before, actions), torch.zeros(1, 2))
    config = PPOConfig(ratio=ratio, epochs=epochs)
    optimizer = make_optimizer(policy, config)
    rewards = torch.tensor([1.0, 0.0])
    statistics = update(policy, optimizer, observation, space, episodes, rewards, config, 0.0)
    return before[0], policy(observation).logits.detach()[0], vars(statistics)


@pytest.mark.parametrize(
    ("ratio", "least"),
    [("per_channel", 0.3), ("joint", 0.05)],  # one ratio for all leaves the clip range at once
)
def test_an_update_makes_rewarded_decisions_likelier(ratio, least):
    before, after, statistics = one_update(ratio, epochs=4)
    assert after[0] - before[0] > least
    assert statistics["approx_kl"] > 0
    assert np.isfinite(list(statistics.values())).all()


def test_the_first_step_follows_the_policy_gradient():
    """d log p / d logit = action - p, so offsets move by rate x mean of advantage x (action - p).

    Advantages are 1 and -1. Channel 0 is kept in the first mask only: (1 - p + p) / 2 = 1/2. All
    others are kept in both: ((1 - p) - (1 - p)) / 2 = 0.
    """
    observation, _ = chain_observation([0.0] * 14)
    policy, space = chain_policy(), chain_space("penalty")
    actions = torch.ones(2, 14)
    actions[1, 0] = 0.0
    logits = policy(observation).logits.detach()
    episodes = Episodes(actions, bernoulli_logprobs(logits, actions), torch.zeros(1, 2))
    optimizer = torch.optim.SGD([policy.channel_offset], lr=1.0)
    config = PPOConfig(epochs=1)
    rewards = torch.tensor([5.0, 3.0])
    update(policy, optimizer, observation, space, episodes, rewards, config, entropy_coef=0.0)
    expected = [0.5, *[0.0] * 13]
    assert policy.channel_offset.tolist() == pytest.approx(expected, abs=1e-5)


def test_the_critic_learns_what_came_or_its_mean_where_all_share_a_state():
    returns = torch.tensor([1.0, 3.0])
    assert _value_loss(torch.tensor([0.5]), returns).item() == pytest.approx(2.25)  # (0.5 - 2)^2
    each = torch.tensor([0.0, 1.0])
    assert _value_loss(each, returns).item() == pytest.approx(2.5)  # (1 + 4) / 2


def test_a_joint_ratio_is_the_product_of_all_ratios_of_a_step():
    space = chain_space(decision_steps=2)
    before = Episodes(torch.ones(1, 14), torch.zeros(1, 14), torch.zeros(2, 1))
    now = torch.zeros(1, 14)
    now[0, [0, 1, 8]] = math.log(1.1)
    advantages = torch.tensor([[1.0], [-2.0]])  # (steps, masks)
    review = Review(now, torch.zeros(()), ())
    joint = _policy_losses(review, before, space, advantages, PPOConfig(ratio="joint"))
    # the first step's 1.21 is clipped to 1.2, the second's 1.1 is not
    assert joint.policy.item() == pytest.approx((-1.2 + 2.2) / 2)
    assert joint.clip_fraction.item() == 0.5
    each = _policy_losses(review, before, space, advantages, PPOConfig())
    # 8 channels of the first step, 6 of the second
    assert each.policy.item() == pytest.approx(-(6 + 2 * 1.1) + 2 * (5 + 1.1), abs=1e-4)
    assert each.clip_fraction.item() == 0.0


def test_a_layers_shift_has_a_ratio_of_its_own():
    space = chain_space()
    zeros = torch.zeros(1, 14)
    before = Episodes(zeros, zeros, torch.zeros(1, 1), torch.zeros(1, 2), torch.zeros(1, 2))
    shifted = torch.tensor([[math.log(1.5), math.log(0.9)]])
    review = Review(zeros, torch.zeros(()), (), shifted)
    losses = _policy_losses(review, before, space, torch.tensor([[1.0]]), PPOConfig())
    assert losses.policy.item() == pytest.approx(-(14 + 1.2 + 0.9), abs=1e-4)


def test_the_rates_belong_to_what_they_name():
    config = PPOConfig(
        learning_rate=0.005, shift_rate=0.06, deviation_rate=0.03, channel_offset_rate=0.3
    )
    policy = chain_policy(PolicyConfig(architecture="hierarchical", encoder="frozen"))
    groups = make_optimizer(policy, config).param_groups
    rates = {id(one): group["lr"] for group in groups for one in group["params"]}
    named = dict(policy.named_parameters())
    assert rates[id(named["layer_offset"])] == 0.06
    assert rates[id(named["layers.log_deviation"])] == 0.03
    assert rates[id(named["channel_offset"])] == 0.3
    assert rates[id(named["layers.last.weight"])] == 0.005
    assert rates[id(named["log_prior_scale"])] == 0.0
    assert not any(id(one) in rates for one in policy.encoder.parameters())


@pytest.mark.parametrize(("sign", "rate"), [(1, 0.3), (-1, 0.3), (1, 0.0)])
def test_the_priors_scale_is_learned_from_what_its_order_earns(sign, rate):
    """Masks that follow the prior are rewarded: it counts more; those against it: less."""
    prior = torch.linspace(-1.0, 1.0, 14)
    observation, _ = chain_observation(prior.tolist())
    policy, space = chain_policy(), chain_space("penalty")
    config = PPOConfig(prior_scale_rate=rate, channel_offset_rate=0.0, layer_offset_rate=0.0)
    optimizer, random = make_optimizer(policy, config), torch.Generator().manual_seed(0)
    for _ in range(6):
        episodes, _ = sample_episodes(policy, observation, space, 32, random)
        rewards = sign * (episodes.actions * prior).sum(dim=1)
        update(policy, optimizer, observation, space, episodes, rewards, config, 0.0)
    scale = policy.log_prior_scale.item()
    assert np.sign(scale) == (sign if rate else 0)


def test_a_bonus_on_entropy_keeps_decisions_open():
    observation, _ = chain_observation([1.5] * 14)
    entropies = []
    for coef in (0.0, 5.0):
        policy, space, config = chain_policy(), chain_space("penalty"), PPOConfig()
        optimizer = make_optimizer(policy, config)
        random = torch.Generator().manual_seed(0)
        for _ in range(3):
            episodes, _ = sample_episodes(policy, observation, space, 4, random)
            rewards = torch.zeros(4)
            told = update(policy, optimizer, observation, space, episodes, rewards, config, coef)
        entropies.append(told.entropy)
    assert entropies[1] > entropies[0] + 0.1
