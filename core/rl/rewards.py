"""What a mask earns: REWARDS at the end lists the choices.

A reward sees the score of one mask and its `cost`: by how much it exceeds the MACs budget,
relative to the budget; 0 or less means that the budget holds.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from core.evaluation import Score

EMA_DECAY = 0.9


class Reward(Protocol):
    """Turns scores into rewards, in the order in which masks are scored."""

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy of the masks so far, 0-1; 0 before the first."""

    def __call__(self, score: Score, cost: float) -> float:
        """Return the reward of one mask."""


class CrossEntropyReward:
    """Minus the cross-entropy; a mask over the budget earns minus its overshoot below that.

    The default: measured as the signal with the least noise at 128 images.
    """

    def __init__(self) -> None:
        self._ema = _MovingAverage()

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy, for the eye only."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return -cross_entropy - 10 x overshoot."""
        self._ema.add(score.accuracy)
        return -score.cross_entropy - 10.0 * max(0.0, cost)


class SelfCompetitionReward:
    """The paper's two phases: first hold the budget, then beat one's own past.

    Phase one, until a mask has held the budget: 1 where it holds, else minus the overshoot.
    Phase two: the sign of accuracy - ema_accuracy; a mask over the budget earns -1 - overshoot.
    """

    def __init__(self) -> None:
        self._ema = _MovingAverage()
        self.is_phase_two = False

    @property
    def ema_accuracy(self) -> float:
        """The past to beat: moving average of the accuracy of masks within the budget."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return the reward of the current phase, and move on when the budget holds."""
        meets_budget = cost <= 0.0
        if not self.is_phase_two:
            self.is_phase_two = meets_budget
            if meets_budget:
                self._ema.add(score.accuracy)
            return 1.0 if meets_budget else -cost
        if not meets_budget:
            return -1.0 - cost
        reward = float(np.sign(score.accuracy - self._ema.value))
        self._ema.add(score.accuracy)
        return reward


class ImprovementReward:
    """By how much a mask beats its own past: accuracy - ema_accuracy, minus any overshoot."""

    def __init__(self) -> None:
        self._ema = _MovingAverage()

    @property
    def ema_accuracy(self) -> float:
        """The past to beat."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return the difference to the past, 0 for the first mask."""
        past = self._ema.value if self._ema.is_started else score.accuracy
        self._ema.add(score.accuracy)
        return score.accuracy - past - max(0.0, cost)


class _MovingAverage:
    """Exponential moving average that starts at its first value."""

    def __init__(self) -> None:
        self.value = 0.0
        self.is_started = False

    def add(self, value: float) -> None:
        weight = EMA_DECAY if self.is_started else 0.0
        self.value = weight * self.value + (1 - weight) * value
        self.is_started = True


REWARDS: dict[str, Callable[[], Reward]] = {
    "cross_entropy": CrossEntropyReward,
    "self_competition": SelfCompetitionReward,
    "improvement": ImprovementReward,
}
