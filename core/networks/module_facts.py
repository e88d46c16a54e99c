"""What a network's own modules say of the images and classes that it was made for."""

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


def image_channels(module: nn.Module) -> int | None:
    """Input channels of the first convolution; None if the network has none.

    Modules are taken in the order in which they were made, which is nearly always the order
    in which they run.
    """
    for part in module.modules():
        if isinstance(part, _ConvNd) and not isinstance(part, _ConvTransposeNd):
            return int(part.in_channels)
    return None


def classifier_width(module: nn.Module) -> int | None:
    """Outputs of the last linear layer, or else of the last convolution; None if none is there."""
    parts = list(module.modules())
    for part in reversed(parts):
        if isinstance(part, nn.Linear):
            return int(part.out_features)
    for part in reversed(parts):
        if isinstance(part, _ConvNd):
            return int(part.out_channels)
    return None
