"""Comparisons as the window gets them, made of numbers."""

from pathlib import Path

from core.events import ComparisonReported
from core.runs.comparing import ComparisonPlan, MethodRun, compare_runs
from core.runs.comparison_reading import comparison_contents, run_folder

ACCURACIES = {
    "agent": (0.75, 0.76, 0.745, 0.755, 0.752),
    "random": (0.72, 0.722, 0.717, 0.724, 0.719),
    "layer_ratios": (0.75, 0.757, 0.75, 0.752, 0.754),
    "obs_per_mac": (0.70, 0.70, 0.70, 0.70, 0.70),
}


def compared(*, is_finetuned: bool = True, seeds: int = 5) -> ComparisonReported:
    """Four methods over some seeds."""
    names = tuple(ACCURACIES)
    plan = ComparisonPlan(
        names, tuple(range(seeds)), "cifar_resnet20", "cifar10", 0.5, 300, 20 * is_finetuned
    )
    runs = []
    for method, accuracies in ACCURACIES.items():
        for seed, accuracy in enumerate(accuracies[:seeds]):
            values = {"accuracy": accuracy, "cross_entropy": 1.6 - accuracy}
            if is_finetuned:
                after = 0.5 + accuracy / 2
                values |= {
                    "accuracy_after": after,
                    "cross_entropy_after": 1.3 - after,
                    "kl_after": 1.2 - after,
                }
            evaluations = 0 if method.startswith("obs") else 300
            seconds = 24.5 + seed
            runs.append(
                MethodRun(
                    method, seed, run_folder(method, seed), values, 0.499, evaluations, seconds
                )
            )
    comparison = compare_runs(Path("runs/compared"), plan, runs, 2 * len(runs))
    return ComparisonReported("runs/compared", comparison_contents(comparison), comparison)
