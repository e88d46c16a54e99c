"""Predicted latency of a masked network, from times of its layers measured once at some widths.

predicted(mask) = rest_ms + scale x (sum over layers of the table at the layer's kept widths)

Between the widths of the table it is interpolated, linearly in each. `scale` and `rest_ms`
bring the sum in line with the whole network, which does more than its layers: they are solved
from the unpruned network and from one with half of the channels, timed as they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.graph.assembly import Analysis
from core.pruning.widths import Numbers, WidthRows

FORMAT = "espalier.latency"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class LayerTimes:
    """Milliseconds of layers that do the same work, at a grid of widths."""

    layers: tuple[str, ...]
    inputs: tuple[int, ...]  # widths, ascending
    outputs: tuple[int, ...]
    ms: tuple[tuple[float, ...], ...]  # (inputs, outputs)


@dataclass(frozen=True)
class LatencyTable:
    """What was measured: where, on what, and how it adds up to the whole network."""

    device: str  # "CPU" or a GPU's name
    threads: int
    batch: int
    unpruned_ms: float  # the whole network, measured
    half_ms: float  # with half of its channels, measured
    scale: float
    rest_ms: float
    seconds: float  # that measuring took
    layers: tuple[LayerTimes, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON and for checkpoints; floats stay what they are."""
        return {"format": FORMAT, "version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LatencyTable":
        """Read what `as_dict` gave; KeyError, TypeError or ValueError if it is something else."""
        if values["format"] != FORMAT or values["version"] != FORMAT_VERSION:
            raise ValueError("not a latency table of this version")
        numbers = {
            name: _finite(values[name])
            for name in ("unpruned_ms", "half_ms", "scale", "rest_ms", "seconds")
        }
        return cls(
            device=str(values["device"]),
            threads=int(values["threads"]),
            batch=int(values["batch"]),
            layers=tuple(_layer_times(one) for one in values["layers"]),
            **numbers,
        )


class LatencyCost:
    """The predicted latency of masks; never less for more channels.

    Times that fall where a layer grows wider are noise, or a width that hardware likes: each is
    raised to those of all narrower widths, so that removing a channel never costs time.
    """

    def __init__(self, analysis: Analysis, table: LatencyTable) -> None:
        known = {name: one for one in table.layers for name in one.layers}
        operations = [op for op in analysis.operations if op.layer in known]
        rows, one = WidthRows(), np.array([-1], dtype=np.int64)
        self._inputs = np.array(
            [rows.add(one if op.inputs is None else op.inputs) for op in operations], dtype=np.int64
        )
        self._outputs = np.array([rows.add(op.outputs) for op in operations], dtype=np.int64)
        self._widths = rows.counted(analysis.plan.channel_count)
        self._grid = _Grid([known[op.layer] for op in operations])
        self._scale, self._rest = table.scale, table.rest_ms
        self.total = float(self.milliseconds(np.ones(analysis.plan.channel_count)))

    def milliseconds(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Predicted latency of masks (C,) or (K, C), shape () or (K,).

        For keep probabilities it is that of the expected widths.
        """
        return self._summed(self._widths.of(keep))

    def share(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Share of the unpruned network's predicted latency, 0-1, shape () or (K,)."""
        return self.milliseconds(keep) / self.total

    def share_with_each(self, keep: NDArray[np.bool_]) -> Numbers:
        """Share with each channel that is not kept, one at a time, (C,)."""
        counts, kind_of = self._widths.with_each(keep)
        result: Numbers = self._summed(counts)[kind_of] / self.total
        return result

    def _summed(self, counts: Numbers) -> Numbers:
        times = self._grid.at(counts[..., self._inputs], counts[..., self._outputs])
        result: Numbers = self._rest + self._scale * times.sum(axis=-1)
        return result


class _Grid:
    """The tables of all layers in arrays of one shape, looked up together."""

    def __init__(self, layers: Sequence[LayerTimes]) -> None:
        size = max([2, *(len(grid) for one in layers for grid in (one.inputs, one.outputs))])
        self._inputs = _padded([one.inputs for one in layers], size)  # (layers, size)
        self._outputs = _padded([one.outputs for one in layers], size)
        self._ms = np.zeros((len(layers), size, size))
        for place, one in enumerate(layers):
            ms = np.asarray(one.ms, dtype=np.float64)
            rising = np.maximum.accumulate(np.maximum.accumulate(ms, axis=0), axis=1)
            missing = [(0, size - length) for length in rising.shape]
            self._ms[place] = np.pad(rising, missing, mode="edge")

    def at(self, inputs: Numbers, outputs: Numbers) -> Numbers:
        """Milliseconds at widths (..., layers), which need not be whole."""
        i, across = _place(self._inputs, inputs)
        o, along = _place(self._outputs, outputs)
        layer = np.arange(len(self._ms))
        near = self._ms[layer, i, o] * (1 - along) + self._ms[layer, i, o + 1] * along
        far = self._ms[layer, i + 1, o] * (1 - along) + self._ms[layer, i + 1, o + 1] * along
        result: Numbers = near * (1 - across) + far * across
        return result


def _padded(grids: Sequence[Sequence[int]], size: int) -> Numbers:
    """Lengthen ascending widths to one size; what is added lies beyond them."""
    return np.array(
        [[*grid, *(grid[-1] + 1 + more for more in range(size - len(grid)))] for grid in grids],
        dtype=np.float64,
    ).reshape(len(grids), size)


def _place(grid: Numbers, widths: Numbers) -> tuple[NDArray[np.int64], Numbers]:
    """Which interval of its grid (layers, size) a width (..., layers) is in, and how far, 0-1."""
    lower = (widths[..., None] >= grid).sum(axis=-1) - 1
    lower = np.clip(lower, 0, grid.shape[1] - 2)
    layer = np.arange(len(grid))
    start, stop = grid[layer, lower], grid[layer, lower + 1]
    return lower, np.clip((widths - start) / (stop - start), 0.0, 1.0)


def _layer_times(values: Mapping[str, Any]) -> LayerTimes:
    inputs, outputs = (tuple(int(width) for width in values[key]) for key in ("inputs", "outputs"))
    ms = tuple(tuple(_finite(one) for one in row) for row in values["ms"])
    is_whole = len(ms) == len(inputs) and all(len(row) == len(outputs) for row in ms)
    is_rising = all(list(grid) == sorted(set(grid)) and grid for grid in (inputs, outputs))
    if not (is_whole and is_rising):
        raise ValueError("a layer's times are no table")
    return LayerTimes(tuple(map(str, values["layers"])), inputs, outputs, ms)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no time")
    return number
