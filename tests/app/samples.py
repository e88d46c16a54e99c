"""A small network as the window sees it, and the events of a short run over it."""

from collections.abc import Iterator

import numpy as np

from core.events import (
    AttentionMeasured,
    BestChanged,
    CandidateEvaluated,
    ChangedImagesFound,
    CriterionEvaluated,
    Event,
    LayerLookedInto,
    NetworkOpened,
    PolicyUpdated,
    RunReported,
    SearchFinished,
    SearchStarted,
    StageStarted,
)
from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph, LayerNode

STEM = np.arange(0, 4, dtype=np.int64)
INNER = np.arange(4, 12, dtype=np.int64)
FIXED = np.full(3, -1, dtype=np.int64)
ALL = np.ones(12, dtype=np.bool_)
# Stem: all but channel 3; inner: 4, 5 and 11.
BEST = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1], dtype=np.bool_)
MAGNITUDE = np.arange(12, 0, -1).astype(np.float32)  # earlier channels matter more

REPORT = {
    "network": "tiny",
    "dataset": "digits",
    "seed": 0,
    "macs_budget": 0.5,
    "evaluations": 4,
    "baseline": {"accuracy": 0.982, "macs": 100_000, "params": 2_000, "file_bytes": 9_000},
    "pruned": {
        "accuracy": 0.961,
        "macs": 49_800,
        "macs_kept": 0.498,
        "params": 900,
        "file_bytes": 5_000,
    },
    "criteria": {
        "l1_uniform": {"accuracy": 0.731, "macs_kept": 0.49},
        "obs_global": {"accuracy": 0.942, "macs_kept": 0.5},
    },
    "parity": {"hard_vs_soft": 3e-7, "reloaded": 0.0, "onnx": 8e-7},
    "thop": {"macs": 101_000, "difference": 0.01},
    "seconds": {"total": 31.0, "analysis": 0.2, "evaluation": 28.0, "policy": 1.5},
}


def tiny_graph() -> LayerGraph:
    """input -> stem -> inner -> back -> add (with stem) -> classifier."""
    graph = LayerGraph()
    for name, kind, channels, sizes, macs, params in (
        ("input", "input", FIXED, (3, 3), 0, 0),
        ("stem", "conv", STEM, (3, 4), 3 * 4 * 9 * 64, 3 * 4 * 9 + 8),
        ("block.inner", "conv", INNER, (4, 8), 4 * 8 * 9 * 64, 4 * 8 * 9 + 16),
        ("block.back", "conv", STEM, (8, 4), 8 * 4 * 9 * 64, 8 * 4 * 9 + 8),
        ("block.add", "add", STEM, (4, 4), 0, 0),
    ):
        shapes = [(size, 8, 8) for size in sizes]
        graph.add_layer(
            LayerNode(
                name,
                kind,
                shapes[0],
                shapes[1],
                channels,
                (3, 3),
                1,
                macs,
                params,
                weight_key=f"{name}.weight" if kind == "conv" else None,
            )
        )
    graph.add_layer(
        LayerNode("classifier", "linear", (4,), (10,), np.full(10, -1), macs=40, params=50)
    )
    for edge in (
        ("input", "stem"),
        ("stem", "block.inner"),
        ("block.inner", "block.back"),
        ("block.back", "block.add"),
        ("stem", "block.add"),
        ("block.add", "classifier"),
    ):
        graph.add_edge(*edge)
    return graph


def tiny_groups() -> CouplingGroups:
    """The residual stream of stem and back, and the block's inner width."""
    return CouplingGroups(
        (
            CouplingGroup(
                0, "stem", 0, 4, ("stem", "block.back"), ("block.inner", "classifier"), True
            ),
            CouplingGroup(1, "block.inner", 4, 12, ("block.inner",), ("block.back",)),
        )
    )


def network_opened(handle: object = "opened") -> NetworkOpened:
    return NetworkOpened(
        network="tiny",
        dataset="digits",
        graph=tiny_graph(),
        groups=tiny_groups(),
        macs=54_568,
        params=766,
        magnitude=MAGNITUDE,
        image_counts={"reward": 1000, "held_out": 300, "test": 360},
        handle=handle,
    )


def search_started(evaluations: int = 4) -> SearchStarted:
    return SearchStarted(evaluations, 0.5, 54_568, 766, 0.98, 0.07, 0.11)


def candidate(evaluation: int, *, seconds: float = 0.0) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation, 1, BEST, 0.498, 0.9, 0.3, -0.3, 0.88, True, seconds or evaluation * 0.5
    )


def best_changed(evaluation: int = 1) -> BestChanged:
    return BestChanged(evaluation, BEST, 0.498, 0.91, 0.28)


def search_finished(*, is_stopped: bool = False) -> SearchFinished:
    seconds = {"total": 31.0, "analysis": 0.2, "evaluation": 28.0, "policy": 1.5}
    return SearchFinished(BEST, 0.498, 0.96, 0.2, 4, {"l1_uniform": ALL}, seconds, is_stopped)


def run_reported(folder: str = "runs/tiny") -> RunReported:
    return RunReported(folder, REPORT)


def attention_measured(update: int = 1) -> AttentionMeasured:
    """Every layer looks at all its neighbours alike, in two encoder layers of four heads."""
    graph = tiny_graph()
    pairs = [*graph.edges, *((b, a) for a, b in graph.edges), *((name, name) for name in graph)]
    weights = [1 / sum(target == other for _, other in pairs) for _, target in pairs]
    return AttentionMeasured(update, tuple(pairs), np.tile(np.float32(weights), (2, 4, 1)))


def layer_looked_into(layer: str = "block.inner", images: int = 3) -> LayerLookedInto:
    """Filters from -1 to 1, random activations."""
    channels = len(tiny_graph().layer(layer).channels)
    random = np.random.default_rng(0)
    return LayerLookedInto(
        layer=layer,
        filters=np.linspace(-1, 1, channels * 9, dtype=np.float32).reshape(channels, 3, 3),
        images=np.full((images, 8, 8, 3), 200, dtype=np.uint8),
        labels=("cat", "dog", "ship")[:images],
        activations=random.normal(size=(images, channels, 4, 4)).astype(np.float32),
    )


def changed_images_found(
    mask: str = "any", count: int = 2, changed: int = 30
) -> ChangedImagesFound:
    """Cats that have become dogs."""
    return ChangedImagesFound(
        mask=mask,
        images=np.zeros((count, 8, 8, 3), dtype=np.uint8),
        labels=("cat",) * count,
        before=("cat",) * count,
        after=("dog",) * count,
        confidence_before=np.full(count, 0.93, dtype=np.float32),
        confidence_after=np.full(count, 0.61, dtype=np.float32),
        changed=changed,
        scored=1000,
    )


def search_events(evaluations: int = 4) -> Iterator[Event]:
    """A whole search over the tiny network, best mask after the first evaluation."""
    yield StageStarted("Comparing criteria", 2)
    yield search_started(evaluations)
    yield CriterionEvaluated("l1_uniform", BEST, 0.49, 0.7, 0.9)
    yield StageStarted("Searching", evaluations)
    for evaluation in range(1, evaluations + 1):
        yield candidate(evaluation)
        if evaluation == 1:
            yield best_changed()
    yield PolicyUpdated(1, np.full(12, 0.5, np.float32), BEST, 0.1, 0.0, 0.6, 0.01, 0.1)
    yield attention_measured()
    yield search_finished()
