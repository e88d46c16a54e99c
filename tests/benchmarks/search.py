"""How good the search is on ResNet-20 and how long it takes: a table.

    python -m tests.benchmarks.search [--seeds 0 1 2] [--evaluations 300] [--part held_out]
        [--set search.policy.architecture=hierarchical ...]

Accuracy is read with recalibrated norms, before fine-tuning. The test images are for the
final number only: choose settings with `--part held_out`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from core.config import RunConfig, SearchConfig
from core.config.settings import parse_assignment, with_values
from core.evaluation import limited_threads, read_part, recalibrate_norms, resolve_device
from core.events import SearchFinished
from core.opening import Opened, open_run
from core.pruning.surgery import prune_network
from core.search import run_search
from tests.core.tiny import finish

SHARED = Path(__file__).resolve().parents[3] / "shared"
HEADER = (
    f"{'seed':>4} {'winner':>7} {'l1_uniform':>11} {'macs':>6} "
    f"{'total s':>8} {'evaluation s':>13} {'policy s':>9} {'policy share':>13}\n"
)


def main() -> None:
    """Search once for each seed and print a row as it ends."""
    arguments = _parse_arguments()
    _, opened = finish(
        open_run(
            RunConfig(
                network="cifar_resnet20",
                data=str(SHARED / "data" / "cifar10_subset.npz"),
                checkpoint=str(SHARED / "checkpoints" / "resnet20-12fca82f.th"),
            )
        )
    )
    rows = []
    sys.stdout.write(HEADER)
    for seed in arguments.seeds:
        search = SearchConfig(
            macs_budget=arguments.macs_budget,
            evaluations=arguments.evaluations,
            seed=seed,
            threads=arguments.threads,
        )
        config = with_values(RunConfig(search=search), dict(arguments.set)).search
        finished = list(run_search(opened, config))[-1]
        winner, baseline = _accuracies(opened, finished, arguments.part, arguments.threads)
        rows.append((winner, baseline))
        total, evaluation, policy = (
            finished.seconds[name] for name in ("total", "evaluation", "policy")
        )
        sys.stdout.write(
            f"{seed:>4} {winner:>7.3f} {baseline:>11.3f} {finished.macs_kept:>6.3f} "
            f"{total:>8.1f} {evaluation:>13.1f} {policy:>9.1f} {policy / total:>13.3f}\n"
        )
        sys.stdout.flush()
    winner, baseline = np.mean(rows, axis=0)
    sys.stdout.write(
        f"mean {winner:>7.3f} {baseline:>11.3f}   {winner - baseline:+.3f} on {arguments.part}\n"
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--macs-budget", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--set", type=parse_assignment, action="append", default=[], metavar="NAME=VALUE"
    )
    parser.add_argument("--part", choices=("held_out", "test"), default="test")
    return parser.parse_args()


def _accuracies(
    opened: Opened, finished: SearchFinished, part: str, threads: int
) -> tuple[float, float]:
    """Accuracy of the winner and of l1_uniform, 0-1."""
    device = resolve_device("auto")
    masks = {"winner": finished.keep, "l1_uniform": finished.criteria["l1_uniform"]}
    modules = {}
    with limited_threads(threads):
        for name, keep in masks.items():
            modules[name] = prune_network(opened.network.module, opened.analysis.plan, keep)
            modules[name].to(device)
            recalibrate_norms(modules[name], opened.images.reward, device=device)
        _, scores = finish(read_part(modules, getattr(opened.images, part), device=device))
    return scores["winner"].accuracy, scores["l1_uniform"].accuracy


if __name__ == "__main__":
    main()
