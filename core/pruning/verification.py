"""The proof by trial that an analysis is right: cut at random, compare with the masked network.

What the one-pass analysis cannot see (a width written into the code, say) shows here; the
groups that break are frozen by name instead of ever giving a wrong network.
"""

from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from core.errors import GraphError
from core.graph.assembly import Analysis, freeze_groups
from core.graph.coupling import CouplingGroup
from core.graph.trace import analyse_network
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, soft_prune_network

TOLERANCE = 1e-4  # float32 sums in another order; wrong couplings differ by tenths


def analyse_exactly(module: nn.Module, example: Tensor) -> Analysis:
    """Analyse `module` and freeze every group whose cut does not equal its mask.

    Approximate groups (LayerNorm, GroupNorm) must run; their small difference is known.
    Raises: GraphError if the network cannot be traced, or nothing of it can be pruned.
    """
    analysis = analyse_network(module, example)
    broken = _broken_groups(module, analysis, example)
    if broken:
        analysis = freeze_groups(analysis, broken)
        if _why_broken(module, analysis, example, analysis.groups.groups) is not None:
            raise GraphError(
                "Cannot prune this network: its groups are right one by one and wrong together. "
                "Please report it with the network's code."
            )
    if not analysis.groups.groups:
        reasons = sorted({frozen.reason for frozen in analysis.groups.frozen})
        raise GraphError(
            "Nothing in this network can be pruned: "
            f"{'; '.join(reasons) or 'it has no convolution or linear layer inside'}. "
            "Choose a network with hidden convolutions or linear layers."
        )
    return analysis


def relative_difference(a: Tensor, b: Tensor) -> float:
    """Greatest difference of `b` from `a` as a share of a's greatest magnitude."""
    scale = float(a.abs().max())
    return float((a - b).abs().max()) / max(scale, 1e-12)


def _broken_groups(module: nn.Module, analysis: Analysis, example: Tensor) -> dict[int, str]:
    groups = analysis.groups.groups
    if not groups or _why_broken(module, analysis, example, groups) is None:
        return {}
    reasons = {g.id: _why_broken(module, analysis, example, [g]) for g in groups}
    return {number: reason for number, reason in reasons.items() if reason is not None}


def _why_broken(
    module: nn.Module, analysis: Analysis, example: Tensor, groups: Collection[CouplingGroup]
) -> str | None:
    """Cut half of these groups' channels: why the result is wrong, None if it is right."""
    exact = [group for group in groups if group.approximate is None]
    for cut, is_exact in ((groups, len(exact) == len(groups)), (exact, True)):
        keep = random_keep(analysis, module, groups=cut)
        try:
            with torch.no_grad():
                hard = prune_network(module, analysis.plan, keep)(example)
                soft = soft_prune_network(module, analysis.plan, keep)(example)
        except (RuntimeError, ValueError, IndexError, AssertionError) as error:
            text = " ".join(str(error).split())
            return f"its width is written into the code ({text[:90]})"
        pairs = zip(_tensors(soft), _tensors(hard), strict=True)
        if is_exact and any(not relative_difference(a, b) <= TOLERANCE for a, b in pairs):
            return "the cut network does not equal the masked one"
    return None


def random_keep(
    analysis: Analysis,
    module: nn.Module,
    *,
    groups: Collection[CouplingGroup] | None = None,
    share: float = 0.5,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Keep a random `share` of the channels of `groups` (default: all) and at least one a layer.

    Returns: bool (channels,).
    """
    rng = np.random.default_rng(seed)
    keep = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    for group in analysis.groups.groups if groups is None else groups:
        removed = rng.permutation(len(group))[: round((1 - share) * len(group))]
        keep[group.start + removed] = False
    widths = MacsModel(analysis, module)
    for row, has_fixed in zip(widths.widths, widths.has_fixed, strict=True):
        if not has_fixed and not (row & keep).any():
            keep[rng.choice(np.flatnonzero(row))] = True
    return keep


def _tensors(out: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
