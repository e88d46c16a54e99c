"""The PPO update, in CleanRL's order and words, with the ratio clipped for each decision.

A mask is hundreds of independent decisions: one ratio for all of them would leave the clip
range at once, so each channel, and each layer's shift, has its own. "joint" is the textbook's.
Source: Schulman et al., "Proximal Policy Optimization Algorithms", 2017, equation 7.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import PPOConfig
from core.rl.episodes import Review, review_episodes, visited_states
from core.rl.observation import Observation
from core.rl.policy import ActorCritic
from core.rl.rollout import (
    Episodes,
    comparable_advantages,
    compute_advantages,
    episode_rewards,
)
from core.rl.space import DecisionSpace


@dataclass(frozen=True)
class UpdateStatistics:
    """What one update did; what a method does not have is None."""

    policy_loss: float | None = None
    value_loss: float | None = None
    entropy: float | None = None  # nats per channel, those of the layers' shifts among them
    approx_kl: float | None = None  # nats per channel
    clip_fraction: float | None = None  # 0-1


def make_optimizer(policy: ActorCritic, config: PPOConfig) -> torch.optim.Adam:
    """Adam with faster rates for what nothing but its own gradient moves."""
    layer_rate = config.shift_rate if policy.is_hierarchical else config.layer_offset_rate
    rates = {
        "channel_offset": config.channel_offset_rate,
        "layer_offset": layer_rate,
        "layers.log_deviation": config.deviation_rate,
        "log_prior_scale": config.prior_scale_rate,
    }
    own = dict(policy.named_parameters())
    return torch.optim.Adam(
        [
            {"params": network_parameters(policy), "lr": config.learning_rate},
            *({"params": [own[name]], "lr": rate} for name, rate in rates.items() if name in own),
        ]
    )


def network_parameters(policy: ActorCritic) -> list[nn.Parameter]:
    """What all layers and channels share: the encoder, unless it is frozen, and the heads."""
    free = ("channel_offset", "layer_offset", "layers.log_deviation", "log_prior_scale")
    return [p for name, p in policy.named_parameters() if name not in free and p.requires_grad]


def clipped_policy_loss(logratio: Tensor, advantages: Tensor, clip_coef: float) -> Tensor:
    """PPO's clipped loss of each decision; the shape of both."""
    ratio = logratio.exp()
    pg_loss1 = -advantages * ratio
    pg_loss2 = -advantages * ratio.clamp(1 - clip_coef, 1 + clip_coef)
    return torch.max(pg_loss1, pg_loss2)


def update(
    policy: ActorCritic,
    optimizer: torch.optim.Optimizer,
    observation: Observation,
    space: DecisionSpace,
    episodes: Episodes,
    rewards: Tensor,
    config: PPOConfig,
    entropy_coef: float,
) -> UpdateStatistics:
    """Improve the policy on K episodes that earned `rewards` (K,)."""
    by_step = episode_rewards(rewards, space.step_count)
    gained = compute_advantages(by_step, episodes.values, config.gamma, config.gae_lambda)
    returns = gained + episodes.values  # (n, K)
    advantages = comparable_advantages(gained, config)
    states = visited_states(observation, space, episodes.actions)
    for _ in range(config.epochs):
        review = review_episodes(policy, observation, space, episodes, states)
        losses = _policy_losses(review, episodes, space, advantages, config)
        v_loss = torch.stack(
            [_value_loss(value, own) for value, own in zip(review.values, returns, strict=True)]
        ).mean()
        loss = losses.policy - entropy_coef * review.entropy + config.value_coef * v_loss
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if config.max_grad_norm > 0:
            nn.utils.clip_grad_norm_(network_parameters(policy), config.max_grad_norm)
        optimizer.step()
    return UpdateStatistics(
        policy_loss=losses.policy.item(),
        value_loss=v_loss.item(),
        entropy=review.entropy.item(),
        approx_kl=losses.approx_kl.item(),
        clip_fraction=losses.clip_fraction.item(),
    )


@dataclass(frozen=True, eq=False)
class _Losses:
    policy: Tensor  # ()
    approx_kl: Tensor  # () nats per channel
    clip_fraction: Tensor  # ()


def _policy_losses(
    review: Review,
    episodes: Episodes,
    space: DecisionSpace,
    advantages: Tensor,
    config: PPOConfig,
) -> _Losses:
    """Sum the clipped losses over a mask's decisions; the mean over the masks."""
    decided = space.steps.any(dim=0)
    logratio = (review.logprobs - episodes.logprobs)[:, decided]  # (K, decided channels)
    step_of = space.step_of_channel[decided]
    with torch.no_grad():
        ratio = logratio.exp()
        approx_kl = ((ratio - 1) - logratio).mean()
        clip_fraction = ((ratio - 1).abs() > config.clip_coef).float().mean()
    parts = [(logratio, step_of)]
    if review.shift_logprobs is not None and episodes.shift_logprobs is not None:
        layers = space.groups.any(dim=0)
        shift_ratio = (review.shift_logprobs - episodes.shift_logprobs)[:, layers]
        parts.append((shift_ratio, space.step_of_group[layers]))
    if config.ratio == "joint":
        whole = torch.zeros_like(advantages)  # (n, K): one ratio for all decisions of a step
        for part, steps in parts:
            whole = whole.index_add(0, steps, part.T)
        loss = clipped_policy_loss(whole, advantages, config.clip_coef).mean()
        with torch.no_grad():
            clip_fraction = ((whole.exp() - 1).abs() > config.clip_coef).float().mean()
        return _Losses(loss, approx_kl, clip_fraction)
    each = [
        clipped_policy_loss(part, advantages[steps].T, config.clip_coef).sum(dim=1).mean()
        for part, steps in parts
    ]
    return _Losses(torch.stack(each).sum(), approx_kl, clip_fraction)


def _value_loss(value: Tensor, returns: Tensor) -> Tensor:
    """Squared error of what the critic expects; where all share a state, of their mean."""
    if len(value) < len(returns):
        returns = returns.mean(dim=0, keepdim=True)
    return (value - returns).square().mean()
