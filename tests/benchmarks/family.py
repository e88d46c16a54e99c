"""Weights for the depths of CIFAR's ResNet that nobody gave: blocks of ResNet-56 taken away.

    python -m tests.benchmarks.family FOLDER [--depths 32,44] [--epochs 3] [--data FILE.npz]

Of each stage the first block stays, for it makes the width, and of the others as many as the depth
has, evenly. What is left learns from ResNet-56's answers to the reward images for some epochs;
held-out images choose the epoch, test images are not read. FOLDER/resnet32.pt is then a
checkpoint for cifar_resnet32.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.events import FinetuneScored
from core.finetuning.loop import finetune
from core.networks import build_network
from core.opening import open_run

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = SHARED / "data" / "cifar10_subset.npz"
DEEPEST = SHARED / "checkpoints" / "resnet56-4bfd9763.th"
DEEPEST_BLOCKS = 9  # of each stage
BLOCK = re.compile(r"(layer\d)\.(\d+)\.(.+)")


def main() -> None:
    """Make the checkpoints that are not there yet."""
    arguments = _parse_arguments()
    for depth in map(int, arguments.depths.split(",")):
        family_checkpoint(
            arguments.folder, depth, data=arguments.data, epochs=arguments.epochs, seed=0
        )


def family_checkpoint(folder: Path, depth: int, *, data: Path, epochs: int, seed: int) -> Path:
    """Name the checkpoint of a depth below 56 in `folder`; makes it if it is not there."""
    path = folder / f"resnet{depth}.pt"
    if path.is_file():
        return path
    config = RunConfig(
        network="cifar_resnet56",
        checkpoint=str(DEEPEST),
        data=str(data),
        search=SearchConfig(threads=1),
        finetune=FinetuneConfig(epochs=epochs, refit=False, seed=seed),
    )
    opened = _finish(open_run(config))
    shallow = build_network(f"cifar_resnet{depth}", class_count=10, input_shape=(3, 32, 32))
    shallow.load_state_dict(without_blocks(opened.network.module.state_dict(), (depth - 2) // 6))
    everything = np.ones(opened.analysis.groups.channel_count, dtype=np.bool_)
    done = _finish(finetune(opened, everything, config, name=f"ResNet-{depth}", start=shallow))
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(done.module.state_dict(), path)
    return path


def without_blocks(state: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """Keep so many blocks of each stage of ResNet-56, the first and of the others evenly."""
    kept = np.linspace(0, DEEPEST_BLOCKS - 1, blocks).round().astype(int).tolist()
    shallow = {}
    for key, value in state.items():
        found = BLOCK.fullmatch(key)
        if found is None:
            shallow[key] = value
        elif int(found[2]) in kept:
            shallow[f"{found[1]}.{kept.index(int(found[2]))}.{found[3]}"] = value
    return shallow


def _finish(events):
    """Run a generator to its end, saying what it says of epochs; returns its result."""
    try:
        while True:
            event = next(events)
            if isinstance(event, FinetuneScored):
                sys.stdout.write(f"{event}\n")
                sys.stdout.flush()
    except StopIteration as end:
        return end.value


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--depths", default="32,44", help="separated by commas")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


if __name__ == "__main__":
    main()
