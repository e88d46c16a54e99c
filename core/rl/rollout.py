"""What K episodes decided, how likely that was, and how much better than expected it went."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import PPOConfig
from core.rl.observation import average_ranks


@dataclass(frozen=True, eq=False)
class Episodes:
    """K episodes of n decision steps under one policy, as they were sampled."""

    actions: Tensor  # (K, C) decisions, 0 or 1, before any repair; 1 where none is taken
    logprobs: Tensor  # (K, C) under the policy that sampled them; 0 where none is taken
    values: Tensor  # (n, K) what the critic expected in each state
    shifts: Tensor | None = None  # (K, G) of the layers, where the policy has them
    shift_logprobs: Tensor | None = None  # (K, G)


def bernoulli_logprobs(logits: Tensor, actions: Tensor) -> Tensor:
    """Log probability of each decision; logits (S, C) or (C,), actions (K, C) -> (K, C)."""
    return -F.binary_cross_entropy_with_logits(logits.expand_as(actions), actions, reduction="none")


def bernoulli_entropy(logits: Tensor) -> Tensor:
    """Entropy of each decision in nats, the shape of `logits`."""
    keep = torch.sigmoid(logits)
    return -(keep * F.logsigmoid(logits) + (1 - keep) * F.logsigmoid(-logits))


def gaussian_logprobs(values: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Log density of each value; values (K, G), mean (S, G), log_deviation (G,) -> (K, G)."""
    away = (values - mean) / log_deviation.exp()
    return -0.5 * away.square() - log_deviation - 0.5 * math.log(2 * math.pi)


def gaussian_entropy(log_deviation: Tensor) -> Tensor:
    """Differential entropy in nats, 1/2 log(2 pi e) + log deviation; the same shape."""
    return log_deviation + 0.5 * (1.0 + math.log(2 * math.pi))


def antithetic_noise(count: int, size: int, random: torch.Generator) -> Tensor:
    """Standard normal numbers (count, size) of which the second half is minus the first.

    What one sample tries, another tries the other way, so that their mean is exact.
    """
    half = torch.randn((count + 1) // 2, size, generator=random)
    return torch.cat([half, -half])[:count]


def episode_rewards(rewards: Tensor, steps: int) -> Tensor:
    """Rewards of whole masks (K,) as those of n steps (n, K): the last one brings all of it."""
    by_step = rewards.new_zeros(steps, len(rewards))
    by_step[-1] = rewards
    return by_step


def compute_advantages(rewards: Tensor, values: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """How much better each step went than expected, (n, K) each; after the last step nothing is.

    delta_t = r_t + gamma V_t+1 - V_t;  A_t = delta_t + gamma gae_lambda A_t+1
    Source: Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage
    Estimation", ICLR 2016, equations 10 and 16.
    """
    advantages = torch.zeros_like(rewards)
    following, next_value = torch.zeros_like(rewards[0]), torch.zeros_like(rewards[0])
    for step in reversed(range(len(rewards))):
        delta = rewards[step] + gamma * next_value - values[step]
        following = delta + gamma * gae_lambda * following
        advantages[step], next_value = following, values[step]
    return advantages


def comparable_advantages(advantages: Tensor, config: PPOConfig) -> Tensor:
    """Bring advantages (n, K) to mean 0 and deviation 1, or their ranks within each step."""
    if config.advantage == "rank":
        advantages = average_ranks(advantages)
    return (advantages - advantages.mean()) / (advantages.std(unbiased=False) + 1e-6)
