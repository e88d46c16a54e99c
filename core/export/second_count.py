"""MACs counted a second time by another tool, so that the report need not trust itself."""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import nn

# thop counts these as work; the closed form, like the literature, counts products of weights.
FREE_LAYERS: tuple[type[nn.Module], ...] = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
    nn.LeakyReLU,
    nn.PReLU,
    nn.Softmax,
    nn.Upsample,
    nn.UpsamplingBilinear2d,
    nn.UpsamplingNearest2d,
)


@dataclass(frozen=True)
class SecondCount:
    """What thop counts for one image."""

    macs: int
    difference: float  # |thop - closed form| / closed form


def count_again(module: nn.Module, input_shape: tuple[int, int, int], macs: int) -> SecondCount:
    """Count the MACs of one image of `input_shape` (C, H, W) with thop, on a copy.

    thop leaves keys in the state dict that break strict loading; the copy takes them away.
    It misses convolutions and attention that are called as functions: the difference shows it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # thop still asks distutils for versions
        from thop import profile

    counted, _ = profile(
        copy.deepcopy(module).cpu().eval(),
        inputs=(torch.zeros(1, *input_shape),),
        custom_ops=dict.fromkeys(FREE_LAYERS, _count_nothing),
        verbose=False,
    )
    difference = abs(counted - macs) / macs if macs else float(counted > 0)
    return SecondCount(int(counted), difference)


def _count_nothing(layer: nn.Module, inputs: object, output: object) -> None:
    """Leave thop's counter of this layer as it is."""
