"""Widths that hardware likes: kept channels rounded to multiples of 4, 8 or 16.

Fewer MACs are often no faster while widths are odd, because vector units and GPUs compute
whole blocks of channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

import numpy as np

from core.events import BoolArray
from core.graph.coupling import CouplingGroup, CouplingGroups
from core.graph.layers import LayerGraph
from core.pruning.budget import Float64Array, KeptShareModel
from core.pruning.limits import exceeds, load_between


@dataclass(frozen=True, eq=False)
class Rounded:
    """A mask whose widths are multiples, and what that changed."""

    keep: BoolArray  # (channels,)
    widths: Mapping[str, tuple[int, int]]  # group -> channels kept before and after, if changed
    macs_kept_before: float  # share, 0-1
    macs_kept: float
    meets_budget: bool


@dataclass(frozen=True, eq=False)
class _Width:
    """One coupling group and the numbers of channels that it may keep, ascending."""

    name: str
    best_first: np.ndarray[tuple[int], np.dtype[np.int64]]  # channel ids that may be kept
    allowed: tuple[int, ...]


def round_widths(
    keep: BoolArray,
    priority: Float64Array,
    graph: LayerGraph,
    groups: CouplingGroups,
    model: KeptShareModel,
    macs_budget: float,
    removable: BoolArray,
    multiple: int,
) -> Rounded:
    """Round the kept channels (C,) of every group up to a multiple, within the budget.

    The removed channels of highest priority (C,) come back. Where that breaks a budget,
    whole multiples go again, first those whose priority is least for the MACs they cost; what
    is left of the budget is filled with whole multiples. A channel that stands for several
    rows of a weight (an attention head) counts as so many. A group that is narrower than the
    multiple stays as it is.
    """
    widths = [
        width
        for group in groups.groups
        if (width := _width(group, priority, graph, model, removable, multiple))
    ]
    rounded = keep.copy()
    for width in widths:
        kept = int(keep[width.best_first].sum())
        _set(rounded, width, next(count for count in width.allowed if count >= kept))
    while exceeds(model, rounded, macs_budget):
        smaller = [(width, _step(rounded, width, -1)) for width in widths]
        choices = [(width, mask) for width, mask in smaller if mask is not None]
        if not choices:
            break
        losses = [_worth(rounded, mask, priority, model, macs_budget) for _, mask in choices]
        rounded = choices[int(np.argmin(losses))][1]
    rounded = _fill(rounded, widths, priority, model, macs_budget)
    changed = {
        group.name: (int(before.sum()), int(after.sum()))
        for group in groups.groups
        for before, after in ((own(keep, group), own(rounded, group)),)
        if before.sum() != after.sum()
    }
    share = float(model.kept_share(rounded))
    before = float(model.kept_share(keep))
    return Rounded(rounded, changed, before, share, not exceeds(model, rounded, macs_budget))


def own(mask: BoolArray, group: CouplingGroup) -> BoolArray:
    """A group's part of a mask."""
    return mask[group.start : group.stop]


def _width(
    group: CouplingGroup,
    priority: Float64Array,
    graph: LayerGraph,
    model: KeptShareModel,
    removable: BoolArray,
    multiple: int,
) -> _Width | None:
    """What the group may keep; None if nothing is to be rounded."""
    ids = np.arange(group.start, group.stop)
    fixed = ~removable[ids] & ~model.removed[ids]
    choosable = ids[~model.removed[ids]]
    step = multiple // gcd(multiple, _rows_per_channel(group, graph))
    most, least = len(choosable), max(1, int(fixed.sum()))
    if step == 1 or len(ids) < step or not removable[ids].any():
        return None
    allowed = {count for count in range(step, most + 1, step) if count >= least} | {most}
    # those that must stay come first, then those kept now are as good as their priority says
    must = removable[choosable]
    order = np.lexsort((choosable, -priority[choosable], must))
    return _Width(group.name, choosable[order], tuple(sorted(allowed)))


def _rows_per_channel(group: CouplingGroup, graph: LayerGraph) -> int:
    """How many outputs of its producer one channel stands for: 1, or a head's width."""
    if group.name not in graph:
        return 1
    channels = graph.layer(group.name).channels
    rows = int(((channels >= group.start) & (channels < group.stop)).sum())
    return rows // len(group) if rows and rows % len(group) == 0 else 1


def _set(keep: BoolArray, width: _Width, count: int) -> None:
    """Let the group keep `count` channels: those it keeps before others, the best first."""
    ids = width.best_first
    if count >= keep[ids].sum():
        removed = ids[~keep[ids]]
        keep[removed[: count - int(keep[ids].sum())]] = True
    else:
        kept = ids[keep[ids]]
        keep[kept[count:]] = False


def _step(keep: BoolArray, width: _Width, direction: int) -> BoolArray | None:
    """The mask with the next smaller or larger width of one group; None at the end."""
    place = width.allowed.index(int(keep[width.best_first].sum())) + direction
    if not 0 <= place < len(width.allowed):
        return None
    changed = keep.copy()
    _set(changed, width, width.allowed[place])
    return changed


def _worth(
    a: BoolArray, b: BoolArray, priority: Float64Array, model: KeptShareModel, macs_budget: float
) -> float:
    """Priority of the channels in which two masks differ, for the MACs that they cost."""
    load = load_between(model, a, b, macs_budget)
    return float(priority[a != b].sum()) / max(load, 1e-12)


def _fill(
    keep: BoolArray,
    widths: list[_Width],
    priority: Float64Array,
    model: KeptShareModel,
    macs_budget: float,
) -> BoolArray:
    """Take whole multiples back, the worthiest first, as long as one fits."""
    while True:
        larger = [_step(keep, width, +1) for width in widths]
        fitting = [
            mask for mask in larger if mask is not None and not exceeds(model, mask, macs_budget)
        ]
        if not fitting:
            return keep
        keep = max(fitting, key=lambda mask: _worth(mask, keep, priority, model, macs_budget))
