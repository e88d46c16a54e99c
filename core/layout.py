"""How images lie in memory while a network reads them.

Convolutions are up to twice as fast where the channels of a pixel lie side by side. Not every
network can be read so: `x.view(-1, 400)` behind a convolution, as in many tutorials, then fails.
"""

import copy
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

TRIED_IMAGES = 2
# Where a strided 1x1 convolution reads fewer channels, oneDNN's backward writes beyond its
# workspace in channels-last: 8 with AVX2, 16 with AVX-512 (uxlfoundation/oneDNN issue 6035).
SAFE_CHANNELS = 16

_takes_channels_last: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
_wholes: WeakKeyDictionary[nn.Module, nn.Module] = WeakKeyDictionary()


def place_images(
    images: Tensor, network: nn.Module, device: torch.device, *, is_learning: bool
) -> Tensor:
    """Move images (N, C, H, W) to a device, in the layout in which a network reads them fastest.

    network: on `device`. The first time that it is seen it reads two of the images to find out,
        so this comes before hooks that must not see them.
    is_learning: whether what it answers will be differentiated.
    """
    placed = images.to(device)
    if images.dim() != 4:
        return placed
    if (is_learning and device.type == "cpu" and not _is_safe(network)) or not _is_fit(
        network, placed
    ):
        return _laid_out(placed, torch.contiguous_format)
    return _laid_out(placed, torch.channels_last)


def remember_whole(shell: nn.Module, whole: nn.Module) -> None:
    """Let a shell, whose width changes from mask to mask, be read as the whole network can be.

    Of a single channel every layout is the same, so that a mask says nothing of the next one.
    """
    _wholes[shell] = whole


def _laid_out(images: Tensor, layout: torch.memory_format) -> Tensor:
    # contiguous() would leave images of one channel, or of one pixel, as they are, whose strides
    # fit both layouts; convolutions then go by the strides
    return images.clone(memory_format=layout)


def _is_fit(network: nn.Module, images: Tensor) -> bool:
    """Whether a network takes channels-last; tried once."""
    if network not in _takes_channels_last:
        tried, whole = network, _wholes.get(network)
        if whole is not None:
            tried = copy.deepcopy(whole).to(images.device)
        some = _laid_out(images[:TRIED_IMAGES], torch.channels_last)
        _takes_channels_last[network] = _can_read(tried, some)
    return _takes_channels_last[network]


def _is_safe(network: nn.Module) -> bool:
    """Whether backward passes in channels-last touch no foreign memory."""
    for part in network.modules():
        weights = [p for p in part.parameters(recurse=False) if p.dim() == 4]
        if not weights:
            continue
        if not isinstance(part, nn.Conv2d):
            return False
        is_strided = part.weight.shape[2:] == (1, 1) and max(part.stride) > 1
        if is_strided and part.weight.shape[1] < SAFE_CHANNELS:
            return False
    return True


def _can_read(network: nn.Module, images: Tensor) -> bool:
    """Whether it answers; in evaluation mode, in which nothing of it changes."""
    was_training = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        with torch.no_grad():  # what it keeps of its first pass may have to be differentiated
            network(images)
    except Exception:
        return False  # what is not of the layout will be raised by the real pass
    finally:
        for part, training in was_training:
            part.training = training
    return True
