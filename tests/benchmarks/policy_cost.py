"""What the policy costs beside the networks that it prunes, in CPU-seconds for each mask: a table.

    python -m tests.benchmarks.policy_cost [--networks cifar_resnet20,resnet101]
        [--options "default;4 steps"] [--updates 3] [--masks 3] [--write]

Weights and images are random: neither changes what a pass costs. The policy is driven as a search
drives it (propose, keep a copy, learn, take credit, prefer, tell of attention), with made-up
rewards; next to it the real network scores a few of the very masks on 128 images each, and learns
through one of them, as it does once a mask by default. Scoring is that of the default reward, the
teacher's pass included. Times are those of the process on one thread; torchvision's networks see
images of 224 x 224, those with @32 of 32 x 32. --write puts the table into the results.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from app.process import prepare_process
from core.config import PolicyConfig, PPOConfig, RunConfig, SearchConfig
from core.config.settings import with_values
from core.data import Images
from core.events import FloatArray
from core.graph.trace import analyse_network
from core.networks import Network, build_network
from core.opening import Opened
from core.pruning.baselines import one_shot_mask
from core.pruning.criteria import CRITERIA, l1_importance
from core.rl.agent import PruningAgent
from core.search.agent import make_agent, tell_of_agent
from core.search.bench import Bench
from core.search.channel_credit import CreditMeasurer
from core.search.groundwork import make_observation
from core.search.state import Groundwork
from core.search.tournament import Competitor, prior_logits

RESULTS = Path(__file__).parent / "results" / "policy_cost.md"
CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)
NETWORKS = {
    "cifar_resnet20": CIFAR,
    "cifar_resnet56": CIFAR,
    "cifar_mobilenet_v2": CIFAR,
    "resnet101": IMAGENET,
    "efficientnet_b0": IMAGENET,
    "resnet101@32": CIFAR,
    "efficientnet_b0@32": CIFAR,
}
OPTIONS: dict[str, dict[str, object]] = {
    "default": {},
    "2 steps": {"search.policy.decision_steps": 2},
    "4 steps": {"search.policy.decision_steps": 4},
    "frozen": {"search.adaptation_steps": 0},
    "frozen, 4 steps": {"search.adaptation_steps": 0, "search.policy.decision_steps": 4},
    "global": {"search.policy.embedding": "global"},
    "no encoder": {"search.policy.encoder": "none"},
    "params too": {"search.params_budget": 0.6},
    "lagrange": {"search.constraint": "lagrange"},
    "streams": {"search.streams": "prune"},
}
SCORED_AT_ONCE = 128
HEADER = (
    f"| {'network':<18} | {'channels':>8} | {'options':<21} | {'policy ms':>9} | "
    f"{'scoring ms':>10} | {'adapting ms':>11} | {'share':>6} |\n"
    f"|{'-' * 20}|{'-' * 10}|{'-' * 23}|{'-' * 11}|{'-' * 12}|{'-' * 13}|{'-' * 8}|\n"
)


def main() -> None:
    """Measure all networks with all options, and print or write a table."""
    arguments = _parse_arguments()
    prepare_process()
    torch.set_num_threads(1)
    rows = []
    sys.stdout.write(HEADER)
    for name in arguments.networks.split(","):
        opened = open_untrained(name)
        network: tuple[float, float] | None = None  # scoring and adapting
        for option in arguments.options.split(";"):
            bench = _bench(opened, OPTIONS[option])
            agent = make_agent(bench, make_observation(bench, made_up_ground(bench)))
            policy = policy_seconds(agent, bench, arguments.updates)
            if network is None and arguments.masks:
                network = network_seconds(agent, bench, arguments.masks)
            scoring, adapting = network or (0.0, 0.0)
            adapting = adapting if bench.config.is_adapting else 0.0
            rows.append(_row(name, len(bench.removable), option, policy, scoring, adapting))
            sys.stdout.write(rows[-1])
            sys.stdout.flush()
    if arguments.write:
        RESULTS.write_text(_page(rows), encoding="utf-8")


class NoisePart:
    """As many random images as anybody asks for."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape

    def __len__(self) -> int:
        return 1000

    def batch(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise, float32 (N, C, H, W), all of class 0."""
        images = torch.randn(len(indices), *self._shape)
        return images, torch.zeros(len(indices), dtype=torch.int64)


def open_untrained(name: str) -> Opened:
    """A network with random weights, analysed but not proved, and noise for images."""
    torch.manual_seed(0)
    shape = NETWORKS[name]
    classes = 10 if shape == CIFAR else 1000
    module = build_network(name.partition("@")[0], class_count=classes, input_shape=shape).eval()
    part = NoisePart(shape)
    names = tuple(map(str, range(classes)))
    images = Images("noise", part, part, part, names, shape, (0.0,) * 3, (1.0,) * 3)
    network = Network(name, module, shape, classes)
    return Opened(network, images, analyse_network(module, part.batch(np.arange(2))[0]), 0.0)


def made_up_ground(bench: Bench) -> Groundwork:
    """A prior and importances as a tournament gives them: magnitudes, with noise upon them."""
    random, analysis = np.random.default_rng(0), bench.opened.analysis
    l1 = l1_importance(bench.opened.network.module, analysis.plan, analysis.groups)
    importances: dict[str, FloatArray] = {
        name: (l1 * random.lognormal(0.0, 0.5, len(l1))).astype(np.float32) for name in CRITERIA
    }
    budget, removable = bench.config.macs_budget, bench.removable
    priority = np.log(importances["l1"].astype(np.float64) + 1e-6)
    keep = one_shot_mask(priority, bench.macs, budget, removable)
    competitor = Competitor("l1_global", priority, keep)
    logits = prior_logits(competitor, bench.macs, budget, removable)
    prior = torch.from_numpy(logits).float()
    return Groundwork(importances, prior, keep, {"l1_global": keep})


def policy_seconds(agent: PruningAgent, bench: Bench, updates: int) -> float:
    """CPU-seconds of the policy for one mask, the least of some updates."""
    random, count = np.random.default_rng(0), bench.config.samples_per_update
    noise = random.normal(size=len(bench.removable))

    def learn() -> None:
        proposal = agent.propose(count)
        agent.state_dict()  # in case the update must be taken back
        agent.learn(proposal, (proposal.keep @ noise).tolist())
        assert agent.is_sound
        if CreditMeasurer.of(bench) is not None:
            agent.preference()
            agent.take_credit(random.normal(size=len(noise)))
        agent.preference()
        list(tell_of_agent(agent, bench, update=2))
        agent.state_dict()  # of the checkpoint

    learn()  # warms up
    return min(_cpu_seconds(learn) for _ in range(updates)) / count


def network_seconds(agent: PruningAgent, bench: Bench, masks: int) -> tuple[float, float]:
    """CPU-seconds of scoring one mask as the default does, the least of some, and of a step."""
    images, labels = bench.opened.images.reward.batch(np.arange(SCORED_AT_ONCE))
    asking = _cpu_seconds(lambda: bench.scorer._ask(images))
    keeps = agent.propose(masks).keep
    times = [_cpu_seconds(lambda k=keep: bench.scorer.score(k, images, labels)) for keep in keeps]
    size, rate = bench.config.distillation_batch, bench.config.distillation_rate
    lesson = bench.opened.images.reward.batch(np.arange(size))
    adapting = _cpu_seconds(lambda: bench.scorer.adapt(keeps[0], *lesson, rate))
    steps = bench.config.adaptation_steps / bench.config.samples_per_update
    return min(times) + asking / bench.config.samples_per_update, steps * adapting


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _bench(opened: Opened, values: dict[str, object]) -> Bench:
    search = SearchConfig(threads=1, policy=PolicyConfig(), ppo=PPOConfig())
    return Bench.of(opened, with_values(RunConfig(search=search), values).search)


def _row(
    name: str, channels: int, option: str, policy: float, scoring: float, adapting: float
) -> str:
    share = policy / (policy + scoring + adapting)
    return (
        f"| {name:<18} | {channels:>8} | {option:<21} | {1000 * policy:>9.2f} | "
        f"{1000 * scoring:>10.1f} | {1000 * adapting:>11.1f} | {100 * share:>4.1f} % |\n"
    )


def _page(rows: list[str]) -> str:
    return (
        "# What the policy costs\n\n"
        "CPU-milliseconds for each mask, on one thread: the policy's, those of scoring the cut "
        "network on 128 images at half its MACs by the default reward, and those of a step of "
        "adaptation on 64 images, of which there is one a mask.\n\n"
        f"{HEADER}{''.join(rows)}\n"
        f"- Command: `python -m tests.benchmarks.policy_cost --write`; torch {torch.__version__}, "
        f"{platform.machine()}, Python {platform.python_version()}.\n"
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="separated by commas")
    parser.add_argument("--options", default=";".join(OPTIONS), help="separated by semicolons")
    parser.add_argument("--updates", type=int, default=3)
    parser.add_argument("--masks", type=int, default=3, help="scored with the real network")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
