"""What one agent gives to networks and budgets that it has not practised on.

    python -m tests.benchmarks.transfer FAMILY --train 20,32,44 --judge 20:25,20:40,20:60,56:50
        [--agent FILE] [--updates 100] [--search 20:40 --few 100 --many 300] [--data FILE.npz]
        [--finetune-epochs 3 --finetuned 3]

Networks are the depth of a CIFAR ResNet, or cifar_vgg16_bn or cifar_mobilenet_v2. FAMILY is the
folder of tests.benchmarks.family, for the depths that have no weights, and of
tests.benchmarks.from_scratch for the other two. The agent is trained on the reward images, or read
from FILE if that is there. Its proposals take no evaluation; they and all one-shot masks are
refitted and compared by their distance to the unpruned network's answers (T^2 KL at T = 4) on
held-out images, or with --part test on the test images, which then are read once. --search: what a
search from the agent finds in few evaluations, beside a fresh one's many. --finetune-epochs: the
proposal and the best one-shot masks once more after so much training, judged by the same images;
its best epoch is chosen on held-out images, so that only --part test is fair then.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.config.training import TrainingConfig
from core.data import ImagePart
from core.evaluation import (
    RotatingImages,
    distillation_divergence,
    limited_threads,
    mean_score,
    score_logits,
)
from core.events import BoolArray, SearchFinished, TaskPractised
from core.finetuning.loop import finetune
from core.opening import Opened, open_run
from core.rl.generalist import Question, propose
from core.rl.transfer import load_generalist
from core.search import run_search
from core.search.feasibility import removable_channels
from core.search.generalist import TrainingGround, prepare_ground, train_generalist
from core.search.tournament import PROPOSAL, make_competitors, split_name
from tests.benchmarks.ablations import read_answers
from tests.benchmarks.family import SHARED, family_checkpoint
from tests.benchmarks.from_scratch import NETWORKS
from tests.core.tiny import finish

GIVEN = {"20": "resnet20-12fca82f.th", "56": "resnet56-4bfd9763.th"}
JUDGED_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Judged:
    """One mask on images that nobody was rewarded for."""

    name: str
    distance: float  # to the unpruned network's answers, after the refit
    accuracy: float  # 0-1
    keep: BoolArray  # (channels,)


def main() -> None:
    """Train or read the agent, judge it, and print the tables."""
    arguments = _parse_arguments()
    if not arguments.agent.is_file():
        _train(arguments)
    with limited_threads(arguments.threads):
        for name, budgets in _by_network(arguments.judge).items():
            opened = _open(name, arguments)
            ground = finish(prepare_ground(opened, _config(arguments)))[1]
            for budget in budgets:
                rows = judge(ground, budget, arguments.agent, _part(opened, arguments), arguments)
                title = f"{name}, {100 * budget:g} %, no evaluation"
                _write_table(title, rows)
                if arguments.finetune_epochs:
                    told = f"{title}, {arguments.finetune_epochs} epochs"
                    _write_table(told, finetuned(opened, rows, arguments), "KL")
    for name, budgets in _by_network(arguments.search).items():
        opened = _open(name, arguments)
        for budget in budgets:
            rows = list(searched(opened, budget, arguments))
            _write_table(f"{name}, {100 * budget:g} %, searches", rows)


def judge(
    ground: TrainingGround,
    budget: float,
    agent: Path,
    part: ImagePart,
    arguments: argparse.Namespace,
) -> list[Judged]:
    """Compare the agent's proposal with the one-shot masks, the best first."""
    bench = ground.bench
    policy = load_generalist(str(agent))
    if policy is None:
        raise SystemExit(f"{agent} knows one network only")
    config = dataclasses.replace(bench.config, macs_budget=budget)
    removable = removable_channels(bench.opened, config, bench.macs)
    began = time.process_time()
    _, keep = propose(policy, Question.of(ground.view(removable), budget))
    sys.stdout.write(f"The proposal took {time.process_time() - began:.2f} CPU-seconds.\n")
    competitors = make_competitors(
        ground.importances, bench.opened.analysis.groups, bench.macs, budget, removable
    )
    masks = {PROPOSAL: keep}
    for one in competitors:
        if arguments.criteria is None or split_name(one.name)[0] in arguments.criteria:
            masks[one.name] = one.keep
    rows = [_judged(ground, name, mask, part) for name, mask in masks.items()]
    return sorted(rows, key=lambda row: row.distance)


def searched(opened: Opened, budget: float, arguments: argparse.Namespace) -> Iterator[Judged]:
    """Search with the agent for a little while, and without it for longer."""
    ground = finish(prepare_ground(opened, _config(arguments)))[1]
    for start, evaluations in ((str(arguments.agent), arguments.few), ("", arguments.many)):
        for seed in range(arguments.seeds):
            config = SearchConfig(
                macs_budget=budget,
                reward="refit",
                evaluations=evaluations,
                seed=seed,
                threads=arguments.threads,
                start_from=start,
            )
            *_, last = run_search(opened, config)
            assert isinstance(last, SearchFinished)
            who = "from the agent" if start else "fresh"
            name = f"{who}, {last.evaluations} evaluations, seed {seed}"
            yield _judged(ground, name, last.keep, _part(opened, arguments))


