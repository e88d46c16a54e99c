"""Log probabilities, entropies and advantages by hand."""

import math

import pytest
import torch

from core.config import PPOConfig
from core.rl.rollout import (
    antithetic_noise,
    bernoulli_entropy,
    bernoulli_logprobs,
    comparable_advantages,
    compute_advantages,
    episode_rewards,
    gaussian_entropy,
    gaussian_logprobs,
)


def test_logprobs_and_entropy_of_two_decisions():
    logits = torch.tensor([0.0, math.log(3.0)])  # keep with 1/2 and 3/4
    logprobs = bernoulli_logprobs(logits, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert logprobs.exp().flatten().tolist() == pytest.approx([0.5, 0.75, 0.5, 0.25])
    three_quarters = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert bernoulli_entropy(logits).tolist() == pytest.approx([math.log(2), three_quarters])


def test_log_densities_of_a_normal_distribution():
    values, mean = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0]])
    logprobs = gaussian_logprobs(values, mean, torch.tensor([math.log(2.0)]))
    peak = 1.0 / (2.0 * math.sqrt(2 * math.pi))
    assert logprobs.exp().flatten().tolist() == pytest.approx([peak, peak * math.exp(-0.5)])


def test_entropy_of_a_normal_distribution():
    # 1/2 log(2 pi e) = 1.4189 for a deviation of 1; twice as wide is log 2 more, narrow is below 0
    entropies = gaussian_entropy(torch.tensor([1.0, 2.0, 0.05]).log())
    assert entropies.tolist() == pytest.approx([1.41894, 2.11209, -1.57679], abs=1e-5)


def test_what_one_sample_tries_another_tries_the_other_way():
    noise = antithetic_noise(6, 3, torch.Generator().manual_seed(0))
    assert torch.equal(noise[:3], -noise[3:])
    assert antithetic_noise(5, 3, torch.Generator().manual_seed(0)).shape == (5, 3)


def test_the_last_step_brings_the_reward():
    assert episode_rewards(torch.tensor([2.0, 3.0]), 2).tolist() == [[0.0, 0.0], [2.0, 3.0]]


def test_advantages_of_one_step_are_reward_minus_value():
    values = torch.full((1, 3), 5.0)
    for gae_lambda in (0.0, 0.7, 1.0):
        gained = compute_advantages(torch.tensor([[1.0, 2.0, 3.0]]), values, 0.9, gae_lambda)
        assert gained.tolist() == [[-4.0, -3.0, -2.0]]


def test_gae_lambda_over_three_steps():
    values = torch.tensor([[1.0], [2.0], [4.0]])
    rewards = torch.tensor([[0.0], [0.0], [10.0]])
    # deltas with gamma 0.5: 0 + 1 - 1 = 0; 0 + 2 - 2 = 0; 10 - 4 = 6
    gained = compute_advantages(rewards, values, gamma=0.5, gae_lambda=0.8)
    assert gained.flatten().tolist() == pytest.approx([0.96, 2.4, 6.0])  # 6 x 0.4, x 0.4 again
    # with gamma 1 and lambda 1 it is all that follows minus the value
    gained = compute_advantages(rewards, values, gamma=1.0, gae_lambda=1.0)
    assert gained.flatten().tolist() == pytest.approx([9.0, 8.0, 6.0])
    # with lambda 0 it is one step's delta
    gained = compute_advantages(rewards, values, gamma=1.0, gae_lambda=0.0)
    assert gained.flatten().tolist() == pytest.approx([1.0, 2.0, 6.0])


def test_advantages_compare_the_masks_of_one_update():
    advantages = comparable_advantages(torch.tensor([[1.0, 2.0, 3.0]]), PPOConfig())
    assert advantages[0].tolist() == pytest.approx([-math.sqrt(1.5), 0.0, math.sqrt(1.5)], abs=1e-4)


def test_ranks_do_not_see_how_far_a_reward_is_away():
    config = PPOConfig(advantage="rank")
    advantages = comparable_advantages(torch.tensor([[1.0, -900.0, 3.0, 3.0]]), config)
    # ranks 1, 0, 2.5, 2.5: mean 1.5, deviation sqrt((.25 + 2.25 + 1 + 1) / 4)
    deviation = math.sqrt(4.5 / 4)
    expected = [-0.5 / deviation, -1.5 / deviation, 1 / deviation, 1 / deviation]
    assert advantages[0].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("advantage", ["normalised", "rank"])
def test_equal_rewards_give_no_advantage(advantage):
    config = PPOConfig(advantage=advantage)
    assert comparable_advantages(torch.ones(1, 4), config).tolist() == [[0.0] * 4]
