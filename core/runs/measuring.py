"""The last stage of a run: how fast the smaller network is, and what it needs beside weights."""

import copy
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from core.events import BoolArray, Event, Events, NoticeRaised, StageStarted, StopRequested
from core.export import EXPORTERS
from core.export.conversion import convert_apart, first_line
from core.export.latency import (
    LatencyRow,
    Runtime,
    measure_latency,
    onnx_runtime,
    torch_runtimes,
)
from core.export.memory import peak_activation_bytes
from core.export.onnx import ONNX_FILE
from core.graph.assembly import Analysis
from core.memory import is_out_of_memory, reason_of, shortage
from core.opening import Opened
from core.pruning.masks import kept_channels

ONNX_NAME = "ONNX Runtime"
MULTIPLE = 8  # what vector units and GPUs like widths to be a multiple of
NAMED_LAYERS = 5
FASTER = 1.05  # less is within the noise of a machine that does other things too


@dataclass
class Measured:
    """What the stage found; what it did not reach stays empty."""

    rows: Sequence[LatencyRow] = ()
    not_measured: Mapping[str, str] = field(default_factory=dict)  # runtime -> reason
    peak_bytes: Mapping[str, int] = field(default_factory=dict)  # "baseline", "pruned"
    onnx_bytes: Mapping[str, int] = field(default_factory=dict)
    note: str | None = None  # where fewer MACs are not faster

    def as_report(self) -> dict[str, Any]:
        """Return the entries of report.json."""
        return {
            "latency": [asdict(row) for row in self.rows],
            "latency_note": self.note,
            "latency_not_measured": dict(self.not_measured),
            "peak_activation_bytes": dict(self.peak_bytes),
            "onnx_bytes": dict(self.onnx_bytes),
        }


def measure_run(
    opened: Opened, pruned: nn.Module, keep: BoolArray, folder: Path
) -> Generator[Event, None, Measured]:
    """Measure the unpruned network and `pruned` side by side.

    folder: where pruned.onnx lies, if it was exported; the unpruned network is converted for
        the comparison and thrown away.
    A StopRequested ends it without the latencies.
    """
    measured = Measured()
    before, after = (
        copy.deepcopy(network).cpu().eval() for network in (opened.network.module, pruned)
    )
    shape = opened.network.input_shape
    try:
        with tempfile.TemporaryDirectory(prefix="espalier-") as place:
            runtimes = torch_runtimes(before, after, shape)
            yield from _add_onnx(before, shape, (Path(place), folder), runtimes, measured)
            result = yield from measure_latency(runtimes)
        measured.rows = result.rows
        measured.not_measured = {**measured.not_measured, **result.not_measured}
        measured.note = latency_note(result.rows, odd_widths(opened.analysis, keep))
        measured.peak_bytes = {
            "baseline": peak_activation_bytes(before, shape),
            "pruned": peak_activation_bytes(after, shape),
        }
    except StopRequested:
        yield NoticeRaised("Stopped: the latency of this run is not measured.")
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        yield NoticeRaised(f"{shortage('measuring what a run needs', reason_of(error))}")
    return measured


def _add_onnx(
    before: nn.Module,
    shape: tuple[int, int, int],
    places: tuple[Path, Path],
    runtimes: list[Runtime],
    measured: Measured,
) -> Events:
    """Convert the unpruned network too, so that both can run in ONNX Runtime."""
    stage, folder = places
    exporter = EXPORTERS.get("onnx")
    if exporter is None or exporter.convert is None or not (folder / ONNX_FILE).is_file():
        measured.not_measured = {ONNX_NAME: f"{ONNX_FILE} was not exported"}
        return
    yield StageStarted("Converting the unpruned network to ONNX, to compare with")
    try:
        yield from convert_apart(before, shape, {"onnx": exporter.convert}, stage)
        files = stage / ONNX_FILE, folder / ONNX_FILE
        # first, for it is what most people ship
        runtimes.insert(0, onnx_runtime(*files, shape))
    except StopRequested:
        raise
    except Exception as error:
        # Converters and runtimes fail with types of their own; PyTorch is measured all the same.
        measured.not_measured = {ONNX_NAME: first_line(error)}
        return
    sizes = [path.stat().st_size for path in files]
    measured.onnx_bytes = dict(zip(("baseline", "pruned"), sizes, strict=True))


def odd_widths(analysis: Analysis, keep: BoolArray, multiple: int = MULTIPLE) -> dict[str, int]:
    """Name the layers that lost channels and keep no multiple of `multiple`, with their width."""
    odd = {}
    for layer in analysis.graph.layers:
        kept = kept_channels(keep, layer.channels)
        if layer.weight_key is not None and not kept.all() and kept.sum() % multiple:
            odd[layer.name] = int(kept.sum())
    return odd


def latency_note(rows: Sequence[LatencyRow], odd: Mapping[str, int]) -> str | None:
    """Say where fewer MACs are not faster, and which widths may be why; None if all are faster."""
    slow = [row for row in rows if row.speedup < FASTER]
    if not slow:
        return None
    where = "; ".join(
        f"{row.runtime} at batch {row.batch} ({row.before_p50_ms:.2f} ms before, "
        f"{row.after_p50_ms:.2f} ms after)"
        for row in slow
    )
    note = f"Fewer MACs are not faster here: {where}."
    if not odd:
        return note
    named = ", ".join(f"{name} ({width})" for name, width in list(odd.items())[:NAMED_LAYERS])
    rest = f" and {len(odd) - NAMED_LAYERS} more" if len(odd) > NAMED_LAYERS else ""
    return (
        f"{note} Widths that are no multiple of {MULTIPLE} may be why: {named}{rest}. "
        f"'espalier round' rounds them, '--round-to {MULTIPLE}' those of a search."
    )
