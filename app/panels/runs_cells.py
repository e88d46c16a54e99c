"""A run as a row of numbers, for CSV files and the clipboard."""

from app.panels.panel import Cell
from core.runs.history import RunSummary

HEADER = (
    *("folder", "date", "network", "data", "macs_budget", "reward", "seed", "evaluations"),
    *("test_accuracy", "macs_kept", "best_criterion", "best_criterion_accuracy"),
    *("finished", "notes", "problem"),
)


def run_cells(run: RunSummary) -> tuple[Cell, ...]:
    """The cells under HEADER; shares 0-1."""
    return (
        str(run.folder),
        run.started.isoformat(sep=" "),
        run.network,
        run.dataset,
        run.macs_budget,
        run.reward,
        run.seed,
        run.evaluations,
        run.accuracy,
        run.macs_kept,
        run.best_criterion,
        run.best_criterion_accuracy,
        int(run.is_finished),
        run.notes,
        run.problem,
    )
