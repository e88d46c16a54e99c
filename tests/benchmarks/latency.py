"""How well latency is predicted from a table of layers, for masks of many shapes.

    python -m tests.benchmarks.latency [--networks cifar_resnet20,cifar_vgg16_bn] [--threads 1]

Random masks that keep about the same share of every layer, or more of early or of late ones. The
network is whole and cut in turns; "off" is predicted minus measured, in points of the unpruned
network's latency. Weights are random: times do not depend on them. --cpu-time counts the time
of the thread instead of the clock's, for machines that are busy; with one thread only.
"""

import argparse
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch import nn

from core.events import BoolArray
from core.graph.assembly import Analysis
from core.graph.trace import analyse_network
from core.networks import Network, build_network
from core.opening import Opened
from core.pruning.latency_table import LatencyCost, LatencyTable
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network
from core.search.layer_timing import measure_latency_table
from core.search.timers import TorchTimer

SHAPE = (3, 32, 32)
MASKS: dict[str, tuple[float, float]] = {  # kept share of the first and of the last group
    "90 %": (0.9, 0.9),
    "70 %": (0.7, 0.7),
    "50 %": (0.5, 0.5),
    "30 %": (0.3, 0.3),
    "late": (0.3, 1.0),
    "early": (1.0, 0.3),
}
PAIRS = 15
TITLES = ("MACs", "predicted", "measured", "off")
HEADER = f"{'network':<20}{'mask':<7}" + "".join(f"{title:>11}" for title in TITLES) + "\n"


def main() -> None:
    """Measure all networks and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="cifar_resnet20,cifar_mobilenet_v2,cifar_vgg16_bn")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.thread_time if arguments.cpu_time else time.perf_counter
    sys.stdout.write(HEADER)
    for name in arguments.networks.split(","):
        for row in _rows(name, arguments.batch, clock):
            sys.stdout.write(row)
            sys.stdout.flush()


def _rows(name: str, batch: int, clock: Callable[[], float]) -> list[str]:
    module = build_network(name, class_count=10, input_shape=SHAPE).eval()
    analysis = analyse_network(module, torch.randn(2, *SHAPE))
    timer = TorchTimer(torch.device("cpu"), SHAPE, batch, clock)
    table = _table(name, module, analysis, timer, clock)
    cost, macs = LatencyCost(analysis, table), MacsModel(analysis, module)
    rows = []
    for words, shares in MASKS.items():
        keep = _mask(analysis, shares)
        cut = prune_network(module, analysis.plan, keep).eval()
        times = [(timer.network(module), timer.network(cut)) for _ in range(PAIRS)]
        before, after = (median(column) for column in zip(*times, strict=True))
        predicted, measured = float(cost.share(keep)), after / before
        numbers = (float(macs.kept_share(keep)), predicted, measured, predicted - measured)
        rows.append(f"{name:<20}{words:<7}" + "".join(f"{100 * n:>9.1f} %" for n in numbers) + "\n")
    return rows


def _table(
    name: str, module: nn.Module, analysis: Analysis, timer: TorchTimer, clock: Callable[[], float]
) -> LatencyTable:
    # nothing that is timed reads an image
    opened = Opened(Network(name, module, SHAPE, 10), None, analysis, 0.0)  # type: ignore[arg-type]
    events = measure_latency_table(opened, timer, clock=clock)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def _mask(analysis: Analysis, shares: tuple[float, float]) -> BoolArray:
    groups, random = analysis.groups.groups, np.random.default_rng(0)
    own = np.repeat(np.linspace(*shares, len(groups)), [len(group) for group in groups])
    keep = random.random(len(own)) < own
    keep[[group.start for group in groups]] = True
    return keep


if __name__ == "__main__":
    main()
