"""What the layout of the images is worth: training steps in channels-last beside plain ones.

    python -m tests.benchmarks.layout [--networks cifar_resnet20,resnet18] [--repeats 3]

One step of adaptation on 64 random images of 32 x 32 at half of the MACs, random weights, one
thread; the least CPU-milliseconds of the repeats, in turns, and their ratio.
"""

import argparse
import sys
import time

import numpy as np
import torch

import core.layout
from app.process import prepare_process
from core.evaluation import resolve_precision
from core.networks import build_network
from core.pruning.macs import MacsModel
from core.pruning.verification import analyse_exactly
from core.scoring import MaskScorer
from core.search.tournament import magnitude_mask

NETWORKS = "cifar_resnet20,cifar_resnet56,cifar_mobilenet_v2,cifar_vgg16_bn,resnet18"
IMAGES, RATE = 64, 1e-4
CPU = torch.device("cpu")


def main() -> None:
    """Print one row for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    prepare_process()
    torch.set_num_threads(1)
    sys.stdout.write(f"{resolve_precision('auto', CPU)}\n")
    sys.stdout.write("| network | plain, ms | channels-last, ms | ratio |\n|---|---|---|---|\n")
    for name in arguments.networks.split(","):
        plain, last = step_times(name, arguments.repeats)
        sys.stdout.write(f"| {name} | {plain:.0f} | {last:.0f} | {last / plain:.2f} |\n")
        sys.stdout.flush()


def step_times(name: str, repeats: int) -> tuple[float, float]:
    """CPU-milliseconds of a step in the plain layout and in channels-last."""
    module = build_network(name, class_count=10, input_shape=(3, 32, 32)).eval()
    images, labels = torch.randn(IMAGES, 3, 32, 32), torch.zeros(IMAGES, dtype=torch.int64)
    analysis = analyse_exactly(module, images[:2])
    everything = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    keep = magnitude_mask(module, analysis, MacsModel(analysis, module), 0.5, everything)
    precision = resolve_precision("auto", CPU)
    scorer = MaskScorer(module, analysis.plan, CPU, precision, teacher_temperature=4.0)
    is_safe = core.layout._is_safe
    times: dict[bool, list[float]] = {False: [], True: []}
    for repeat in range(repeats + 1):  # the first one warms up
        for is_last in times:
            core.layout._is_safe = lambda _, answer=is_last: answer
            began = time.process_time()
            scorer.adapt(keep, images, labels, RATE)
            if repeat:
                times[is_last].append(1e3 * (time.process_time() - began))
    core.layout._is_safe = is_safe
    return min(times[False]), min(times[True])


if __name__ == "__main__":
    main()
