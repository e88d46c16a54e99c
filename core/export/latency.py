"""How long one network takes and another: measured in turns, so that both see the same machine."""

import copy
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.events import NoticeRaised, StageAdvanced, StageStarted, StopRequested
from core.export.conversion import first_line
from core.export.onnx import INPUT_NAME, OUTPUT_NAME, open_session
from core.memory import free_memory, is_out_of_memory

STAGE = "Measuring latency"
SECONDS = 10.0  # for all of it
LARGE_BATCH = 32
WARM_UP_PAIRS = 3
MOST_PAIRS = 200
FEWEST_PAIRS = 5  # that a batch is made small enough for
SEED = 0

Run = Callable[[], object]
Clock = Callable[[], float]
Latencies = Generator[StageStarted | StageAdvanced | NoticeRaised, None, "LatencyResult"]


@dataclass(frozen=True)
class LatencyRow:
    """Milliseconds of one forward pass of a batch, before and after pruning."""

    runtime: str  # "PyTorch", "PyTorch channels_last", "ONNX Runtime"
    device: str  # "CPU" or a GPU's name
    threads: int
    batch: int
    before_p50_ms: float
    before_p95_ms: float
    after_p50_ms: float
    after_p95_ms: float
    runs: int  # of each network

    @property
    def speedup(self) -> float:
        """Median before over median after; above 1 is faster."""
        return self.before_p50_ms / self.after_p50_ms


@dataclass
class LatencyResult:
    """All that was measured, and why the rest was not."""

    rows: list[LatencyRow] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)  # runtime -> reason


@dataclass(frozen=True)
class Runtime:
    """One way to run both networks; `prepare` makes their two runs for a batch size."""

    name: str
    device: str
    threads: int
    prepare: Callable[[int], tuple[Run, Run]]


def measure_latency(
    runtimes: Sequence[Runtime], *, seconds: float = SECONDS, clock: Clock = time.perf_counter
) -> Latencies:
    """Time both networks in each runtime, at batch 1 and at a larger one, within `seconds`.

    The two take turns, after a warm-up that is not counted. The larger batch is LARGE_BATCH,
    or as much of it as time and memory allow. Closing the generator ends it between two runs.
    Yields: StageStarted, then StageAdvanced after every pair of runs.
    Returns: a row for each runtime and batch; a runtime that fails is named with its reason.
    """
    yield StageStarted(STAGE, total=2 * len(runtimes))
    result, deadline = LatencyResult(), clock() + seconds
    for place, runtime in enumerate(runtimes):
        share = max(0.0, deadline - clock()) / (2 * (len(runtimes) - place))
        try:
            times = _Times()
            for _ in _take_turns(runtime, 1, share, clock, times):
                yield StageAdvanced(2 * place)
            single = times.row(runtime, 1)
            result.rows.append(single)
            batch = affordable_batch(single, share)
            while batch > 1:
                times = _Times()
                try:
                    for _ in _take_turns(runtime, batch, share, clock, times):
                        yield StageAdvanced(2 * place + 1)
                    result.rows.append(times.row(runtime, batch))
                    break
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                free_memory()
                batch //= 2
                yield NoticeRaised(
                    f"Memory ran out while measuring {runtime.name}: its latency is that of "
                    f"{batch} images at once, not {2 * batch}."
                )
        except StopRequested:
            raise
        except Exception as error:
            # Networks and runtimes fail in ways of their own; the others are measured.
            result.not_measured[runtime.name] = first_line(error)
    return result


@dataclass
class _Times:
    """Milliseconds of every run so far."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)

    def row(self, runtime: Runtime, batch: int) -> LatencyRow:
        return LatencyRow(
            runtime.name,
            runtime.device,
            runtime.threads,
            batch,
            quantile(self.before, 0.5),
            quantile(self.before, 0.95),
            quantile(self.after, 0.5),
            quantile(self.after, 0.95),
            len(self.after),
        )


def _take_turns(
    runtime: Runtime, batch: int, seconds: float, clock: Clock, times: _Times
) -> Iterator[None]:
    """Warm up, then run both in turns for so long; fills `times`, yields after every pair."""
    before, after = runtime.prepare(batch)
    started = clock()
    for _ in range(WARM_UP_PAIRS):
        before()
        after()
        yield
        if clock() - started > seconds / 3:
            break
    turns = [(before, times.before), (after, times.after)]
    while not times.after or (clock() - started < seconds and len(times.after) < MOST_PAIRS):
        for run, own in turns:
            begun = clock()
            run()
            own.append(1000 * (clock() - begun))
        turns.reverse()  # so that neither always finds the other's caches
        yield


def affordable_batch(single: LatencyRow, seconds: float) -> int:
    """Return the largest power of two up to LARGE_BATCH that `seconds` allow, by batch 1."""
    pair = (single.before_p50_ms + single.after_p50_ms) / 1000
    batch = LARGE_BATCH
    while batch > 1 and batch * pair * FEWEST_PAIRS > seconds:
        batch //= 2
    return batch


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the `values` lie, between two of them linearly."""
    return float(np.quantile(values, share))


def torch_runtimes(
    before: nn.Module, after: nn.Module, input_shape: tuple[int, int, int]
) -> list[Runtime]:
    """PyTorch on the CPU, plain and channels_last, and on the GPU if there is one."""
    plain, last = torch.contiguous_format, torch.channels_last
    kinds = [("PyTorch", "cpu", plain), ("PyTorch channels_last", "cpu", last)]
    if torch.cuda.is_available():
        kinds.append(("PyTorch CUDA", "cuda", plain))
    return [
        Runtime(
            name,
            "CPU" if device == "cpu" else torch.cuda.get_device_name(),
            torch.get_num_threads(),
            partial(_prepare_torch, (before, after), input_shape, device, layout),
        )
        for name, device, layout in kinds
    ]


def _prepare_torch(
    networks: tuple[nn.Module, nn.Module],
    input_shape: tuple[int, int, int],
    device: str,
    layout: torch.memory_format,
    batch: int,
) -> tuple[Run, Run]:
    images = _images(batch, input_shape).to(device=device, memory_format=layout)
    first, second = (
        copy.deepcopy(network).eval().to(device=device, memory_format=layout)  # type: ignore[call-overload]
        for network in networks
    )
    return partial(_run_torch, first, images), partial(_run_torch, second, images)


def _run_torch(module: nn.Module, images: torch.Tensor) -> None:
    with torch.inference_mode():
        module(images)
    if images.is_cuda:
        torch.cuda.synchronize()


def _images(batch: int, input_shape: tuple[int, int, int]) -> torch.Tensor:
    return torch.randn(batch, *input_shape, generator=torch.Generator().manual_seed(SEED))


def onnx_runtime(before: Path, after: Path, input_shape: tuple[int, int, int]) -> Runtime:
    """ONNX Runtime on the CPU, over two exported files."""
    sessions = [open_session(path) for path in (before, after)]

    def prepare(batch: int) -> tuple[Run, Run]:
        images = {INPUT_NAME: _images(batch, input_shape).numpy()}
        first, second = (partial(session.run, [OUTPUT_NAME], images) for session in sessions)
        return first, second

    return Runtime("ONNX Runtime", "CPU", torch.get_num_threads(), prepare)
