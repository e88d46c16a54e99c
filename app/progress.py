"""How far a job is and how long it still takes, reckoned from its events. No Qt."""

from collections import deque

from core.events import (
    BestChanged,
    CandidateEvaluated,
    Event,
    NetworkOpened,
    SearchFinished,
    SearchStarted,
    StageAdvanced,
    StageStarted,
)

LEAST_STEPS = 3  # before the time left is worth saying
# The pace is that of the last steps: long enough to even out the pause that each policy update
# makes, short enough to forget the time that a person held the search.
PACE_STEPS = 48


class ProgressTracker:
    """Stage, steps, time left and the best mask so far.

    Times are seconds of any clock that only goes forward, given with each event.
    """

    def __init__(self) -> None:
        self.stage = ""
        self.done = 0
        self.total = 0  # 0: not known
        self.macs_kept: float | None = None  # of the best mask, 0-1
        self.accuracy: float | None = None  # of the best mask, 0-1
        self._pace: deque[tuple[int, float]] = deque(maxlen=PACE_STEPS)

    def show_event(self, event: Event, now_seconds: float) -> None:
        """Take one event into account; events that say nothing about progress are ignored."""
        match event:
            case StageStarted():
                self._begin(event.stage, event.total, now_seconds)
            case StageAdvanced():
                self._advance(event.done, now_seconds)
            case NetworkOpened():
                self.macs_kept = self.accuracy = None
            case SearchStarted():
                self.macs_kept = self.accuracy = None
                self._begin("Searching", event.evaluations, now_seconds)
            case CandidateEvaluated():
                self._advance(event.evaluation, now_seconds)
            case BestChanged() | SearchFinished():
                self.macs_kept, self.accuracy = event.macs_kept, event.accuracy

    @property
    def seconds_left(self) -> float | None:
        """Time until the stage ends, or None while that is a guess."""
        if not self.total or self.done < LEAST_STEPS:
            return None
        (first, began), (last, now) = self._pace[0], self._pace[-1]
        return max(0.0, (self.total - self.done) * (now - began) / (last - first))

    def _begin(self, stage: str, total: int, now_seconds: float) -> None:
        self.stage, self.total, self.done = stage, total, 0
        self._pace.clear()
        self._pace.append((0, now_seconds))

    def _advance(self, done: int, now_seconds: float) -> None:
        if done > self.done:
            self.done = done
            self._pace.append((done, now_seconds))
