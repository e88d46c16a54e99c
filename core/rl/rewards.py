"""What a mask earns: REWARDS at the end lists the choices.

A reward sees the score of one mask and its `cost`: by how much it exceeds the budget that it
exceeds most, relative to that budget; 0 or less means that all hold.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from core.config.searching import REWARDS_WITH_REFIT
from core.evaluation import Score

EMA_DECAY = 0.9
TEACHER_TEMPERATURE = 4.0  # at which the answers predict the fine-tuned network best


class Reward(Protocol):
    """Turns scores into rewards, in the order in which masks are scored."""

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy of the masks so far, 0-1; 0 before the first."""

    def begin_update(self) -> None:
        """Take notice that the masks from now on are of another update."""

    def __call__(self, score: Score, cost: float) -> float:
        """Return the reward of one mask."""

    def state_dict(self) -> dict[str, float]:
        """Return what the masks so far have left behind, as plain numbers."""

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from what `state_dict` gave."""


class _AverageKeeper:
    """A reward that remembers nothing but a moving average of the accuracy."""

    def __init__(self) -> None:
        self._ema = _MovingAverage()

    def begin_update(self) -> None:
        """Nothing changes from update to update."""

    def state_dict(self) -> dict[str, float]:
        """Return the average."""
        return {"ema": self._ema.value, "is_started": self._ema.is_started}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from an average."""
        self._ema.value = state["ema"]
        self._ema.is_started = bool(state["is_started"])


class CrossEntropyReward(_AverageKeeper):
    """Minus the cross-entropy; a mask over the budget earns minus ten times its overshoot less."""

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy, for the eye only."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return -cross_entropy - 10 x overshoot."""
        self._ema.add(score.accuracy)
        return -score.cross_entropy - 10.0 * max(0.0, cost)


class TeacherReward(_AverageKeeper):
    """The default: minus the distance to the unpruned network's answers; no label is looked at.

    The distance is T^2 KL(answers at T || pruned at T) with T = TEACHER_TEMPERATURE. A mask over
    the budget earns minus ten times its overshoot below that.
    """

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy, for the eye only."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return -teacher_kl - 10 x overshoot."""
        if score.teacher_kl is None:
            raise RuntimeError("the scorer was made without a teacher")
        self._ema.add(score.accuracy)
        return -score.teacher_kl - 10.0 * max(0.0, cost)


class RefitErrorReward(_AverageKeeper):
    """Minus what the refitted readers lose of their outputs' variance; no image is looked at.

    A mask over the budget earns minus ten times its overshoot below that.
    """

    @property
    def ema_accuracy(self) -> float:
        """Moving average of the accuracy, for the eye only."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return -refit_error - 10 x overshoot."""
        if score.refit_error is None:
            raise RuntimeError("the scorer measures no refit's error")
        self._ema.add(score.accuracy)
        return -score.refit_error - 10.0 * max(0.0, cost)


class SelfCompetitionReward(_AverageKeeper):
    """The paper's two phases: first hold the budget, then beat one's own past.

    Phase one, up to the end of the update in which a mask holds the budget first: 1 where it
    holds, else the sign of ema_overshoot - overshoot, which is again whether the past is beaten,
    minus the overshoot.
    Phase two: the sign of accuracy - ema_accuracy; a mask over the budget earns -1 - overshoot.
    """

    def __init__(self) -> None:
        super().__init__()
        self._overshoot = _MovingAverage()
        self._has_held = False
        self.is_phase_two = False

    def begin_update(self) -> None:
        """Move on if the budget has held: masks of one update are rewarded alike."""
        self.is_phase_two = self._has_held

    def state_dict(self) -> dict[str, float]:
        """Return the averages and the phase."""
        return {
            **super().state_dict(),
            "is_phase_two": self.is_phase_two,
            "has_held": self._has_held,
            "overshoot": self._overshoot.value,
            "is_overshoot_started": self._overshoot.is_started,
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from averages and a phase; an older checkpoint has no average of the overshoot."""
        super().load_state_dict(state)
        self.is_phase_two = bool(state["is_phase_two"])
        self._has_held = bool(state.get("has_held", self.is_phase_two))
        self._overshoot.value = state.get("overshoot", 0.0)
        self._overshoot.is_started = bool(state.get("is_overshoot_started", False))

    @property
    def ema_accuracy(self) -> float:
        """The past to beat: moving average of the accuracy of masks within the budget."""
        return self._ema.value

    def __call__(self, score: Score, cost: float) -> float:
        """Return the reward of the current phase."""
        overshoot = max(0.0, cost)
        if self.is_phase_two:
            if overshoot:
                return -1.0 - overshoot
            past = self._ema.value
            self._ema.add(score.accuracy)
            return float(np.sign(score.accuracy - past))
        past = self._overshoot.value if self._overshoot.is_started else overshoot
        self._overshoot.add(overshoot)
        if overshoot:
            return float(np.sign(past - overshoot)) - overshoot
        self._has_held = True
        self._ema.add(score.accuracy)
        return 1.0


class ImprovementReward(_AverageKeeper):
    """By how much a mask beats its own past: accuracy - ema_accuracy, minus any overshoot."""

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
    "teacher": TeacherReward,
    # dearer ones, that predict the network after fine-tuning; see core.rl.measures
    "refit_error": RefitErrorReward,
    "refit": TeacherReward,
    "refit_distillation": TeacherReward,
    "staged": TeacherReward,
}
WITH_REFIT = frozenset(REWARDS_WITH_REFIT)
WITH_DISTILLATION = frozenset({"refit_distillation", "staged"})
WITH_TEACHER = frozenset({"teacher"}) | WITH_REFIT  # rewards that need Score.teacher_kl


def teacher_temperature(reward: str) -> float | None:
    """The temperature at which a scorer must ask the unpruned network; None: it need not."""
    return TEACHER_TEMPERATURE if reward in WITH_TEACHER else None
