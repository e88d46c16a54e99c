"""A network's layers timed once, one by one, at a grid of widths: its latency table.

All points are timed in rounds, the whole network among them, so that a machine that slows down
for a while slows all of them; medians over the rounds are kept.
"""

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from statistics import median
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.config import SearchConfig
from core.evaluation import resolve_device
from core.events import BoolArray, LatencyTableMeasured, SearchEvent, StageAdvanced, StageStarted
from core.pruning.latency_table import LatencyCost, LatencyTable, LayerTimes
from core.pruning.surgery import prune_network
from core.search.feasibility import check_budget
from core.search.layer_work import FEW_FRACTIONS, FRACTIONS, LayerWork, list_work
from core.search.state import SearchState

if TYPE_CHECKING:
    from core.opening import Opened

STAGE = "Measuring the layers' latency"
SECONDS = 10.0  # for all of it, unless one round takes longer
MOST_ROUNDS = 11
LEAST_ROUNDS = 3  # that the finer grid must leave time for
REPEATS = 3  # of a run that is short
SHORT_MS = 5.0
STEPS = 100  # of the progress

Clock = Callable[[], float]
Point = tuple[int, int, int]  # work, inputs, outputs
Timing = Generator[StageStarted | StageAdvanced, None, LatencyTable]


class Timer(Protocol):
    """Times one thing once, in milliseconds."""

    device: str
    threads: int
    batch: int

    def layer(self, work: LayerWork, inputs: int, outputs: int) -> float:
        """Time a layer at some widths."""

    def network(self, module: nn.Module) -> float:
        """Time a whole network."""


def latency_table(
    opened: "Opened", config: SearchConfig, state: SearchState | None
) -> Generator[SearchEvent, None, LatencyTable | None]:
    """Return the table that a search needs: that of its state, or a new one; None if none.

    Yields: progress while it is measured, then LatencyTableMeasured.
    Raises: BudgetError if the table shows that the latency budget is out of reach.
    """
    if "latency" not in config.further_budgets:
        return None
    if state is not None and state.latency:
        table = LatencyTable.from_dict(state.latency)
    else:
        device, shape = resolve_device(config.device), opened.network.input_shape
        timer = make_timer(device, shape, config.latency_batch)
        table = yield from measure_latency_table(opened, timer)
    yield LatencyTableMeasured(table.as_dict())
    check_budget(opened, config, table)
    return table


def measure_latency_table(
    opened: "Opened", timer: Timer, *, seconds: float = SECONDS, clock: Clock = time.perf_counter
) -> Timing:
    """Time every layer at a grid of widths, and the whole network, within about `seconds`.

    Yields: StageStarted, then StageAdvanced after everything that is timed; closing the
        generator, or throwing into it, ends it there.
    """
    yield StageStarted(STAGE, total=STEPS)
    analysis, module = opened.analysis, opened.network.module
    began = clock()
    works = list_work(analysis, module)
    half = _half_mask(opened)
    networks = [module, prune_network(module, analysis.plan, half).eval()]
    fractions: tuple[float, ...] = FRACTIONS
    full = 0.0
    for work in works:  # warms up, and tells how long a round will take
        full += timer.layer(work, work.inputs, work.outputs) / 1000
        yield StageAdvanced(0)
    if LEAST_ROUNDS * (REPEATS + 1) * full * _mean_work(FRACTIONS) > seconds:
        fractions = FEW_FRACTIONS
    points = [
        (place, inputs, outputs)
        for place, work in enumerate(works)
        for grid in (work.grid(fractions),)
        for inputs in grid[0]
        for outputs in grid[1]
    ]
    times: defaultdict[Point, list[float]] = defaultdict(list)
    whole: tuple[list[float], list[float]] = ([], [])
    rounds = 0
    while rounds == 0 or (rounds < MOST_ROUNDS and clock() - began < seconds):
        for network, own in zip(networks, whole, strict=True):
            own.append(timer.network(network))
            yield StageAdvanced(_step(clock() - began, seconds))
        for point in points:
            times[point].append(timer.layer(works[point[0]], *point[1:]))
            yield StageAdvanced(_step(clock() - began, seconds))
        rounds += 1
    layers = tuple(
        _layer_times(place, work, work.grid(fractions), times) for place, work in enumerate(works)
    )
    table = LatencyTable(
        device=timer.device,
        threads=timer.threads,
        batch=timer.batch,
        unpruned_ms=median(whole[0]),
        half_ms=median(whole[1]),
        scale=1.0,
        rest_ms=0.0,
        seconds=clock() - began,
        layers=layers,
    )
    return _in_line(table, LatencyCost(analysis, table), half)


