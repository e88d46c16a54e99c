"""All that is known about the course of a search, as columns; nothing is ever dropped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.panels.growing import FloatVector, GrowingTable
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    HeldOutScored,
    MultiplierUpdated,
    NetworkOpened,
    PolicyUpdated,
    PretrainingAdvanced,
    SearchFinished,
    SearchResumed,
    SearchStarted,
)

# Columns of every table begin with the place on the x axis, by evaluations or by seconds.
EVALUATION, SECONDS, MACS, ACCURACY, CROSS_ENTROPY, REWARD, EMA, MEETS_BUDGET = range(8)
ENTROPY = 2  # column of `updates`
MULTIPLIER = 2  # column of `multipliers`
PRETRAINING_LOSS = 2  # column of `pretraining`, whose first one counts epochs
UPDATE = 8  # column of `points`
# Where nobody saw the search being held, a step is a pause if it is longer than both: of the steps
# of its kind, all but the longest twentieth take no longer than the typical one.
PAUSE_SECONDS, PAUSE_SHARE = 10.0, 10.0
TYPICAL_SHARE, LEAST_STEPS = 0.95, 5
NEIGHBOUR_SHARE = 0.5  # and its neighbours of the same kind are not nearly as long


@dataclass(frozen=True)
class Finish:
    """How a search ended."""

    accuracy: float  # held-out, 0-1
    macs_kept: float
    is_stopped: bool


@dataclass(frozen=True)
class Gap:
    """Between two neighbouring evaluations lies more than a search's own time."""

    before: int  # row of the last point before it
    is_resumed: bool  # else the search was held


