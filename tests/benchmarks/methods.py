"""Which method finds the best masks: a table with paired tests, for the results folder.

    python -m tests.benchmarks.methods --network cifar_resnet20 --budget 0.5 --evaluations 300
        --seeds 5 [--methods agent,gates,obs_per_mac] [--finetune-epochs 20]
        [--checkpoint FILE] [--set search.prior=l1_uniform ...] [--runs DIR]

The runs stay in DIR, so that the same command goes on after a break; the table goes into
tests/benchmarks/results with the command, the seeds and the commit that made it. The test images
are read for every run's report: never choose settings by this table.
"""

import argparse
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from app.compare_words import split_methods
from app.headless_compare import ComparisonScreen
from core.config import RunConfig, SearchConfig
from core.config.settings import parse_assignment, with_values
from core.events import ComparisonReported
from core.opening import open_run
from core.runs.comparing import USUAL_METHODS, Comparison
from core.runs.comparison_flow import check_methods, plan_comparison, record_comparison
from core.runs.comparison_table import markdown_text
from core.runs.files import default_runs_folder
from core.runs.report import environment
from tests.benchmarks.from_scratch import NETWORKS
from tests.core.tiny import finish

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
RESULTS = Path(__file__).parent / "results"
CHECKPOINTS = {
    "cifar_resnet20": "resnet20-12fca82f.th",
    "cifar_resnet56": "resnet56-4bfd9763.th",
}


def main() -> None:
    """Compare the methods, and write the table where the results are."""
    arguments = _parse_arguments()
    config = _config(arguments)
    _, opened = finish(open_run(config))
    methods = check_methods(split_methods(arguments.methods) or USUAL_METHODS)
    plan = plan_comparison(opened, config, methods, arguments.seeds, arguments.finetune_epochs)
    name = _name(arguments)
    folder = arguments.runs or default_runs_folder() / name
    screen = ComparisonScreen(sys.stdout, sys.stderr)
    for event in record_comparison(opened, config, plan, folder):
        screen.show(event)
        if isinstance(event, ComparisonReported):
            arguments.results.mkdir(parents=True, exist_ok=True)
            path = arguments.results / f"{name}.md"
            words = without_places(sys.argv[1:])
            path.write_text(results_text(event.handle, words), encoding="utf-8")
            sys.stdout.write(f"Written: {path}\n")


def results_text(comparison: Comparison, words: list[str]) -> str:
    """The table with all that is needed to make it again."""
    versions = environment()
    made = [
        f"- Command: `python -m tests.benchmarks.methods {shlex.join(words)}`",
        f"- Seeds: {', '.join(map(str, comparison.plan.seeds))}; commit {_commit()}; "
        f"torch {versions['torch']}, {platform.machine()}, Python {versions['python']}.",
    ]
    return markdown_text(comparison) + "\n".join(made) + "\n"


def without_places(words: list[str]) -> list[str]:
    """The words but for --runs and --results, which are folders of one machine."""
    places = ("--runs", "--results")
    return [
        word
        for word, before in zip(words, ["", *words], strict=False)
        if before not in places and word.split("=")[0] not in places
    ]


def _commit() -> str:
    """The commit of the checkout, and whether anything in it differs."""
    done = [
        subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "-uno"))
    ]
    commit = done[0].stdout.strip() or "unknown"
    return f"{commit} with changes" if done[1].stdout.strip() else commit


def _name(arguments: argparse.Namespace) -> str:
    parts = [arguments.network, f"{100 * arguments.budget:g}", str(arguments.evaluations)]
    if arguments.finetune_epochs:
        parts.append(f"finetuned_{arguments.finetune_epochs}")
    return "_".join(["methods", *parts])


def _config(arguments: argparse.Namespace) -> RunConfig:
    search = SearchConfig(
        macs_budget=arguments.budget,
        evaluations=arguments.evaluations,
        seed=arguments.seed,
        threads=arguments.threads,
    )
    config = RunConfig(search=search)
    if arguments.network != "demo":
        given = SHARED / "checkpoints" / CHECKPOINTS.get(arguments.network, "")
        config = RunConfig(
            network=arguments.network,
            data=str(SHARED / "data" / "cifar10_subset.npz"),
            checkpoint=str(arguments.checkpoint or given),
            search=search,
        )
    return with_values(config, dict(arguments.set))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    networks = ("demo", *CHECKPOINTS, *NETWORKS)
    parser.add_argument("--network", choices=networks, default="cifar_resnet20")
    parser.add_argument("--checkpoint", type=Path, help="of tests.benchmarks.from_scratch")
    parser.add_argument("--budget", type=float, default=0.5)
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--methods", help="separated by commas")
    parser.add_argument("--finetune-epochs", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--set", type=parse_assignment, action="append", default=[], metavar="NAME=VALUE"
    )
    parser.add_argument("--runs", type=Path, help="where the runs are kept")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
