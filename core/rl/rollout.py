"""One batch of sampled masks and how well they did."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Rollout:
    """K one-step episodes under one policy."""

    actions: Tensor  # (K, C) sampled decisions, 0 or 1, before any repair
    logprobs: Tensor  # (K, C) under the policy that sampled them
    rewards: Tensor  # (K,)
    value: Tensor  # () the critic's expectation


def bernoulli_logprobs(logits: Tensor, actions: Tensor) -> Tensor:
    """Log probability of each decision; logits (C,), actions (K, C) -> (K, C)."""
    return -F.binary_cross_entropy_with_logits(logits.expand_as(actions), actions, reduction="none")


def bernoulli_entropy(logits: Tensor) -> Tensor:
    """Entropy of each decision in nats, the shape of `logits`."""
    keep = torch.sigmoid(logits)
    return -(keep * F.logsigmoid(logits) + (1 - keep) * F.logsigmoid(-logits))


def compute_advantages(rewards: Tensor, value: Tensor) -> Tensor:
    """Normalise reward - value over the K episodes, (K,).

    An episode has one decision step, so GAE with any gae_lambda is reward - value; all K
    start in one state, so normalising compares each mask with its siblings.
    """
    advantages = rewards - value
    return (advantages - advantages.mean()) / (advantages.std(unbiased=False) + 1e-6)
