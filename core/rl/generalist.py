"""One policy for many networks and budgets: from what a network shows to a mask, at once.

shift of a group = a learned mix of what one-shot masks keep of it + a residual that starts at 0.
Within a group channels are ranked by a learned mix of criteria. Both mixes depend on the network,
on the budget, and on what each part loses by itself once its readers are refitted, which is known
of networks of any kind. Nothing in it belongs to one network, so that all of it goes over to
another.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.events import BoolArray, StageAdvanced
from core.pruning.budget import Float64Array
from core.rl.encoder import GATEncoder
from core.rl.network_view import ALLOCATED_BY, GROUP_FEATURES, RANKING_GAIN, RANKINGS, NetworkView
from core.rl.observation import average_ranks
from core.rl.ppo import clipped_policy_loss
from core.rl.rollout import antithetic_noise, gaussian_logprobs

HIDDEN = 64
TRUST = 4.0  # how much of a mix an error that is e times as high takes away, before it is learned
INPUTS = GROUP_FEATURES + 2 + len(ALLOCATED_BY)


@dataclass(frozen=True, eq=False)
class Question:
    """One network at one budget, as the policy is asked about it."""

    view: NetworkView
    macs_budget: float  # 0-1
    x: Tensor  # (G, INPUTS)
    one_shot: Tensor  # (G, masks) keep logits
    lost: Tensor  # (masks + RANKINGS,) what each of them loses, in logs

    @classmethod
    def prepare(
        cls, view: NetworkView, macs_budget: float
    ) -> Generator[StageAdvanced, None, "Question"]:
        """Put the budget and its one-shot masks beside what is always true of the network."""
        one_shot, lost = yield from view.parts(macs_budget)
        share = min(max(macs_budget, 0.01), 0.99)
        budget = torch.tensor([4.0 * share - 2.0, math.log(share / (1.0 - share))])
        x = torch.cat([view.features, budget.expand(len(one_shot), 2), one_shot / 2.0], dim=1)
        return cls(view, macs_budget, x, one_shot, lost)

    @classmethod
    def of(cls, view: NetworkView, macs_budget: float) -> "Question":
        """The same in one go."""
        preparing = cls.prepare(view, macs_budget)
        while True:
            try:
                next(preparing)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]


class GeneralistPolicy(nn.Module):
    """Mean answer for each group and ranking, from GATv2; untrained it goes by the refit."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.encoder = GATEncoder(INPUTS, hidden)
        self.first = nn.Linear(2 * hidden + INPUTS, hidden)
        self.last = nn.Linear(hidden, 1)
        self.mix = nn.Linear(hidden + 2, len(ALLOCATED_BY) + len(RANKINGS))
        self.trust = nn.Parameter(torch.ones(2))  # in the refit's error: of masks, of rankings
        for layer in (self.last, self.mix):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, question: Question) -> Tensor:
        """Answer with the shifts (G,), of mean 0, and the preferences (RANKINGS,), in one row."""
        x, budget = question.x, question.x[0, GROUP_FEATURES : GROUP_FEATURES + 2]
        z = self.encoder(x, question.view.edge_index)  # (G, hidden)
        z_graph = z.mean(dim=0)
        given = torch.cat([z, z_graph.expand(len(z), -1), x], dim=1)
        whole = torch.cat([z_graph, budget])
        parts = [len(ALLOCATED_BY), len(RANKINGS)]
        trust = TRUST * self.trust.repeat_interleave(torch.tensor(parts))
        mask, ranking = (self.mix(whole) - trust * question.lost).split(parts)
        base = question.one_shot @ torch.softmax(mask, dim=0)
        shifts = base + self.last(nn.functional.elu(self.first(given))).squeeze(1)
        return torch.cat([shifts - shifts.mean(), ranking / RANKING_GAIN])


@torch.no_grad()
def propose(policy: GeneralistPolicy, question: Question) -> tuple[Float64Array, BoolArray]:
    """Return priority (C,) and mask (C,); nothing is evaluated."""
    answer = policy(question)
    return question.view.priority(answer), question.view.mask(answer, question.macs_budget)


@dataclass(frozen=True, eq=False)
class Trial:
    """What was tried for one question, and how likely that was."""

    question: Question
    answers: Tensor  # (K, G + RANKINGS)
    logprobs: Tensor  # (K, G + RANKINGS)

    @property
    def masks(self) -> list[BoolArray]:
        """The masks of the answers, K times (C,)."""
        return [self.question.view.mask(row, self.question.macs_budget) for row in self.answers]


@torch.no_grad()
def sample_trial(
    policy: GeneralistPolicy,
    question: Question,
    count: int,
    deviation: float,
    random: torch.Generator,
) -> Trial:
    """Try `count` answers round the policy's, each one also the other way."""
    mean = policy(question)
    answers = mean + deviation * antithetic_noise(count, len(mean), random)
    return Trial(question, answers, _logprobs(answers, mean, deviation))


def trial_loss(
    policy: GeneralistPolicy,
    trial: Trial,
    advantages: Tensor,
    deviation: float,
    clip_coef: float,
) -> Tensor:
    """PPO's clipped loss with a ratio for each number of an answer, summed; a mean over K."""
    logratio = _logprobs(trial.answers, policy(trial.question), deviation) - trial.logprobs
    return clipped_policy_loss(logratio, advantages[:, None], clip_coef).sum(dim=1).mean()


def rank_advantages(losses: Tensor) -> Tensor:
    """Ranks of losses (K,), the lowest best, with mean 0 and deviation 1."""
    ranks = average_ranks(-losses)
    return (ranks - ranks.mean()) / (ranks.std(unbiased=False) + 1e-6)


def _logprobs(answers: Tensor, mean: Tensor, deviation: float) -> Tensor:
    log_deviation = torch.full_like(mean, math.log(deviation))
    return gaussian_logprobs(answers, mean, log_deviation)
