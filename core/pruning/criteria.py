"""One-shot importance of channels: larger means keep. CRITERIA at the end lists them all.

A channel is scored over everything that it owns: a residual stream's channel by all the
layers that write to it and all that read it. Which tensors those are stands in the plan, so
nothing here knows an architecture.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.events import FloatArray
from core.graph.assembly import Analysis
from core.graph.coupling import CouplingGroups, PruningPlan
from core.pruning.macs import MacsModel
from core.pruning.statistics import ChannelStatistics, scatter_add
from core.pruning.surgery import network_state

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True, eq=False)
class CriterionInput:
    """What a criterion may look at."""

    module: nn.Module
    analysis: Analysis
    statistics: ChannelStatistics  # of a pass over reward images
    random: np.random.Generator


Criterion = Callable[[CriterionInput], FloatArray]


def l1_importance(module: nn.Module, plan: PruningPlan, groups: CouplingGroups) -> FloatArray:
    """Score each channel by the L1 norm of all filters that produce it; needs no images.

    Returns: float32 (C,).
    Source: Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017, section 3.1.
    """
    del groups  # every channel is scored by itself
    return _sum_over_filters(module, plan, lambda filters: filters.abs().sum(dim=1))


def l1(given: CriterionInput) -> FloatArray:
    """Score by `l1_importance`."""
    return l1_importance(given.module, given.analysis.plan, given.analysis.groups)


def l2(given: CriterionInput) -> FloatArray:
    """Score by the L2 norm of all filters that produce the channel.

    Source: He et al., "Soft Filter Pruning for Accelerating Deep CNNs", IJCAI 2018, equation 2.
    """
    plan = given.analysis.plan
    return np.sqrt(_sum_over_filters(given.module, plan, lambda filters: (filters**2).sum(dim=1)))


def fpgm(given: CriterionInput) -> FloatArray:
    """Score by the summed distance to the layer's other filters: near the median is redundant.

    Source: He et al., "Filter Pruning via Geometric Median for Deep CNNs", CVPR 2019, equation 4.
    """
    return _sum_over_filters(
        given.module,
        given.analysis.plan,
        lambda filters: torch.cdist(filters[None], filters[None])[0].sum(dim=1),
    )


def bn_scale(given: CriterionInput) -> FloatArray:
    """Score by the summed size of the norms' scales, relative to their layers' mean scale.

    A channel without any norm gets its L2 norm relative to its group's.
    Source: Liu et al., "Learning Efficient Convolutional Networks through Network Slimming",
    ICCV 2017, section 3.
    """
    plan = given.analysis.plan
    scores = np.zeros(plan.channel_count)
    state = network_state(given.module)
    for key in norm_scale_keys(given.module):
        if (key, 0) in plan.producers:
            scatter_add(scores, plan.owners[key][0], state[key].detach().abs().double().numpy())
    without = scores == 0.0
    fallback = relative_to_group(l2(given), given.analysis.groups)
    return np.where(without, fallback * max(float(scores.mean()), 1e-6), scores).astype(np.float32)


def taylor(given: CriterionInput) -> FloatArray:
    """Score by the squared first-order change of the loss when the channel is silenced.

    Source: Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019,
    equation 8, at the gates (norm scale and shift, or the filters where no norm follows).
    """
    return _as_float32(given.statistics.taylor)


def gradient(given: CriterionInput) -> FloatArray:
    """Score by the norm of the loss gradient of all filters that produce the channel.

    sqrt(mean over batches of the squared norm): the filters' share of the empirical Fisher
    information. Where no filter makes the channel it is the norm of its gates' gradient.
    Source: after Theis et al., "Faster gaze prediction with dense networks and Fisher pruning",
    2018, section 2.1, without the factor of the activation.
    """
    scores = given.statistics.gradient
    return _as_float32(np.sqrt(np.where(scores > 0, scores, given.statistics.taylor)))


def obs_bn(given: CriterionInput) -> FloatArray:
    """Score by what the normalised outputs of its readers lose in structured OBS.

    Each reader eliminates its channels one by one and refits what is left; the losses of all
    readers of a channel add up. Comparable between layers as it is ("global").
    Source: Hassibi and Stork, NIPS 1992, in blocks; see core.pruning.elimination. Measured as
    the best one-shot criterion at half the MACs after fine-tuning.
    """
    total = np.zeros(given.analysis.plan.channel_count)
    for read in given.statistics.reads:
        scatter_add(total, read.owners, read.loss)
    return _as_float32(total)


def obs_per_mac(given: CriterionInput) -> FloatArray:
    """Score by the share of its readers' variance lost in structured OBS, for each MAC saved.

    Source: as `obs_bn`. Measured as the best one-shot criterion at 30 % of the MACs after
    fine-tuning.
    """
    total = np.zeros(given.analysis.plan.channel_count)
    for read in given.statistics.reads:
        scatter_add(total, read.owners, read.loss / max(read.output_variance, 1e-12))
    everything = np.ones(len(total), dtype=np.bool_)
    macs = MacsModel(given.analysis, given.module)
    share = macs.marginal_macs(everything) / macs.total  # of the network's, for each channel
    return _as_float32(total / np.maximum(share, 1e-12))


def activation(given: CriterionInput) -> FloatArray:
    """Score by the standard deviation of the channel as the layers that read it see it.

    Source: after Polyak and Wolf, "Channel-Level Acceleration of Deep Face Representations",
    IEEE Access 2015, section III-A (variance of activations).
    """
    plan = given.analysis.plan
    variance, readers = np.zeros(plan.channel_count), np.zeros(plan.channel_count)
    for read in given.statistics.reads:
        scatter_add(variance, read.owners, read.variance)
        scatter_add(readers, read.owners, np.ones(len(read.owners)))
    return np.sqrt(variance / np.maximum(readers, 1.0)).astype(np.float32)


def contribution(given: CriterionInput) -> FloatArray:
    """Score by how much the channel moves the normalised outputs of the layers that read it.

    sqrt(sum over readers of variance x |weights x norm scale|^2): the activation's standard
    deviation, the reader's weights on it and the scale of the norm behind the reader
    (gamma / sigma; 1 / output deviation where none follows).
    Source: measured here as the best one-shot criterion at half the MACs; close in spirit to
    Luo et al., "ThiNet", ICCV 2017, which scores a channel by its reader's output.
    """
    total = np.zeros(given.analysis.plan.channel_count)
    for read in given.statistics.reads:
        scatter_add(total, read.owners, read.variance * read.squared_weight)
    return _as_float32(np.sqrt(total))


def random(given: CriterionInput) -> FloatArray:
    """Score by chance: the floor that every criterion must beat."""
    return given.random.random(given.analysis.plan.channel_count).astype(np.float32)


def relative_to_group(scores: FloatArray, groups: CouplingGroups) -> FloatArray:
    """Divide scores (C,) by the root mean square of their own group."""
    relative = np.empty_like(scores)
    for group in groups.groups:
        own = scores[group.start : group.stop].astype(np.float64)  # squares may be large
        relative[group.start : group.stop] = own / (np.sqrt((own**2).mean()) + 1e-12)
    return relative


def norm_scale_keys(module: nn.Module) -> Iterator[str]:
    """Name the state-dict entries that are scales of norm layers."""
    for name, part in module.named_modules():
        if isinstance(part, NORMS) and part.weight is not None:
            yield f"{name}.weight" if name else "weight"


def _sum_over_filters(
    module: nn.Module, plan: PruningPlan, score: Callable[[Tensor], Tensor]
) -> FloatArray:
    """Add `score` ((filters, weights) -> (filters,)) over all filters that a channel owns."""
    scores = np.zeros(plan.channel_count)
    state = network_state(module)  # tied weights under each of their names
    for key, dim in sorted(plan.producers):
        if state[key].dim() >= 2:
            filters = state[key].detach().float().cpu().movedim(dim, 0).flatten(1)
            scatter_add(scores, plan.owners[key][dim], score(filters).double().numpy())
    return _as_float32(scores)


def _as_float32(scores: NDArray[np.floating[Any]]) -> FloatArray:
    """Round scores; where logits explode they are the largest number that there is."""
    rounded: FloatArray = np.minimum(scores, np.finfo(np.float32).max).astype(np.float32)
    return rounded


CRITERIA: dict[str, Criterion] = {
    "l1": l1,
    "l2": l2,
    "fpgm": fpgm,
    "bn_scale": bn_scale,
    "taylor": taylor,
    "gradient": gradient,
    "activation": activation,
    "contribution": contribution,
    "obs_bn": obs_bn,
    "obs_per_mac": obs_per_mac,
    "random": random,
}
