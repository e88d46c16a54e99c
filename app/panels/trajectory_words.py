"""What the trajectory says below its charts."""

from PySide6.QtCore import QCoreApplication

from app.panels.trajectory_data import (
    ACCURACY,
    CROSS_ENTROPY,
    EMA,
    EVALUATION,
    MACS,
    MEETS_BUDGET,
    REWARD,
    SECONDS,
    Trajectory,
)
from app.words import duration_text, percent_text


def point_words(known: Trajectory, row: int) -> str:
    """One evaluation's numbers in a line."""
    values = [float(known.points.column(column)[row]) for column in range(8)]
    words = _translate(
        "Evaluation {:,.0f}: {} of MACs · accuracy {} (EMA {}) · cross-entropy {:.3f} · "
        "reward {:.3f} · {}"
    ).format(
        values[EVALUATION],
        percent_text(values[MACS]),
        percent_text(values[ACCURACY]),
        percent_text(values[EMA]),
        values[CROSS_ENTROPY],
        values[REWARD],
        duration_text(values[SECONDS]),
    )
    if known.over_budget[row]:
        words += _translate(" · over budget")
    elif not values[MEETS_BUDGET]:
        words += _translate(" · while the budget falls")
    return words.replace("-0", "−0").replace(" -", " −")


def state_words(known: Trajectory) -> str:
    """How far the search is, its best mask, what interrupted it, and how it ended."""
    words = []
    if known.started:
        words.append(
            _translate("{:,} of {:,} evaluations").format(
                len(known.points), known.started.evaluations
            )
        )
    if len(known.best):
        evaluation, accuracy = (float(known.best.column(i)[-1]) for i in (EVALUATION, ACCURACY))
        best = (
            _translate("best: evaluation {:,.0f}, accuracy {}")
            if evaluation
            else _translate("best: a criterion, accuracy {1}")
        )
        words.append(best.format(evaluation, percent_text(accuracy)))
    gaps = known.gaps()
    if resumed := sum(gap.is_resumed for gap in gaps):
        words.append(_translate("{:,} × resumed").format(resumed))
    if pauses := sum(not gap.is_resumed for gap in gaps):
        words.append(_translate("{:,} × paused").format(pauses))
    if known.finish:
        ended = (
            _translate("stopped: {} on held-out images")
            if known.finish.is_stopped
            else _translate("finished: {} on held-out images")
        )
        words.append(ended.format(percent_text(known.finish.accuracy)))
    return " · ".join(words)


def _translate(text: str) -> str:
    return QCoreApplication.translate("TrajectoryPanel", text)
