"""What of a search its health is read from: one short record an update, nothing heavier."""

import math
from dataclasses import dataclass, field

import numpy as np

from core.events import (
    CandidateEvaluated,
    Event,
    HeldOutScored,
    PolicyCompared,
    PolicyUpdated,
    SearchStarted,
)


@dataclass(frozen=True)
class UpdateSeen:
    """The masks of one update, and what PPO then did.

    All masks of an update are scored on the same reward images and those of another on others,
    so a mean over an update carries the noise of its images: updates are the units of every
    test here, single masks are not.
    """

    update: int
    evaluation: int  # the last of the update
    masks: int
    macs_kept: float  # mean, 0-1
    macs_spread: float  # standard deviation within the update
    accuracy: float  # mean, 0-1
    cross_entropy: float  # median of the masks within the budget; NaN if they are the minority
    cross_entropy_spread: float  # standard deviation of the same masks
    entropy: float | None  # nats per channel; None: the method has no policy
    approx_kl: float | None  # nats per channel; None: it is not PPO's
    expected_flips: float  # channels in which a mask differs from the likeliest one


@dataclass(frozen=True)
class BadNumber:
    """A number that no sound search gives."""

    evaluation: int
    what: str  # "the reward is nan"


@dataclass(eq=False)
class SearchHistory:
    """All that was seen since the search began."""

    updates: list[UpdateSeen] = field(default_factory=list)
    held_out: list[HeldOutScored] = field(default_factory=list)
    compared: list[PolicyCompared] = field(default_factory=list)
    bad_numbers: list[BadNumber] = field(default_factory=list)
    evaluation: int = 0
    planned: int = 0  # evaluations
    macs_budget: float = 1.0  # 0-1
    _open: list[CandidateEvaluated] = field(default_factory=list)

    def take(self, event: Event) -> bool:
        """Remember what the event tells; says whether it can change a verdict."""
        match event:
            case SearchStarted():
                self._restart(event)
            case CandidateEvaluated():
                self.evaluation = event.evaluation
                self._open.append(event)
                return self._note_bad(
                    reward=event.reward, cross_entropy=event.cross_entropy, accuracy=event.accuracy
                )
            case PolicyUpdated():
                self._note_bad(
                    policy_loss=event.policy_loss,
                    value_loss=event.value_loss,
                    entropy=event.entropy,
                    approx_kl=event.approx_kl,
                    keep_probability=float(event.keep_probability.sum()),
                )
                if self._open:
                    self.updates.append(_summary(self._open, event))
                    self._open = []
            case HeldOutScored():
                self.held_out.append(event)
            case PolicyCompared():
                self.compared.append(event)
            case _:
                return False
        return True

    def _restart(self, event: SearchStarted) -> None:
        self.updates, self.held_out, self.compared = [], [], []
        self.bad_numbers, self._open = [], []
        self.evaluation = 0
        self.planned, self.macs_budget = event.evaluations, event.macs_budget

    def _note_bad(self, **values: float | None) -> bool:
        bad = [
            (name, value)
            for name, value in values.items()
            if value is not None and not math.isfinite(value)
        ]
        self.bad_numbers += [
            BadNumber(self.evaluation, f"{name.replace('_', ' ')} is {value}")
            for name, value in bad
        ]
        return bool(bad)


def _summary(masks: list[CandidateEvaluated], update: PolicyUpdated) -> UpdateSeen:
    macs = np.array([mask.macs_kept for mask in masks])
    within = np.array([mask.cross_entropy for mask in masks if mask.meets_budget])
    within = within[np.isfinite(within)]
    probability = update.keep_probability.astype(np.float64)
    is_minority = 2 * len(within) < len(masks)
    return UpdateSeen(
        update=update.update,
        evaluation=masks[-1].evaluation,
        masks=len(masks),
        macs_kept=float(macs.mean()),
        macs_spread=float(macs.std()),
        accuracy=float(np.mean([mask.accuracy for mask in masks])),
        cross_entropy=math.nan if is_minority else float(np.median(within)),
        cross_entropy_spread=math.nan if is_minority else float(within.std()),
        entropy=update.entropy,
        approx_kl=update.approx_kl,
        expected_flips=float(np.minimum(probability, 1.0 - probability).sum()),
    )
