"""What each part of the search is worth: one part changed at a time, over seeds, in one table.

    python -m tests.benchmarks.ablations --base frozen --budget 0.5 --seeds 3 [--only encoder,prior]

The base is a preset. Every winner is judged on images of the training part that are kept apart
from the search (a fifth of it), before any fine-tuning; the test images are not read. Without
--write, which keeps the table as it grows, it is printed only. PARTS lists what is changed.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.config import RunConfig, SearchConfig
from core.config.settings import with_values
from core.data import ImagePart
from core.evaluation import distillation_divergence, limited_threads, read_logits, score_logits
from core.events import NetworkAdapted, SearchFinished
from core.export.pruned import cut_network
from core.memory import ImagesAtOnce
from core.opening import Opened, open_run
from core.presets import PRESETS, apply_preset
from core.runs.adapted import with_weights
from core.runs.comparison_table import mean_text, verdict_text
from core.runs.paired import mean_of, paired_test
from core.search import run_search
from tests.benchmarks.methods import CHECKPOINTS, RESULTS, SHARED
from tests.core.tiny import finish

APART_SHARE = 0.2
CPU = torch.device("cpu")

PARTS: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "policy of single channels": {"search.policy.architecture": "channels"},
    "hierarchical policy": {"search.policy.architecture": "hierarchical"},
    "no credit for single channels": {"search.ppo.credit_rate": 0.0},
    "no encoder (no graph)": {"search.policy.encoder": "none"},
    "encoder frozen at random": {"search.policy.encoder": "frozen"},
    "encoder pre-trained": {"search.policy.pretraining_epochs": 200},
    "encoder pre-trained and frozen": {
        "search.policy.pretraining_epochs": 200,
        "search.policy.encoder": "frozen",
    },
    "global embedding": {"search.policy.embedding": "global"},
    "no offsets": {"search.policy.offsets": False},
    "two decision steps": {"search.policy.decision_steps": 2},
    "four decision steps": {"search.policy.decision_steps": 4},
    "joint ratio": {"search.ppo.ratio": "joint"},
    "one epoch of PPO": {"search.ppo.epochs": 1},
    "no prior": {"search.prior": "none"},
    "prior l1_uniform": {"search.prior": "l1_uniform"},
    "reward cross_entropy": {"search.reward": "cross_entropy"},
    "reward improvement": {"search.reward": "improvement"},
    "reward self_competition": {"search.reward": "self_competition"},
    "reward refit_error": {"search.reward": "refit_error"},  # these two leave the weights alone
    "reward staged": {"search.reward": "staged"},
    "constraint penalty": {"search.constraint": "penalty"},
    "constraint lagrange": {"search.constraint": "lagrange"},
    "annealed over 0 %": {"search.budget_annealing": 0.0},
    "adapting, 32 steps": {"search.adaptation_steps": 32},
    "adapted weights unmixed": {"search.weight_mixing": False},
    "adapting on plain images": {"search.adaptation_cutmix": 0.0},
}


@dataclass(frozen=True)
class Judged:
    """One winner on the images kept apart."""

    accuracy: float  # 0-1
    distance: float  # T^2 KL at T = 4 to the unpruned network's answers
    cpu_seconds: float


def main() -> None:
    """Search with every part changed, and show the table as it grows."""
    arguments = _parse_arguments()
    rows: dict[str, list[Judged]] = {}
    with tempfile.TemporaryDirectory() as folder:
        opened = _open(arguments.network, _kept_apart(Path(folder)))
        for name in _chosen(arguments.only):
            config = _config(arguments, PARTS[name])
            rows[name] = [
                judge(opened, replace(config, seed=seed)) for seed in range(arguments.seeds)
            ]
            sys.stdout.write(f"{_row(name, rows[name], rows['as it is'])}\n")
            sys.stdout.flush()
            if arguments.write:
                file = RESULTS / f"ablations_{arguments.base}_{100 * arguments.budget:g}.md"
                file.write_text(_table(rows, arguments), encoding="utf-8")


def judge(opened: Opened, config: SearchConfig) -> Judged:
    """Search, and read the images kept apart, which are the test part here."""
    began, weights = time.process_time(), None
    for event in run_search(opened, config):
        if isinstance(event, NetworkAdapted):
            weights = event.weights
        if isinstance(event, SearchFinished):
            finished = event
    seconds = time.process_time() - began
    learned = opened if weights is None else with_weights(opened, weights)
    with limited_threads(config.threads):
        network = cut_network(learned, finished.keep, CPU)
        logits, labels = read_answers(network, opened.images.test)
        taught, _ = read_answers(opened.network.module.eval(), opened.images.test)
    distance = float(distillation_divergence(logits, taught, 4.0))
    return Judged(score_logits(logits, labels).accuracy, distance, seconds)


def read_answers(module: torch.nn.Module, part: ImagePart) -> tuple[torch.Tensor, torch.Tensor]:
    """What a network in evaluation mode says to all images of a part, and their labels."""
    batches = np.array_split(np.arange(len(part)), max(1, len(part) // 128))
    read = [part.batch(batch) for batch in batches]
    at_once = ImagesAtOnce("reading images")
    logits = [read_logits(module, images, CPU, at_once) for images, _ in read]
    return torch.cat(logits), torch.cat([labels for _, labels in read])


def _kept_apart(folder: Path) -> Path:
    """Write the training part alone, a fifth of it as the test part."""
    with np.load(SHARED / "data" / "cifar10_subset.npz") as given:
        x, y = given["x_train"], given["y_train"]
    order = np.random.default_rng(123).permutation(len(x))
    apart, rest = np.split(order, [round(APART_SHARE * len(x))])
    path = folder / "apart.npz"
    np.savez(path, x_train=x[rest], y_train=y[rest], x_test=x[apart], y_test=y[apart])
    return path


def _open(network: str, data: Path) -> Opened:
    checkpoint = SHARED / "checkpoints" / CHECKPOINTS[network]
    config = RunConfig(network=network, data=str(data), checkpoint=str(checkpoint))
    opened: Opened = finish(open_run(config))[1]
    return opened


def _chosen(only: str | None) -> list[str]:
    """The base, and the parts whose name holds one of the words."""
    words = only.split(",") if only else [""]
    return [name for name in PARTS if name == "as it is" or any(word in name for word in words)]


def _config(arguments: argparse.Namespace, changes: Mapping[str, Any]) -> SearchConfig:
    base = SearchConfig(macs_budget=arguments.budget, threads=arguments.threads)
    config = apply_preset(RunConfig(search=base), arguments.base)
    return with_values(config, {"search.evaluations": arguments.evaluations, **changes}).search


def _row(name: str, own: list[Judged], base: list[Judged]) -> str:
    cells = [name]
    for field, scale, digits, is_more_better in (
        ("accuracy", 100.0, 1, True),
        ("distance", 1.0, 2, False),
    ):
        values = [getattr(one, field) for one in own]
        known = [getattr(one, field) for one in base]
        test = None if own is base else paired_test(values, known, is_more_better=is_more_better)
        cells += [mean_text(mean_of(values), scale, digits), verdict_text(test)]
    cells.append(mean_text(mean_of([one.cpu_seconds for one in own]), 1.0, 0, with_error=False))
    return f"| {' | '.join(cells)} |"


def _table(rows: Mapping[str, list[Judged]], arguments: argparse.Namespace) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    lines = [
        f"# What each part is worth: {arguments.network}, {100 * arguments.budget:g} % of the MACs",
        "",
        f"Base: the preset {arguments.base}, {arguments.evaluations} evaluations; "
        f"{arguments.seeds} seeds, means ± standard errors, two-sided paired t-tests by seed "
        "against the base, not corrected for their number. Accuracy and distance (T^2 KL at T = 4 "
        "to the unpruned network's answers) of the winner, before fine-tuning, on a fifth of the "
        "training images, kept apart from the search. The test images were not read.",
        "",
        "| changed | accuracy, % | vs base | distance | vs base | CPU-seconds |",
        "|---|---|---|---|---|---|",
        *(_row(name, own, rows["as it is"]) for name, own in rows.items()),
        "",
        f"- Command: `python -m tests.benchmarks.ablations {shlex.join(sys.argv[1:])}`; commit "
        f"{commit}, torch {torch.__version__}.",
    ]
    return "\n".join(lines) + "\n"


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", choices=PRESETS, default="quick")
    parser.add_argument("--network", choices=tuple(CHECKPOINTS), default="cifar_resnet20")
    parser.add_argument("--budget", type=float, default=0.5)
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="words of the parts' names, separated by commas")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