def finetuned(
    opened: Opened, rows: Sequence[Judged], arguments: argparse.Namespace
) -> list[Judged]:
    """Train the proposal and the best one-shot masks alike, from their refit; KL at T = 1."""
    part = _part(opened, arguments)
    taught, labels = read_answers(opened.network.module.eval(), part)
    best = [row for row in rows if row.name != PROPOSAL][: arguments.finetuned]
    trained = []
    for row in [*(row for row in rows if row.name == PROPOSAL), *best]:
        config = RunConfig(
            search=SearchConfig(threads=arguments.threads),
            finetune=FinetuneConfig(
                epochs=arguments.finetune_epochs, learning_rate=0.01, seed=arguments.seed
            ),
        )
        done = finish(finetune(opened, row.keep, config, name=row.name))[1]
        logits, _ = read_answers(done.module, part)
        divergence = float(distillation_divergence(logits, taught, 1.0))
        accuracy = score_logits(logits, labels).accuracy
        trained.append(Judged(row.name, divergence, accuracy, row.keep))
    return trained


def _judged(ground: TrainingGround, name: str, keep: BoolArray, part: ImagePart) -> Judged:
    images = RotatingImages(part, JUDGED_AT_ONCE, seed=0)
    rounds = max(1, len(part) // JUDGED_AT_ONCE)
    score = mean_score([ground.bench.scorer.score(keep, *images.next()) for _ in range(rounds)])
    return Judged(name, score.loss, score.accuracy, keep)


def _train(arguments: argparse.Namespace) -> None:
    networks = [_open(name, arguments) for name in arguments.train]
    began = time.process_time()
    events = train_generalist(networks, _config(arguments))
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            arguments.agent.write_bytes(end.value)
            break
        if isinstance(event, TaskPractised) and event.update % 10 == 0:
            sys.stdout.write(f"{time.process_time() - began:.0f} CPU-s {event}\n")
            sys.stdout.flush()
    sys.stdout.write(f"The training took {time.process_time() - began:.0f} CPU-seconds.\n")


def _open(name: str, arguments: argparse.Namespace) -> Opened:
    network = f"cifar_resnet{name}" if name.isdigit() else name
    if name in GIVEN:
        checkpoint = SHARED / "checkpoints" / GIVEN[name]
    elif name in NETWORKS:
        checkpoint = arguments.family / f"{name}.pt"
    else:
        checkpoint = family_checkpoint(
            arguments.family, int(name), data=arguments.data, epochs=3, seed=0
        )
    config = RunConfig(network=network, data=str(arguments.data), checkpoint=str(checkpoint))
    opened: Opened = finish(open_run(config))[1]
    return opened


def _part(opened: Opened, arguments: argparse.Namespace) -> ImagePart:
    return opened.images.test if arguments.part == "test" else opened.images.held_out


def _config(arguments: argparse.Namespace) -> TrainingConfig:
    return TrainingConfig(
        updates=arguments.updates,
        seed=arguments.seed,
        threads=arguments.threads,
        cheap_share=arguments.cheap_share,
    )


def _write_table(title: str, rows: Sequence[Judged], measure: str = "distance") -> None:
    sys.stdout.write(f"\n{title}\n| mask | {measure} | accuracy |\n|---|---|---|\n")
    for row in rows:
        sys.stdout.write(f"| {row.name} | {row.distance:.3f} | {row.accuracy:.3f} |\n")
    sys.stdout.flush()


def _by_network(pairs: Sequence[tuple[str, float]]) -> dict[str, list[float]]:
    return {
        name: [budget for other, budget in pairs if other == name]
        for name in dict.fromkeys(name for name, _ in pairs)
    }


def _pairs(text: str) -> list[tuple[str, float]]:
    """Read "20:25,cifar_vgg16_bn:50"."""
    parts = [pair.split(":") for pair in text.split(",")]
    return [(name, float(percent) / 100) for name, percent in parts]


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", type=Path)
    parser.add_argument("--agent", type=Path, help="default: agent.pt in FAMILY")
    parser.add_argument("--train", type=lambda text: text.split(","), default=["20", "32", "44"])
    parser.add_argument("--judge", type=_pairs, default=_pairs("20:25,20:40,20:60,56:50"))
    parser.add_argument("--criteria", type=lambda text: text.split(","), help="default: all")
    parser.add_argument("--search", type=_pairs, default=[])
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--finetune-epochs", type=int, default=0)
    parser.add_argument("--finetuned", type=int, default=3, help="of the one-shot masks")
    parser.add_argument("--updates", type=int, default=TrainingConfig().updates)
    parser.add_argument("--cheap-share", type=float, default=TrainingConfig().cheap_share)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", choices=("held_out", "test"), default="held_out")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "cifar10_subset.npz")
    arguments = parser.parse_args()
    arguments.agent = arguments.agent or arguments.family / "agent.pt"
    return arguments


if __name__ == "__main__":
    main()
