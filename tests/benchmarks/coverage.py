"""Which networks Espalier understands, and how well: one line per torchvision classifier.

python -m tests.benchmarks.coverage [NAME ...] [--csv FILE]

Each network is untrained, with random BN statistics, at its own input size. Columns: seconds of
the one-pass analysis and of the proof by trial; coupling groups, channels, frozen and approximate
layers; the greatest relative difference of cut and masked network at a random 50 % cut of the
exact groups; the share of MACs left, and whether an independent count agrees. With Torch-Pruning
installed (the extra `compare`) its own cut of half the channels stands beside: the share of MACs
that it leaves, or why it fails.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from core.graph.trace import analyse_network
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference

COLUMNS = (
    *("network", "trace_s", "proof_s", "groups", "channels", "frozen", "approximate"),
    *("difference", "kept_macs", "counted", "torch_pruning"),
)
WITHOUT_SECOND_HEAD = ("googlenet", "inception_v3")  # their auxiliary heads only train


def build(name: str) -> tuple[nn.Module, Tensor]:
    """A torchvision network with random weights and BN statistics, and two images for it."""
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": True} if name in WITHOUT_SECOND_HEAD else {}
    module = torchvision.models.get_model(name, weights=None, **options).eval()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
            elif isinstance(part, nn.Linear) and not part.weight.any():
                part.weight.normal_(0, 0.02)  # a head of zeros would hide every difference
    size = published_size(name)
    return module, torch.randn(2, 3, size, size)


def published_size(name: str) -> int:
    """The side of the images that the network was trained on."""
    weights = next(iter(torchvision.models.get_model_weights(name)))
    return int(weights.transforms.keywords.get("crop_size", 224))


def measure(name: str) -> dict[str, Any]:
    """One line of the table."""
    module, images = build(name)
    began = time.perf_counter()
    analyse_network(module, images)
    traced = time.perf_counter()
    analysis = analyse_exactly(module, images)
    proved = time.perf_counter()
    groups = analysis.groups.groups
    exact = [group for group in groups if group.approximate is None]
    keep = random_keep(analysis, groups=exact)
    pruned = prune_network(module, analysis.plan, keep)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        cut = tree_leaves(pruned(images))[0]
    with torch.no_grad():
        masked = tree_leaves(soft_prune_network(module, analysis.plan, keep)(images))[0]
    macs = MacsModel(analysis, module)
    counted = counter.get_total_flops() / 2 / len(images)
    return {
        "network": name,
        "trace_s": f"{traced - began:.2f}",
        "proof_s": f"{proved - traced:.1f}",
        "groups": len(groups),
        "channels": analysis.groups.channel_count,
        "frozen": len(analysis.groups.frozen),
        "approximate": len(groups) - len(exact),
        "difference": f"{relative_difference(masked, cut):.0e}",
        "kept_macs": f"{float(macs.kept_share(keep)):.3f}",
        "counted": f"{counted / float(macs.macs(keep)):.4f}",
        "torch_pruning": torch_pruning(name),
    }


def torch_pruning(name: str) -> str:
    """What Torch-Pruning leaves of the same network, or in a word why it fails."""
    try:
        import torch_pruning as tp
    except ImportError:
        return "-"
    module, images = build(name)
    try:
        before = tp.utils.count_ops_and_params(module, images[:1])[0]
        heads = [m for m in module.modules() if isinstance(m, nn.Linear) and m.out_features == 1000]
        tp.pruner.MagnitudePruner(
            module, images[:1], tp.importance.RandomImportance(), 1, 0.5, ignored_layers=heads
        ).step()
        after = tp.utils.count_ops_and_params(module, images[:1])[0]
    except Exception as error:
        return f"fails: {type(error).__name__}"
    return f"{after / before:.3f}"


def show(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write the table line by line as it comes."""
    shown = []
    sys.stdout.write("  ".join(f"{column:>11}" for column in COLUMNS) + "\n")
    for line in lines:
        shown.append(line)
        sys.stdout.write("  ".join(f"{line.get(column, '')!s:>11}" for column in COLUMNS) + "\n")
        sys.stdout.flush()
    return shown


def attempt(name: str) -> dict[str, Any]:
    """A line in any case: the reason stands where the numbers would."""
    try:
        return measure(name)
    except Exception as error:
        return {"network": name, "difference": f"{type(error).__name__}: {error}"[:120]}


def main() -> None:
    """Measure the networks named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    names = arguments.names or torchvision.models.list_models(module=torchvision.models)
    torch.backends.mha.set_fastpath_enabled(False)  # it would hide attention from the count
    sys.stdout.write(f"{os.cpu_count()} cores, torch {torch.__version__.split('+')[0]}\n")
    lines = show(map(attempt, names))
    if arguments.csv:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(lines)


if __name__ == "__main__":
    main()
