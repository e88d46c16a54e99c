"""What a network and its images are, in a hash: a run goes on only with the ones it began with."""

import hashlib

import numpy as np
import torch
from torch import nn

from core.data import ImagePart, Images
from core.pruning.surgery import network_state

SAMPLED_IMAGES = 32  # of each part: to read all would take as long as the search


def network_sha256(module: nn.Module) -> str:
    """Hash all weights and buffers, with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network_state(module).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def images_sha256(images: Images) -> str:
    """Hash the classes, the parts' sizes, and some reward and held-out images with their labels.

    The test images are left alone: they are read once, for the report.
    """
    digest = hashlib.sha256(repr((images.class_names, images.image_shape)).encode())
    for part in (images.reward, images.held_out):
        digest.update(f"{len(part)}\n".encode())
        for tensor in part.batch(_spread(part)):
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _spread(part: ImagePart) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    count = min(SAMPLED_IMAGES, len(part))
    return np.linspace(0, len(part) - 1, count).astype(np.int64)
