"""MACs and parameters of a masked network in closed form: no forward pass, many masks at once."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import nn

from core.graph.assembly import Analysis
from core.graph.layers import LayerNode
from core.pruning.limits import Limit
from core.pruning.widths import Numbers, WidthRows


class MacsModel:
    """Counts MACs as sums of products of kept widths.

    A width is one distinct row of channel owners: a layer's outputs, or what another reads.
    `keep` is (channels,) or (masks, channels): booleans, or keep probabilities for expected
    values (exact where a layer's input and output channels are decided independently).
    """

    def __init__(self, analysis: Analysis, module: nn.Module) -> None:
        rows = WidthRows()
        operations = analysis.operations
        self._positions = np.array([op.positions / op.groups for op in operations])
        self._outputs = np.array([rows.add(op.outputs) for op in operations], dtype=np.int64)
        one_input = np.array([-1], dtype=np.int64)
        self._inputs = np.array(
            [rows.add(one_input if op.inputs is None else op.inputs) for op in operations],
            dtype=np.int64,
        )
        producers = [rows.add(layer.channels) for layer in _weighted_layers(analysis)]
        self._parameters = _parameter_rows(rows, analysis, module)
        channels = analysis.plan.channel_count
        self._widths = rows.counted(channels)
        self._counts = self._widths.by_channel  # (rows, channels)
        self._both = (self._counts[self._inputs] * self._counts[self._outputs]).T @ self._positions
        distinct = sorted(set(producers))
        self.widths: NDArray[np.bool_] = self._counts[distinct] > 0
        self.has_fixed: NDArray[np.bool_] = self._widths.fixed[distinct] > 0
        self.removed: NDArray[np.bool_] = np.zeros(channels, dtype=np.bool_)  # see budget.py
        self.limits: tuple[Limit, ...] = ()
        everything = np.ones(channels)
        self.total = round(float(self.macs(everything)))
        self.total_params = round(float(self.params(everything)))

    def macs(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """MACs of one image, shape () or (masks,)."""
        counts = self._widths.of(keep)
        result: Numbers = (counts[..., self._inputs] * counts[..., self._outputs]) @ self._positions
        return result

    def kept_share(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """MACs as a share of the unpruned network's, 0-1."""
        return self.macs(keep) / self.total

    def params(self, keep: NDArray[np.bool_] | Numbers) -> Numbers:
        """Parameters left, shape () or (masks,)."""
        counts = self._widths.of(keep)
        result = np.zeros(counts.shape[:-1])
        for factor, rows in self._parameters:
            result = result + factor * counts[..., rows].prod(axis=-1)
        return result

    def marginal_macs(self, keep: NDArray[np.bool_]) -> Numbers:
        """MACs that each channel adds to the others that are kept, shape (channels,)."""
        counts = self._widths.of(keep)
        weights = np.zeros(len(counts))
        np.add.at(weights, self._inputs, self._positions * counts[self._outputs])
        np.add.at(weights, self._outputs, self._positions * counts[self._inputs])
        # a channel on both sides of an operation counts with itself once, not twice
        kinds = self._widths.kinds
        one = (kinds.rows @ weights)[kinds.of_channel]
        result: Numbers = one + self._both * np.where(keep, -1.0, 1.0)
        return result


def _parameter_rows(
    rows: WidthRows, analysis: Analysis, module: nn.Module
) -> list[tuple[int, NDArray[np.int64]]]:
    """Per parameter: its elements in uncut dimensions, and the rows of the cut ones."""
    plan: Mapping[str, Mapping[int, NDArray[np.int64]]] = analysis.plan.owners
    result = []
    for key, parameter in module.named_parameters():
        cut = plan.get(key, {})
        factor = math.prod(n for d, n in enumerate(parameter.shape) if d not in cut)
        places = np.array([rows.add(owners) for owners in cut.values()], dtype=np.int64)
        result.append((factor, places))
    return result


def _weighted_layers(analysis: Analysis) -> list[LayerNode]:
    return [layer for layer in analysis.graph.layers if layer.weight_key and layer.is_prunable]
