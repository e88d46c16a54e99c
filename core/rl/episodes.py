"""Episodes of n decision steps: sampled, looked at again by a policy that learned, or likeliest.

In each step some layers are decided in all masks at once; the policy sees what the steps before
have decided, as the share that is kept of each layer so far.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.events import BoolArray, FloatArray
from core.graph.features import features_so_far
from core.pruning.budget import keep_probability
from core.rl.observation import Observation, Outlook
from core.rl.policy import ActorCritic
from core.rl.rollout import (
    Episodes,
    antithetic_noise,
    bernoulli_entropy,
    bernoulli_logprobs,
    gaussian_logprobs,
)
from core.rl.space import DecisionSpace


@dataclass(frozen=True, eq=False)
class Review:
    """What a policy thinks now of what was decided."""

    logprobs: Tensor  # (K, C); 0 where nothing is decided
    entropy: Tensor  # () nats per decided channel
    values: tuple[Tensor, ...]  # n times (1,) or (K,): one where all episodes share a state
    shift_logprobs: Tensor | None = None  # (K, G)


@torch.no_grad()
def sample_episodes(
    policy: ActorCritic,
    observation: Observation,
    space: DecisionSpace,
    count: int,
    random: torch.Generator,
) -> tuple[Episodes, Tensor]:
    """Decide over `count` masks.

    Returns: the episodes, and how much each channel should be kept, (1, C) or (count, C).
    """
    groups, channels = observation.group_count, len(observation.prior)
    noise = antithetic_noise(count, groups, random) if policy.is_hierarchical else None
    uniform = torch.rand(count, channels, generator=random)
    actions, logprobs = torch.ones(count, channels), torch.zeros(count, channels)
    shifts, shift_logprobs = torch.zeros(count, groups), torch.zeros(count, groups)
    priority, values = torch.zeros(1, channels), []
    for step in range(space.step_count):
        own = space.steps[step]
        outlook = _look(policy, observation, space, step, actions)
        if noise is not None and outlook.shift_mean is not None:
            deviation = _log_deviation(outlook).exp()
            sampled = outlook.shift_mean + deviation * noise
            shifts = torch.where(space.groups[step], sampled, shifts)
            shift_logprobs = _shift_logprobs(outlook, space, step, shifts, shift_logprobs)
        logits = _logits(outlook, observation, space, step, actions, shifts)
        decisions = (uniform < torch.sigmoid(logits)).float()
        logprobs = torch.where(own, bernoulli_logprobs(logits, decisions), logprobs)
        actions = torch.where(own, decisions, actions)
        priority = torch.where(own, logits, priority)
        values.append(outlook.value.expand(count))
    if noise is None:
        return Episodes(actions, logprobs, torch.stack(values)), priority
    return Episodes(actions, logprobs, torch.stack(values), shifts, shift_logprobs), priority


def review_episodes(
    policy: ActorCritic, observation: Observation, space: DecisionSpace, episodes: Episodes
) -> Review:
    """Look at episodes again, with gradients."""
    actions, shifts = episodes.actions, episodes.shifts
    logprobs = torch.zeros_like(actions)
    shift_logprobs = None if shifts is None else torch.zeros_like(shifts)
    entropies, values = [], []
    for step in range(space.step_count):
        own = space.steps[step]
        outlook = _look(policy, observation, space, step, actions)
        logits = _logits(outlook, observation, space, step, actions, shifts)
        logprobs = torch.where(own, bernoulli_logprobs(logits, actions), logprobs)
        if shifts is not None and shift_logprobs is not None:
            shift_logprobs = _shift_logprobs(outlook, space, step, shifts, shift_logprobs)
        entropies.append(bernoulli_entropy(logits[:, own]).mean(dim=0))
        values.append(outlook.value)
    return Review(logprobs, torch.cat(entropies).mean(), tuple(values), shift_logprobs)


@torch.no_grad()
def likeliest_episode(
    policy: ActorCritic, observation: Observation, space: DecisionSpace
) -> tuple[FloatArray, BoolArray]:
    """Return keep probabilities (C,) and the likeliest mask (C,) within the budget.

    Each step goes on from the likeliest decisions of those before, and from mean shifts.
    """
    channels = len(observation.prior)
    actions, priority = torch.ones(1, channels), torch.zeros(1, channels)
    for step in range(space.step_count):
        outlook = _look(policy, observation, space, step, actions)
        logits = _logits(outlook, observation, space, step, actions, None)
        priority = torch.where(space.steps[step], logits, priority)
        actions = torch.where(space.steps[step], (logits > 0).float(), actions)
    logits_so_far = priority[0].double().numpy()
    probability = keep_probability(logits_so_far, 0.0, space.removable) * ~space.macs.removed
    return probability.astype(np.float32), space.likeliest(priority[0])


def _look(
    policy: ActorCritic,
    observation: Observation,
    space: DecisionSpace,
    step: int,
    actions: Tensor,
) -> Outlook:
    """Ask the policy in the states that the decisions so far (K, C) have led to."""
    if step == 0:
        outlook: Outlook = policy(observation)  # all episodes begin alike
        return outlook
    before = space.decided_before(step)
    states: Outlook = policy(observation, features_so_far(observation.graph, actions, before))
    return states


def _logits(
    outlook: Outlook,
    observation: Observation,
    space: DecisionSpace,
    step: int,
    actions: Tensor,
    shifts: Tensor | None,
) -> Tensor:
    """Logits within the budget, (1, C) or (K, C); layers to come are expected at their means."""
    logits = outlook.logits
    if outlook.shift_mean is not None and outlook.gain is not None:
        shift = outlook.shift_mean
        if shifts is not None:
            shift = torch.where(space.groups[step], shifts, shift)
        logits = logits + outlook.gain * shift[:, observation.group_of_channel]
    return space.project(logits, step, actions)


def _shift_logprobs(
    outlook: Outlook, space: DecisionSpace, step: int, shifts: Tensor, before: Tensor
) -> Tensor:
    if outlook.shift_mean is None:
        return before
    logprobs = gaussian_logprobs(shifts, outlook.shift_mean, _log_deviation(outlook))
    return torch.where(space.groups[step], logprobs, before)


def _log_deviation(outlook: Outlook) -> Tensor:
    if outlook.log_deviation is None:
        raise RuntimeError("a policy with shifts has deviations of them")
    return outlook.log_deviation
