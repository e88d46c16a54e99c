"""A search told to the trajectory, evaluation by evaluation."""

import numpy as np

from app.panels.trajectory import TrajectoryPanel
from core.events import CandidateEvaluated, HeldOutScored, PolicyUpdated, SearchStarted

KEEP = np.ones(4, dtype=np.bool_)
STARTED = SearchStarted(300, 0.5, 1000, 100, 0.926, 0.25, 0.03)


def candidate(evaluation: int, accuracy: float = 0.6, reward: float = -1.0) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation, 0, KEEP, 0.495, accuracy, -reward, reward, 0.55, True, 1.0
    )


def show_short_search(panel: TrajectoryPanel) -> None:
    panel.show_event(STARTED)
    for evaluation, seconds in ((1, 2.0), (2, 5.0)):
        panel.show_event(
            CandidateEvaluated(evaluation, 1, KEEP, 0.5, 0.6, 1.0, -1.0, 0.5, True, seconds)
        )
    panel.show_event(PolicyUpdated(1, np.full(4, 0.5, np.float32), KEEP, 0.1, 0.0, 0.61, 0.01, 0.1))
    panel.show_event(HeldOutScored(2, 0.58, 1.05, 1.0))
    panel.redraw_now()
