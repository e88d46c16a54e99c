"""Channel masks: which channels are kept (True) and which are removed (False)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerNode


@dataclass(frozen=True, eq=False)
class ChannelMasks:
    """One keep decision per channel; `masks[group_id]` is that group's bool vector (C,)."""

    groups: CouplingGroups
    keep: NDArray[np.bool_]  # (channel_count,)

    def __post_init__(self) -> None:
        if self.keep.shape != (self.groups.channel_count,) or self.keep.dtype != np.bool_:
            raise ValueError(
                f"masks need {self.groups.channel_count} booleans, "
                f"not {self.keep.dtype} {self.keep.shape}"
            )

    @classmethod
    def keep_all(cls, groups: CouplingGroups) -> "ChannelMasks":
        """The masks that remove nothing."""
        return cls(groups, np.ones(groups.channel_count, dtype=np.bool_))

    def __getitem__(self, group_id: int) -> NDArray[np.bool_]:
        group = self.groups.groups[group_id]
        return self.keep[group.start : group.stop]

    def of_layer(self, layer: LayerNode) -> NDArray[np.bool_]:
        """Which output channels of `layer` are kept, shape (output channels,)."""
        return kept_channels(self.keep, layer.channels)

    @property
    def kept_share(self) -> float:
        """The share of channels kept, 0-1."""
        return float(self.keep.mean()) if self.keep.size else 1.0


def kept_channels(keep: NDArray[np.bool_], owners: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Look up each owner's decision; owner -1 is always kept. Shape of `owners`."""
    return np.append(keep, True)[owners]


def approximate_cuts(groups: CouplingGroups, keep: NDArray[np.bool_]) -> dict[str, str]:
    """Name the layers that lose channels where cut and masked differ by nature, and why.

    keep: (channels,) True where a channel is kept.
    Returns: first producer -> reason, in the groups' order.
    """
    return {
        group.name: group.approximate
        for group in groups.groups
        if group.approximate is not None and not keep[group.start : group.stop].all()
    }


def jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Overlap of two masks' kept channels: |a and b| / |a or b|; 1.0 if both keep none."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
