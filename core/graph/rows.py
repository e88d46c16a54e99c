"""The channels that can be removed, each seen once: through the first layer that produces it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph


@dataclass(frozen=True, eq=False)
class ChannelRow:
    """The channels that a person sees through one layer.

    A layer whose channels all appear in an earlier one, as in a residual stream, has no row.
    """

    layer: str
    channels: NDArray[np.int64]  # (n,) ids
    places: NDArray[np.int64]  # (n,) which output of the layer each is, ascending
    others: tuple[str, ...]  # layers that lose a channel together with this one
    is_stream: bool

    def __len__(self) -> int:
        return len(self.channels)


def channel_rows(graph: LayerGraph, groups: CouplingGroups) -> tuple[ChannelRow, ...]:
    """Divide all channel ids into rows, in the order in which their layers ran."""
    is_seen = np.zeros(groups.channel_count, dtype=np.bool_)
    rows = [row for group in groups.groups for row in _rows_of_group(group, graph, is_seen)]
    depth = {name: place for place, name in enumerate(graph.nodes)}
    return tuple(sorted(rows, key=lambda row: depth[row.layer]))


def _rows_of_group(
    group: CouplingGroup, graph: LayerGraph, is_seen: NDArray[np.bool_]
) -> list[ChannelRow]:
    rows = []
    for name in group.producers:
        owners = graph.layer(name).channels
        ids, first = np.unique(owners, return_index=True)  # outputs may share a channel
        is_new = (ids >= group.start) & (ids < group.stop)
        is_new[is_new] = ~is_seen[ids[is_new]]
        if not is_new.any():
            continue
        order = np.argsort(first[is_new])
        ids = ids[is_new][order]
        is_seen[ids] = True
        others = tuple(
            other
            for other in group.producers
            if other != name and np.isin(ids, graph.layer(other).channels).any()
        )
        rows.append(ChannelRow(name, ids, first[is_new][order], others, group.is_stream))
    return rows