class Trajectory:
    """The points of one search. Shares are stored as 0-1, cross-entropy and entropy in nats.

    `is_watched` says whether `let_go_on` tells of every pause, as while a search runs; of one that
    is told again only the times are known.
    """

    def __init__(self) -> None:
        self.is_watched = False
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.points = GrowingTable(9)
        self.updates = GrowingTable(3)
        self.multipliers = GrowingTable(3)
        self.pretraining = GrowingTable(3)
        self.best = GrowingTable(5)  # EVALUATION to CROSS_ENTROPY
        self.held_out = GrowingTable(5)  # its MACS is not a number
        self.criteria: list[CriterionEvaluated] = []
        self.started: SearchStarted | None = None
        self.finish: Finish | None = None
        self._resumed_after: list[int] = []
        self._held_after: list[int] = []
        self._unwatched = 0  # so many points came without anybody who saw the pauses

    def let_go_on(self) -> None:
        """The person goes on with the search that they held."""
        if len(self.points):
            self._held_after.append(len(self.points) - 1)

    def take(self, event: Event) -> bool:
        """Append what the event tells; says whether that is anything."""
        match event:
            case NetworkOpened():
                self.clear()
            case SearchStarted():
                self.clear()
                self.started = event
            case SearchResumed() if len(self.points):
                self._resumed_after.append(len(self.points) - 1)
                self._unwatched = len(self.points)
            case CriterionEvaluated():
                self.criteria.append(event)
            case CandidateEvaluated():
                self._append(event)
            case PolicyUpdated():
                if event.entropy is None:  # of a method without a policy
                    return False
                self.updates.append(*self._place(None), event.entropy)
            case MultiplierUpdated():
                self.multipliers.append(*self._place(None), event.multiplier)
            case PretrainingAdvanced():
                loss = event.edge_loss + event.feature_loss
                self.pretraining.append(event.epoch, np.nan, loss)
            case BestChanged():
                place = self._place(event.evaluation)
                self.best.append(*place, event.macs_kept, event.accuracy, event.cross_entropy)
            case HeldOutScored():
                place = self._place(event.evaluation)
                self.held_out.append(*place, np.nan, event.accuracy, event.cross_entropy)
            case SearchFinished():
                self.finish = Finish(event.accuracy, event.macs_kept, event.is_stopped)
            case _:
                return False
        return True

    @property
    def best_criterion(self) -> CriterionEvaluated | None:
        """By cross-entropy, as the search judges: it is finer than accuracy."""
        return min(self.criteria, key=lambda one: one.cross_entropy, default=None)

    @property
    def over_budget(self) -> BoolArray:
        """(points,) whether a mask violates the constraint; none does while the budget falls."""
        is_over: BoolArray = self.points.column(MEETS_BUDGET) == 0
        return is_over & (self.points.column(EVALUATION) > self._annealed)

    @property
    def is_annealed(self) -> bool:
        """Whether the budget falls at first."""
        return self._annealed > 0

    @property
    def budgets(self) -> FloatVector:
        """(points,) the share of the MACs that a mask might keep when it was tried, 0-1."""
        budget = self.started.macs_budget if self.started else 1.0
        done = np.minimum(1.0, self.points.column(EVALUATION) / max(self._annealed, 1e-9))
        held: FloatVector = 1.0 - (1.0 - budget) * done
        return held

    @property
    def _annealed(self) -> float:
        return self.started.annealed_evaluations if self.started else 0.0

    def gaps(self) -> list[Gap]:
        """Where the search was resumed, where evaluations are missing, and where it was held."""
        evaluations, last = self.points.column(EVALUATION), len(self.points) - 1
        found = dict.fromkeys(np.flatnonzero(np.diff(evaluations) > 1).tolist(), True)
        found |= dict.fromkeys((row for row in self._resumed_after if row < last), True)
        held = [row for row in self._held_after if row < last]
        for row in (*held, *self._pauses_by_time()):
            found.setdefault(row, False)
        return [Gap(row, is_resumed) for row, is_resumed in sorted(found.items())]

    def _pauses_by_time(self) -> list[int]:
        """Rows after which the search was probably held, where nobody saw it."""
        count = self._unwatched if self.is_watched else len(self.points)
        steps = np.diff(self.points.column(SECONDS)[:count])
        # between two updates a method learns, which takes longer than to score a mask
        is_between = np.diff(self.points.column(UPDATE)[:count]) > 0
        return [
            int(row)
            for rows in (np.flatnonzero(is_between), np.flatnonzero(~is_between))
            for row in rows[much_longer(steps[rows])]
        ]

    def _append(self, event: CandidateEvaluated) -> None:
        self.points.append(
            event.evaluation,
            event.seconds,
            event.macs_kept,
            event.accuracy,
            event.cross_entropy,
            event.reward,
            event.ema_accuracy,
            event.meets_budget,
            event.update,
        )

    def _place(self, evaluation: int | None) -> tuple[float, float]:
        """Evaluation and seconds of a point that is known, or of the last one."""
        known = self.points.column(EVALUATION)
        if not len(known):
            return float(evaluation or 0), 0.0
        if evaluation is None:
            row = len(known) - 1
        elif evaluation == 0:
            return 0.0, 0.0
        else:
            row = min(int(np.searchsorted(known, evaluation)), len(known) - 1)
        at = float(known[row] if evaluation is None else evaluation)
        return at, float(self.points.column(SECONDS)[row])


def much_longer(steps: FloatVector) -> BoolArray:
    """Which steps (seconds, (steps,)) are so much longer than the others that nothing was done."""
    if len(steps) < LEAST_STEPS:
        return np.zeros(len(steps), dtype=np.bool_)
    place = int(TYPICAL_SHARE * (len(steps) - 2))
    typical = np.partition(steps, place)[place]  # of the others
    is_long: BoolArray = steps > max(PAUSE_SECONDS, PAUSE_SHARE * float(typical))
    beside = np.maximum(np.append(0.0, steps[:-1]), np.append(steps[1:], 0.0))
    return is_long & (beside < NEIGHBOUR_SHARE * steps)


def moving_mean(values: FloatVector, window: int) -> FloatVector:
    """The mean of the last `window` values at each of them; what is not finite is left out.

    The first values have the mean of those before them. Shape like `values`.
    """
    is_known = np.isfinite(values)
    sums = np.cumsum(np.where(is_known, values, 0.0))
    counts = np.cumsum(is_known).astype(np.float64)
    for totals in (sums, counts):
        totals[window:] -= totals[:-window].copy()
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)


def broken_at(
    x: FloatVector, y: FloatVector, rows: NDArray[np.int64]
) -> tuple[FloatVector, FloatVector]:
    """A curve with a hole after each of the rows, so that no line crosses a gap."""
    middles = (x[rows] + x[np.minimum(rows + 1, len(x) - 1)]) / 2
    return np.insert(x, rows + 1, middles), np.insert(y, rows + 1, np.nan)
