"""A network's layers timed once, one by one, at a grid of widths: its latency table.

All points are timed in rounds, the whole network among them, so that a machine that slows down
for a while slows all of them; medians over the rounds are kept.
"""

import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from core.config import SearchConfig
from core.errors import NetworkError
from core.evaluation import resolve_device
from core.events import BoolArray, LatencyTableMeasured, SearchEvent, StageAdvanced, StageStarted
from core.memory import is_out_of_memory
from core.pruning.latency_table import LatencyCost, LatencyTable, LayerTimes
from core.pruning.surgery import prune_network
from core.search.feasibility import check_budget
from core.search.layer_work import FEW_FRACTIONS, FRACTIONS, LayerWork, list_work
from core.search.state import SearchState
from core.search.timers import REPEATS, Clock, Timer, make_timer

if TYPE_CHECKING:
    from core.opening import Opened

STAGE = "Measuring the layers' latency"
SECONDS = 10.0  # for all of it, unless one round takes longer
MOST_ROUNDS = 21
QUICK_SECONDS = 0.02  # of all layers: the whole network is then timed behind each of them
LEAST_ROUNDS = 3  # that the finer grid must leave time for
STEPS = 100  # of the progress
TOLD_SECONDS = 0.02  # between two events, so that they cost no time that is measured

Point = tuple[int, int, int]  # number of a layer's work, inputs, outputs
UNPRUNED: Point = (-1, 0, 0)  # the whole network
HALF: Point = (-1, 1, 0)
Grid = tuple[tuple[int, ...], tuple[int, ...]]
Times = defaultdict[Point, list[float]]
Timing = Generator[StageStarted | StageAdvanced, None, LatencyTable]


def latency_table(
    opened: "Opened", config: SearchConfig, state: SearchState | None
) -> Generator[SearchEvent, None, LatencyTable | None]:
    """Return the table that a search needs: that of its state, or a new one; None if none.

    Yields: progress while it is measured, then LatencyTableMeasured.
    Raises: BudgetError if the table shows that the latency budget is out of reach; NetworkError
        if a layer cannot be run alone.
    """
    if "latency" not in config.further_budgets:
        return None
    if state is not None and state.latency:
        table = LatencyTable.from_dict(state.latency)
    else:
        device, shape = resolve_device(config.device), opened.network.input_shape
        try:
            timer = make_timer(device, shape, config.latency_batch)
            table = yield from measure_latency_table(opened, timer)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
            raise NetworkError(
                f"Cannot time the layers of network '{opened.network.name}': {reason}. "
                "Set latency_budget to 1, which is no limit.",
                str(error),
            ) from error
    yield LatencyTableMeasured(table.as_dict())
    check_budget(opened, config, table)
    return table


def measure_latency_table(
    opened: "Opened", timer: Timer, *, seconds: float = SECONDS, clock: Clock = time.perf_counter
) -> Timing:
    """Time every layer at a grid of widths, and the whole network, within about `seconds`.

    Yields: StageStarted, then StageAdvanced some fifty times a second; closing the generator,
        or throwing into it, ends it there.
    """
    yield StageStarted(STAGE, total=STEPS)
    analysis, module = opened.analysis, opened.network.module
    began = clock()
    works, half = list_work(analysis, module), _half_mask(opened)
    networks = module, prune_network(module, analysis.plan, half).eval()
    once = 0.0
    for work in works:  # warms up, and tells how long a round will take
        once += timer.layer(work, work.inputs, work.outputs) / 1000
        yield StageAdvanced(0)
    grids = [work.grid(_fractions(once, seconds)) for work in works]
    times: Times = defaultdict(list)
    rounds, told = 0, began
    while rounds == 0 or (rounds < MOST_ROUNDS and clock() - began < seconds):
        for _ in _take_round(networks, works, grids, timer, times, once < QUICK_SECONDS):
            now = clock()
            if now - told >= TOLD_SECONDS:
                told = now
                yield StageAdvanced(_step(now - began, seconds))
            if rounds and now - began >= seconds:
                break
        rounds += 1
    layers = tuple(
        _layer_times(place, work, grids[place], times) for place, work in enumerate(works)
    )
    table = _sum_of_layers(layers, timer, times, clock() - began)
    return _in_line(table, LatencyCost(analysis, table), half)


def _sum_of_layers(
    layers: tuple[LayerTimes, ...], timer: Timer, times: Times, seconds: float
) -> LatencyTable:
    """A table whose prediction is nothing but the sum of its layers."""
    return LatencyTable(
        device=timer.device,
        threads=timer.threads,
        batch=timer.batch,
        unpruned_ms=median(times[UNPRUNED]),
        half_ms=median(times[HALF]),
        scale=1.0,
        rest_ms=0.0,
        seconds=seconds,
        layers=layers,
    )


def _fractions(once: float, seconds: float) -> tuple[float, ...]:
    """Choose how fine the grid is, by the seconds that all layers take once at full width."""
    round_seconds = (REPEATS + 1) * once * sum(FRACTIONS) ** 2
    return FRACTIONS if LEAST_ROUNDS * round_seconds <= seconds else FEW_FRACTIONS


def _take_round(
    networks: tuple[nn.Module, nn.Module],
    works: Sequence[LayerWork],
    grids: Sequence[Grid],
    timer: Timer,
    times: Times,
    is_quick: bool,
) -> Iterator[None]:
    """Time everything once more, quick networks as often as their layers; pauses after each."""
    for place, (work, (inputs, outputs)) in enumerate(zip(works, grids, strict=True)):
        for network, point in zip(networks, (UNPRUNED, HALF), strict=True):
            if is_quick or place == 0:
                times[point].append(timer.network(network))
                yield
        for point in ((place, i, o) for i in inputs for o in outputs):
            times[point].append(timer.layer(work, *point[1:]))
            yield


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
    grid: Grid,
    times: Times,
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


def _step(elapsed: float, seconds: float) -> int:
    return min(STEPS, int(STEPS * elapsed / seconds)) if seconds > 0 else STEPS
