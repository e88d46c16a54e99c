"""The points of the trade-off as they are drawn: per cent or nats, what to fit, what is outside."""

import numpy as np
from numpy.typing import NDArray

from app.panels.growing import FloatVector
from app.panels.tradeoff_points import EvaluatedMasks, Kind, pareto_front
from core.events import BoolArray


class PlottedValues:
    """Masks as x (per cent of MACs) and y (accuracy in per cent, or cross-entropy in nats)."""

    def __init__(self, masks: EvaluatedMasks, *, is_accuracy: bool) -> None:
        self.kinds = masks.kinds
        self.x: FloatVector = 100 * masks.macs_kept
        self.y: FloatVector = 100 * masks.accuracy if is_accuracy else masks.cross_entropy
        self._worth = self.y if is_accuracy else -self.y

    def front(self) -> NDArray[np.int64]:
        """The front of what was scored on reward images; held-out scores do not compare."""
        is_reward = (self.kinds == Kind.CANDIDATE) | (self.kinds == Kind.CRITERION)
        return pareto_front(self.x, np.where(is_reward, self._worth, np.nan))

    def worth_fitting(self, *, is_all: bool) -> BoolArray:
        """(points,) which of them the axes make room for.

        Weak criteria and the unpruned network would squeeze the masks into a dot, so only the
        best criterion counts beside them unless all are wanted.
        """
        is_shown = np.isfinite(self.x) & np.isfinite(self.y)
        is_mask = self.kinds == Kind.CANDIDATE
        if is_all or not is_mask.any():
            return is_shown
        known = np.flatnonzero((self.kinds == Kind.CRITERION) & is_shown)
        is_shown &= is_mask
        if len(known):
            is_shown[known[np.argmax(self._worth[known])]] = True
        return is_shown

    def outside(
        self, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> tuple[int, int, int]:
        """How many points lie above, below, and at the same height to the right of a view."""
        above, below = self.y > y_range[1], self.y < y_range[0]
        beside = (self.x > x_range[1]) & ~above & ~below
        return int(above.sum()), int(below.sum()), int(beside.sum())