def _in_line(table: LatencyTable, layers: LatencyCost, half: BoolArray) -> LatencyTable:
    """Choose scale and rest so that the prediction is what both whole networks took.

    Where that would give time back for work (the halved network is slower, or the layers alone
    are slower than the whole) only the unpruned network is met.
    """
    everything, halved = layers.total, float(layers.milliseconds(half))
    saved = table.unpruned_ms - table.half_ms
    scale = saved / (everything - halved) if everything > halved and saved > 0 else 0.0
    if scale * everything > table.unpruned_ms:
        scale = table.unpruned_ms / everything
    rest = table.unpruned_ms - scale * everything
    values = {**table.as_dict(), "scale": scale, "rest_ms": max(0.0, rest)}
    return LatencyTable.from_dict(values)


def _layer_times(
    place: int,
    work: LayerWork,
    grid: tuple[tuple[int, ...], tuple[int, ...]],
    times: "defaultdict[Point, list[float]]",
) -> LayerTimes:
    inputs, outputs = grid
    ms = tuple(tuple(median(times[place, i, o]) for o in outputs) for i in inputs)
    return LayerTimes(work.layers, inputs, outputs, ms)


def _half_mask(opened: "Opened") -> BoolArray:
    """Every second channel of every group, (C,)."""
    keep = np.zeros(opened.analysis.groups.channel_count, dtype=np.bool_)
    for group in opened.analysis.groups.groups:
        keep[group.start : group.stop : 2] = True
    return keep


def _mean_work(fractions: Sequence[float]) -> float:
    """How many times the work of a layer at its full widths all its points are."""
    return sum(fractions) ** 2


def _step(elapsed: float, seconds: float) -> int:
    return min(STEPS, int(STEPS * elapsed / seconds)) if seconds > 0 else STEPS


def make_timer(device: torch.device, input_shape: tuple[int, int, int], batch: int) -> Timer:
    """Make what times layers; tests put another in its place."""
    return TorchTimer(device, input_shape, batch)


class TorchTimer:
    """Times in PyTorch, on random numbers, with as many threads as are set now."""

    def __init__(
        self,
        device: torch.device,
        input_shape: tuple[int, int, int],
        batch: int,
        clock: Clock = time.perf_counter,
    ) -> None:
        is_cuda = device.type == "cuda"
        self.device = torch.cuda.get_device_name(device) if is_cuda else "CPU"
        self.threads = torch.get_num_threads()
        self.batch = batch
        self._on = device
        self._clock = clock
        self._noise = torch.empty(0)
        self._images = torch.randn(
            batch, *input_shape, generator=torch.Generator().manual_seed(0)
        ).to(device)
        self._networks: dict[int, tuple[nn.Module, nn.Module]] = {}

    def layer(self, work: LayerWork, inputs: int, outputs: int) -> float:
        """Time a layer at some widths, in milliseconds."""
        images, weight = (self._random(shape) for shape in work.shapes(inputs, outputs, self.batch))
        return self._time(lambda: work.run(images, weight))

    def network(self, module: nn.Module) -> float:
        """Time a whole network, in milliseconds."""
        if id(module) not in self._networks:
            copied = copy.deepcopy(module).eval().to(self._on)
            self._networks[id(module)] = module, copied  # the first is kept, so is its id
        own = self._networks[id(module)][1]
        return self._time(lambda: own(self._images))

    def _time(self, run: Callable[[], object]) -> float:
        """Run once to warm up, then once or, if it is short, some times for their median."""
        with torch.inference_mode():
            run()
            times = [self._once(run)]
            while times[0] < SHORT_MS and len(times) < REPEATS:
                times.append(self._once(run))
        return median(times)

    def _once(self, run: Callable[[], object]) -> float:
        self._wait()
        began = self._clock()
        run()
        self._wait()
        return 1000 * (self._clock() - began)

    def _wait(self) -> None:
        if self._on.type == "cuda":
            torch.cuda.synchronize(self._on)

    def _random(self, shape: Sequence[int]) -> Tensor:
        """Random numbers of a shape; all share one memory, for filling it would take longest."""
        count = int(np.prod(shape))
        if len(self._noise) < count:
            self._noise = torch.randn(count, generator=torch.Generator().manual_seed(0)).to(
                self._on
            )
        return self._noise[:count].view(*shape)
