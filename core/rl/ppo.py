"""The PPO update, in CleanRL's order and words, with the ratio clipped for each channel.

A mask is hundreds of independent decisions: one ratio for all of them would leave the clip
range at once, so each channel has its own.
Source: Schulman et al., "Proximal Policy Optimization Algorithms", 2017, equation 7.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config import PPOConfig
from core.rl.policy import ActorCritic, Observation
from core.rl.rollout import Rollout, bernoulli_entropy, bernoulli_logprobs, compute_advantages

Projection = Callable[[Tensor], Tensor]  # logits (C,) -> logits (C,) that respect the budget


@dataclass(frozen=True)
class UpdateStatistics:
    """What one update did; what a method does not have is None."""

    policy_loss: float | None = None
    value_loss: float | None = None
    entropy: float | None = None  # nats per channel
    approx_kl: float | None = None  # nats per channel
    clip_fraction: float | None = None  # 0-1


def make_optimizer(policy: ActorCritic, config: PPOConfig) -> torch.optim.Adam:
    """Adam with faster rates for the offsets, which nothing but their own gradient moves."""
    offsets = {"channel_offset", "layer_offset"}
    shared = [p for name, p in policy.named_parameters() if name not in offsets]
    return torch.optim.Adam(
        [
            {"params": shared, "lr": config.learning_rate},
            {"params": [policy.channel_offset], "lr": config.channel_offset_rate},
            {"params": [policy.layer_offset], "lr": config.layer_offset_rate},
        ]
    )


def clipped_policy_loss(logratio: Tensor, advantages: Tensor, clip_coef: float) -> Tensor:
    """PPO's clipped loss of each decision; (K, C) and (K,) -> (K, C)."""
    ratio = logratio.exp()
    gain = advantages[:, None]
    pg_loss1 = -gain * ratio
    pg_loss2 = -gain * ratio.clamp(1 - clip_coef, 1 + clip_coef)
    return torch.max(pg_loss1, pg_loss2)


def update(
    policy: ActorCritic,
    optimizer: torch.optim.Optimizer,
    observation: Observation,
    rollout: Rollout,
    project: Projection,
    removable: Tensor,
    config: PPOConfig,
) -> UpdateStatistics:
    """Improve the policy on one rollout; only `removable` channels (C,) carry decisions."""
    advantages = compute_advantages(rollout.rewards, rollout.value)
    actions = rollout.actions[:, removable]
    old_logprobs = rollout.logprobs[:, removable]
    returns = rollout.rewards.mean()
    for _ in range(config.epochs):
        logits, value = policy(observation)
        logits = project(logits)[removable]
        logratio = bernoulli_logprobs(logits, actions) - old_logprobs
        with torch.no_grad():
            ratio = logratio.exp()
            approx_kl = ((ratio - 1) - logratio).mean()
            clip_fraction = ((ratio - 1).abs() > config.clip_coef).float().mean()
        pg_loss = clipped_policy_loss(logratio, advantages, config.clip_coef).sum(dim=1).mean()
        entropy = bernoulli_entropy(logits).mean()
        v_loss = (value - returns).square()
        loss = pg_loss - config.entropy_coef * entropy + config.value_coef * v_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return UpdateStatistics(
        policy_loss=pg_loss.item(),
        value_loss=v_loss.item(),
        entropy=entropy.item(),
        approx_kl=approx_kl.item(),
        clip_fraction=clip_fraction.item(),
    )
