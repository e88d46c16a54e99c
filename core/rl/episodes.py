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
from core.rl.policy import ALL, ActorCritic, Channels, Encoded
from core.rl.rollout import (
    Episodes,
    antithetic_noise,
    bernoulli_entropy,
    bernoulli_logprobs,
    gaussian_entropy,
    gaussian_logprobs,
)
from core.rl.space import DecisionSpace


@dataclass(frozen=True, eq=False)
class Review:
    """What a policy thinks now of what was decided."""

    logprobs: Tensor  # (K, C); 0 where nothing is decided
    entropy: Tensor  # () nats per decided channel, those of the layers' shifts among them
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
        own = space.own_channels[step]
        encoded = policy.encode(observation, _states(observation, space, step, actions))
        if noise is not None:
            shifts = _sample_shifts(policy, observation, space, step, encoded, noise, shifts)
        given = None if noise is None else shifts
        outlook, logits = _decide(policy, observation, space, step, encoded, actions, given)
        if noise is not None:
            shift_logprobs = _shift_logprobs(outlook, space, step, shifts, shift_logprobs)
        decisions = (uniform[:, own] < torch.sigmoid(logits)).float()
        logprobs[:, own] = bernoulli_logprobs(logits, decisions)
        actions = actions.index_copy(1, own, decisions)
        priority = _with_columns(priority, own, logits)
        values.append(outlook.value.expand(count))
    if noise is None:
        return Episodes(actions, logprobs, torch.stack(values)), priority
    return Episodes(actions, logprobs, torch.stack(values), shifts, shift_logprobs), priority


def visited_states(observation: Observation, space: DecisionSpace, actions: Tensor) -> Tensor:
    """All states that K episodes went through, as node features (1 + (n - 1) K, nodes, features).

    They begin alike; what the policy learns does not change where they went.
    """
    states = [_states(observation, space, step, actions) for step in range(space.step_count)]
    return torch.cat(states)


def review_episodes(
    policy: ActorCritic,
    observation: Observation,
    space: DecisionSpace,
    episodes: Episodes,
    states: Tensor | None = None,
) -> Review:
    """Look at episodes again, with gradients; all their states at once.

    states: of visited_states, where they are known already.
    """
    actions, shifts = episodes.actions, episodes.shifts
    if states is None:
        states = visited_states(observation, space, actions)
    encoded = policy.encode(observation, states)
    shift_logprobs = None if shifts is None else torch.zeros_like(shifts)
    logprobs, entropies, values = [], [], []
    shift_entropy = torch.zeros(())
    for step in range(space.step_count):
        stop = 1 + step * len(actions)
        seen = encoded.part(slice(max(0, stop - len(actions)), stop))
        outlook, logits = _decide(policy, observation, space, step, seen, actions, shifts)
        logprobs.append(bernoulli_logprobs(logits, actions[:, space.own_channels[step]]))
        if shifts is not None and shift_logprobs is not None:
            shift_logprobs = _shift_logprobs(outlook, space, step, shifts, shift_logprobs)
            deviations = _log_deviation(outlook)[space.groups[step]]
            shift_entropy = shift_entropy + gaussian_entropy(deviations).sum()
        entropies.append(bernoulli_entropy(logits).mean(dim=0))
        values.append(outlook.value)
    decided = torch.cat(space.own_channels)
    return Review(
        torch.zeros_like(actions).index_copy(1, decided, torch.cat(logprobs, dim=1)),
        torch.cat(entropies).mean() + shift_entropy / len(decided),
        tuple(values),
        shift_logprobs,
    )


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
        own = space.own_channels[step]
        encoded = policy.encode(observation, _states(observation, space, step, actions))
        _, logits = _decide(policy, observation, space, step, encoded, actions, None)
        priority = _with_columns(priority, own, logits)
        actions = actions.index_copy(1, own, (logits > 0).float())
    logits_so_far = priority[0].double().numpy()
    probability = keep_probability(logits_so_far, 0.0, space.removable) * ~space.macs.removed
    return probability.astype(np.float32), space.likeliest(priority[0])


def _states(observation: Observation, space: DecisionSpace, step: int, actions: Tensor) -> Tensor:
    """The states that the decisions so far (K, C) have led to, (1 or K, nodes, features)."""
    x: Tensor = observation.graph.x
    if step == 0:
        return x[None]  # all episodes begin alike
    return features_so_far(observation.graph, actions, space.decided_before(step))


def _decide(
    policy: ActorCritic,
    observation: Observation,
    space: DecisionSpace,
    step: int,
    encoded: Encoded,
    actions: Tensor,
    shifts: Tensor | None,
) -> tuple[Outlook, Tensor]:
    """What the policy answers in a step, and the logits of its channels within the budget.

    The logits are (1, c) or (K, c); layers to come are expected at their means. What comes
    later counts for the budget only, and takes no gradient.
    """
    own, later = space.own_channels[step], space.later_channels[step]
    if step == 0:
        outlook = policy.answer(observation, encoded)
        logits = _shifted(outlook, observation, space, step, shifts, ALL)
        return outlook, space.project(logits, step)[:, own]
    outlook = policy.answer(observation, encoded, own)
    logits = _shifted(outlook, observation, space, step, shifts, own)
    if space.constraint != "projection":
        return outlook, logits
    whole = torch.zeros(len(logits), len(observation.prior))
    whole[:, own] = logits.detach()
    with torch.no_grad():
        if len(later):
            expected = policy.answer(observation, encoded, later)
            whole[:, later] = _shifted(expected, observation, space, step, shifts, later)
    return outlook, logits - space.thresholds(whole, step, actions)[:, None]


def _shifted(
    outlook: Outlook,
    observation: Observation,
    space: DecisionSpace,
    step: int,
    shifts: Tensor | None,
    channels: Channels,
) -> Tensor:
    """Logits of some channels (c,) with the shifts of their layers, (1, c) or (K, c)."""
    if outlook.shift_mean is None or outlook.gain is None:
        return outlook.logits
    shift = outlook.shift_mean
    if shifts is not None:
        shift = torch.where(space.groups[step], shifts, shift)
    return outlook.logits + outlook.gain * shift[:, observation.group_of_channel[channels]]


def _sample_shifts(
    policy: ActorCritic,
    observation: Observation,
    space: DecisionSpace,
    step: int,
    encoded: Encoded,
    noise: Tensor,
    before: Tensor,
) -> Tensor:
    """Shifts (K, G): those of this step's layers are new."""
    outlook = policy.answer(observation, encoded, space.own_channels[step][:0])
    if outlook.shift_mean is None:
        return before
    sampled = outlook.shift_mean + _log_deviation(outlook).exp() * noise
    return torch.where(space.groups[step], sampled, before)


def _with_columns(rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Put values (S, c) into some columns (c,) of rows (1 or S, C)."""
    most = max(len(rows), len(values))
    return rows.repeat(most // len(rows), 1).index_copy(1, columns, values.expand(most, -1))


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
