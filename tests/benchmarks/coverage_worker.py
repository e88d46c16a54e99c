"""What coverage.py lets a process of its own measure: `coverage_worker PART NETWORK`."""

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from core.export.conversion import convert_all
from core.export.onnx import convert_to_onnx, onnx_readers
from core.export.pruned import PrunedNetwork
from core.export.pytorch import load_pruned, write_state
from core.graph.assembly import Analysis
from core.graph.trace import analyse_network
from core.networks import Network
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests.core.export.opened import random_images

WITHOUT_SECOND_HEAD = ("googlenet", "inception_v3")  # their auxiliary heads only train
CLASSES = 1000


def build(name: str, seed: int = 0) -> tuple[nn.Module, Tensor]:
    """A torchvision network with random weights and BN statistics, and two images for it."""
    torch.manual_seed(seed)
    options = {"aux_logits": False, "init_weights": True} if name in WITHOUT_SECOND_HEAD else {}
    module = torchvision.models.get_model(name, weights=None, **options).eval()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
            elif isinstance(part, nn.Linear) and not part.weight.any():
                part.weight.normal_(0, 0.02)  # a head of zeros would hide every difference
    size = getattr(module, "image_size", published_size(name))
    return module, torch.randn(2, 3, size, size)


def published_size(name: str) -> int:
    """The side of the images that the network was trained on."""
    weights = next(iter(torchvision.models.get_model_weights(name)))
    return int(weights.transforms.keywords.get("crop_size", 224))


def measure(name: str, *, with_onnx: bool = False) -> dict[str, Any]:
    """One line of the table, but for Torch-Pruning's column."""
    torch.backends.mha.set_fastpath_enabled(False)  # it would hide attention from the count
    module, images = build(name)
    began = time.perf_counter()
    analyse_network(module, images)
    traced = time.perf_counter()
    analysis = analyse_exactly(module, images)
    proved = time.perf_counter()
    groups = analysis.groups.groups
    line = {
        "trace_s": f"{traced - began:.2f}",
        "proof_s": f"{proved - traced:.1f}",
        "groups": len(groups),
        "channels": analysis.groups.channel_count,
        "frozen": len(analysis.groups.frozen),
        "approximate": sum(group.approximate is not None for group in groups),
        "reasons": _reasons(analysis),
    }
    line |= _cut(module, analysis, images)
    line["reloaded"] = _reloaded(name, module, analysis, images)
    if with_onnx:
        line["onnx"] = _onnx(name, module, analysis, images)
    return line


def _cut(module: nn.Module, analysis: Analysis, images: Tensor) -> dict[str, Any]:
    """Cut against mask, and the independent count of MACs."""
    exact = [group for group in analysis.groups.groups if group.approximate is None]
    keep = random_keep(analysis, groups=exact)
    pruned = prune_network(module, analysis.plan, keep).eval()
    # torch knows what its fused kernels cost on some machines only
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        pruned(images[:1])
    cut = _read(pruned, images)
    del pruned
    masked = _read(soft_prune_network(module, analysis.plan, keep).eval(), images)
    macs = MacsModel(analysis, module)
    return {
        "difference": f"{relative_difference(masked, cut):.0e}",
        "kept_macs": f"{float(macs.kept_share(keep)):.3f}",
        "counted": f"{counter.get_total_flops() / 2 / float(macs.macs(keep)):.4f}",
    }


def _read(module: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = tree_leaves(module(images))[0]
    return logits


def _pruned(name: str, module: nn.Module, analysis: Analysis) -> PrunedNetwork:
    """Half of all channels gone, those of approximate groups too."""
    keep = random_keep(analysis)
    cut = prune_network(module, analysis.plan, keep).eval()
    size = published_size(name)
    network = Network(name, module, (3, size, size), CLASSES)
    macs = MacsModel(analysis, module)
    return PrunedNetwork(
        network=network,
        module=cut,
        plan=analysis.plan,
        keep=keep,
        images=random_images(),
        macs=round(float(macs.macs(keep))),
        macs_kept=float(macs.kept_share(keep)),
        accuracy=None,
        build=lambda: build(name, seed=1)[0],
    )


def _reloaded(name: str, module: nn.Module, analysis: Analysis, images: Tensor) -> str:
    """Write pruned.pt and pruned.json, and load them into a network with other weights."""
    pruned = _pruned(name, module, analysis)
    with tempfile.TemporaryDirectory() as folder:
        write_state(pruned, Path(folder))
        again = load_pruned(pruned.build(), folder)
    difference = relative_difference(_read(pruned.module, images), _read(again, images))
    return f"{difference:.0e}"


def _onnx(name: str, module: nn.Module, analysis: Analysis, images: Tensor) -> str:
    """Write pruned.onnx and read it with ONNX Runtime."""
    pruned = _pruned(name, module, analysis)
    with tempfile.TemporaryDirectory() as folder:
        shape = (3, *images.shape[2:])
        convert_all(pruned.module, shape, {"onnx": convert_to_onnx}, Path(folder))
        failure = Path(folder, "failure.json")
        if failure.is_file():
            return f"fails: {json.loads(failure.read_text())['reason']}"[:120]
        (reader,) = onnx_readers(pruned, Path(folder))
        written = torch.from_numpy(reader(images))
    return f"{relative_difference(_read(pruned.module, images), written):.0e}"


def _reasons(analysis: Analysis) -> str:
    reasons = Counter(entry.reason for entry in analysis.groups.frozen)
    reasons.update(g.approximate for g in analysis.groups.groups if g.approximate)
    return "; ".join(f"{reason} x{count}" for reason, count in reasons.most_common())


def torch_pruning(name: str) -> dict[str, Any]:
    """What Torch-Pruning leaves of the same network, or in a word why it fails."""
    try:
        import torch_pruning as tp
    except ImportError:
        return {"torch_pruning": "not installed"}
    module, images = build(name)
    try:
        before = tp.utils.count_ops_and_params(module, images[:1])[0]
        heads = [m for m in module.modules() if getattr(m, "out_features", 0) == CLASSES]
        heads += [m for m in module.modules() if getattr(m, "out_channels", 0) == CLASSES]
        tp.pruner.MagnitudePruner(
            module, images[:1], tp.importance.RandomImportance(), 1, 0.5, ignored_layers=heads
        ).step()
        after = tp.utils.count_ops_and_params(module, images[:1])[0]
        logits = _read(module.eval(), images)
    except Exception as error:
        return {"torch_pruning": f"fails: {type(error).__name__}"}
    if logits.shape != (2, CLASSES) or not torch.isfinite(logits).all():
        return {"torch_pruning": f"returns {tuple(logits.shape)}"}
    return {"torch_pruning": f"{after / before:.3f}"}


PARTS = {
    "measure": measure,
    "measure_with_onnx": lambda name: measure(name, with_onnx=True),
    "torch_pruning": torch_pruning,
}


def main(part: str, name: str) -> None:
    """Write the answer as one line of JSON, the last one."""
    try:
        answer = PARTS[part](name)
    except Exception as error:
        said = " ".join(str(error).split())
        answer = {"failure": f"{type(error).__name__}: {said}"[:160]}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
