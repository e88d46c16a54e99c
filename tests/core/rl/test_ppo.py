"""PPO's numbers by hand."""

import math

import numpy as np
import pytest
import torch

from core.config import PPOConfig
from core.rl.policy import ActorCritic
from core.rl.ppo import clipped_policy_loss, make_optimizer, update
from core.rl.rollout import Rollout, bernoulli_entropy, bernoulli_logprobs, compute_advantages
from tests.core.rl.observations import chain_observation


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
    losses = clipped_policy_loss(logratio, torch.tensor([advantage]), clip_coef=0.2)
    assert losses[0].tolist() == pytest.approx([loss, -advantage])


def test_advantages_compare_the_masks_of_one_update():
    rewards = torch.tensor([1.0, 2.0, 3.0])
    advantages = compute_advantages(rewards, torch.tensor(5.0))
    assert advantages.tolist() == pytest.approx([-math.sqrt(1.5), 0.0, math.sqrt(1.5)], abs=1e-4)


def test_equal_rewards_give_no_advantage():
    assert compute_advantages(torch.ones(1), torch.tensor(0.0)).tolist() == [0.0]


def test_logprobs_and_entropy_of_two_decisions():
    logits = torch.tensor([0.0, math.log(3.0)])  # keep with 1/2 and 3/4
    logprobs = bernoulli_logprobs(logits, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert logprobs.exp().flatten().tolist() == pytest.approx([0.5, 0.75, 0.5, 0.25])
    three_quarters = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert bernoulli_entropy(logits).tolist() == pytest.approx([math.log(2), three_quarters])


def test_an_update_makes_rewarded_decisions_likelier_and_leaves_the_others():
    observation, removable = chain_observation()
    torch.manual_seed(0)
    policy = ActorCritic(observation.channel_features.shape[1], len(removable), 2)
    before = policy(observation)[0].detach()
    actions = torch.ones(2, len(removable))
    actions[1, 0] = 0.0
    rollout = Rollout(
        actions=actions,
        logprobs=bernoulli_logprobs(before, actions),
        rewards=torch.tensor([1.0, 0.0]),  # keeping channel 0 is all that differs
        value=torch.tensor(0.0),
    )
    statistics = update(
        policy,
        make_optimizer(policy, PPOConfig()),
        observation,
        rollout,
        lambda logits: logits,
        torch.from_numpy(removable),
        PPOConfig(),
    )
    after = policy(observation)[0].detach()
    assert after[0] - before[0] > 0.3
    assert statistics.approx_kl > 0
    assert np.isfinite(list(vars(statistics).values())).all()
