"""report.json: a run in numbers, put together from what is known when it ends."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import torch
from numpy.typing import NDArray

from core.config import RunConfig, SearchConfig
from core.evaluation import Score, resolve_device, resolve_precision, usual_threads
from core.events import SearchFinished
from core.export.half import HALF_LIMIT, HalfParity
from core.export.second_count import SecondCount
from core.export.verify import BATCH_SIZES
from core.opening import Opened
from core.pruning.macs import MacsModel
from core.pruning.masks import approximate_cuts
from core.runs.measuring import Measured
from core.runs.prediction import Prediction
from core.search.stopwatch import Stopwatch

FORMAT = "espalier.report"
FORMAT_VERSION = 1
BASELINE = "baseline"
PRUNED = "pruned"
LIBRARIES = ("espalier", "torch", "torchvision", "torch-geometric", "numpy", "onnx", "onnxruntime")
PARITY_CHECKS = ("hard_vs_soft", "reloaded", "onnx")


@dataclass(eq=False)
class RunResult:
    """What is known about a run so far; whatever was not reached stays empty."""

    finished: SearchFinished
    scores: Mapping[str, Score] = field(default_factory=dict)  # on the test images
    file_bytes: Mapping[str, int] = field(default_factory=dict)
    second_count: SecondCount | None = None
    parity: Mapping[str, float] = field(default_factory=dict)
    half: HalfParity = field(default_factory=HalfParity)
    opset: int | None = None
    export_error: str | None = None
    is_stopped: bool = False
    rounded_run: str = ""  # the folder of the run whose widths were rounded
    adapted: Mapping[str, NDArray[Any]] | None = None  # weights that the search has changed
    measured: Measured = field(default_factory=Measured)
    prediction: Prediction | None = None  # of the latency, where it is budgeted
    seconds: dict[str, float] = field(default_factory=dict)
    clock: Stopwatch = field(default_factory=Stopwatch)  # of what comes after the search


def build_report(opened: Opened, config: RunConfig, result: RunResult) -> dict[str, Any]:
    """Put report.json together.

    accuracy (0-1) and cross_entropy (nats per image) are of the test images, before fine-tuning.

    Where "is_labelled" is false, they are held against the unpruned network's answers.

    A number that was not reached (a run stopped twice, a refused export) is None. "approximate"
    names the layers whose removed channels make parity's hard_vs_soft differ by nature, and why.
    Where the networks were refitted, "before_refit" has what they scored before; "adapted" says
    whether the winner has the weights of a network that adapted while it was pruned. "rounded"
    names the run that `espalier round` was given, and to which multiples it rounded.
    """
    costs = MacsModel(opened.analysis, opened.network.module)
    finished, count = result.finished, result.second_count
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "network": opened.network.name,
        "dataset": opened.images.name,
        "is_labelled": opened.images.is_labelled,
        "seed": config.search.seed,
        "macs_budget": config.search.macs_budget,
        "further_budgets": {
            name: {"budget": budget, "kept": finished.further_kept.get(name)}
            for name, budget in config.search.further_budgets.items()
        },
        "evaluations": finished.evaluations,
        "baseline": {
            **_test_score(result, BASELINE),
            "macs": int(costs.total),
            "params": int(costs.total_params),
            "file_bytes": result.file_bytes.get(BASELINE),
        },
        "pruned": {
            **_test_score(result, PRUNED),
            "macs": round(float(costs.macs(finished.keep))),
            "macs_kept": float(costs.kept_share(finished.keep)),
            "params": round(float(costs.params(finished.keep))),
            "file_bytes": result.file_bytes.get(PRUNED),
        },
        "criteria": {
            name: {
                **_test_score(result, name),
                "macs_kept": float(costs.kept_share(keep)),
            }
            for name, keep in sorted(finished.criteria.items())
        },
        "before_refit": _before_refit(result),
        "adapted": result.adapted is not None,
        "parity": {check: result.parity.get(check) for check in PARITY_CHECKS},
        **half_entries(result.half),
        "parity_inputs": {
            "batches": list(BATCH_SIZES),
            "inputs": ["images", "random"],
            "precision": "float32",
        },
        "approximate": approximate_cuts(opened.analysis.groups, finished.keep),
        "thop": {
            "macs": count.macs if count else None,
            "difference": count.difference if count else None,
        },
        "seconds": {name: round(value, 3) for name, value in result.seconds.items()},
        "held_out": {"accuracy": finished.accuracy, "cross_entropy": finished.cross_entropy},
        "images": {
            "reward": len(opened.images.reward),
            "held_out": len(opened.images.held_out),
            "test": len(opened.images.test),
        },
        "stopped": result.is_stopped,
        "rounded": (
            {"from": result.rounded_run, "to": config.search.round_to}
            if result.rounded_run
            else None
        ),
        "opset": result.opset,
        "export_error": result.export_error,
        **result.measured.as_report(),
        "latency_prediction": result.prediction.as_report() if result.prediction else None,
        "environment": environment(),
    }


def half_entries(half: HalfParity) -> dict[str, Any]:
    """What report.json and finetune.json hold of float16."""
    return {
        "parity_float16": dict(half.differences),
        "parity_float16_limit": HALF_LIMIT,
        "parity_float16_not_measured": dict(half.not_measured),
    }


def report_text(report: Mapping[str, Any]) -> str:
    """Write the report as JSON that any reader takes: no NaN, no infinity."""
    return json.dumps(_finite(report), indent=2, allow_nan=False) + "\n"


def environment() -> dict[str, str]:
    """Versions of what computed the numbers."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def machine(config: SearchConfig) -> dict[str, str | int]:
    """What computes: the device, its name, and how many threads."""
    device = resolve_device(config.device)
    is_cuda = device.type == "cuda"
    return {
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if is_cuda else platform.machine(),
        "precision": str(resolve_precision(config.precision, device)).removeprefix("torch."),
        "threads": usual_threads(config.threads),
    }


def _test_score(result: RunResult, name: str) -> dict[str, float | None]:
    score = result.scores.get(name)
    return {
        "accuracy": score.accuracy if score else None,
        "cross_entropy": score.cross_entropy if score else None,
    }


def before_refit(name: str) -> str:
    """What the network of a mask is called in `scores` as it was before its refit."""
    return f"{name} before the refit"


def _before_refit(result: RunResult) -> dict[str, dict[str, float | None]]:
    """Scores on the test images without the refit, by mask; empty if there was none."""
    names = (PRUNED, *sorted(result.finished.criteria))
    return {
        name: _test_score(result, before_refit(name))
        for name in names
        if before_refit(name) in result.scores
    }


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return value
