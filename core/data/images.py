"""Images in three named parts that never overlap; NumPy inside, tensors only in a batch.

`reward` and `held_out` come out of the training part, `test` is apart. The split is made once
from a seed that belongs to the images and not to a search, so that all searches are judged by
the same images.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from core.data.normalisation import AUTO, IMAGENET, Normalisation, choose_normalisation
from core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

IndexArray = NDArray[np.int64]
PixelArray = NDArray[np.uint8]

IMAGENET_MEAN, IMAGENET_STD = IMAGENET  # what most checkpoints were trained with
HELD_OUT_SHARE = 0.2  # of the training part
HELD_OUT_MOST = 2048
TRAINING_LEAST = 10  # two held-out images at the least


class ImagePart(Protocol):
    """A named part of the images, read a batch at a time."""

    def __len__(self) -> int: ...

    def batch(self, indices: IndexArray) -> "tuple[Tensor, Tensor]":
        """Read some of the part's images by their places in it, 0 .. len - 1.

        Returns: normalised images, float32 (N, C, H, W), and labels, int64 (N,).
        """
        ...


@dataclass(frozen=True, eq=False)
class Images:
    """All images of a run, split once and named."""

    name: str  # "digits", "cifar10_subset"
    reward: ImagePart  # sampled masks are scored here
    held_out: ImagePart  # the winner is chosen here
    test: ImagePart  # read once, at the end
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]  # channels, height, width
    mean: tuple[float, ...]  # per channel, of pixels in 0-1
    std: tuple[float, ...]
    notices: tuple[str, ...] = ()  # "3 unreadable images were skipped: ..."
    is_labelled: bool = True  # False: all labels are 0 until someone answers for them


@dataclass(frozen=True)
class ImageRequest:
    """What a source of images is asked for."""

    spec: str  # a dataset's name, or a path
    input_shape: tuple[int, int, int] | None = None  # the network's, where images can be resized
    allow_download: bool = False
    seed: int = 0
    normalisation: str = AUTO

    def choose_normalisation(self, channels: int, usual: Normalisation) -> Normalisation:
        """Mean and std of these images: the preset that is asked for, or the usual ones."""
        return choose_normalisation(self.normalisation, channels, usual)


@dataclass(frozen=True, eq=False)
class ArrayPart:
    """A part of images that lie in memory as bytes."""

    pixels: PixelArray  # (all images, H, W, C), shared between parts
    labels: IndexArray  # (all images,)
    indices: IndexArray  # the images of this part
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: IndexArray) -> "tuple[Tensor, Tensor]":
        chosen = self.indices[indices]
        return to_batch(self.pixels[chosen], self.labels[chosen], self.mean, self.std)


def to_batch(
    pixels: PixelArray, labels: IndexArray, mean: tuple[float, ...], std: tuple[float, ...]
) -> "tuple[Tensor, Tensor]":
    """Turn bytes (N, H, W, C) into normalised float32 (N, C, H, W), and labels into int64 (N,)."""
    import torch

    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255  # (N, C, H, W)
    x = (x - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)
    # Images of one channel look channels-last to torch unless their strides are written anew.
    return x.clone(memory_format=torch.contiguous_format), torch.from_numpy(labels)


def split_training(labels: IndexArray, seed: int) -> tuple[IndexArray, IndexArray]:
    """Split training images into reward and held-out images, class by class.

    Returns: the indices of each part, shuffled, so that any stretch of them is a fair sample.
    """
    held_count = min(round(len(labels) * HELD_OUT_SHARE), HELD_OUT_MOST)
    held_out = stratified_sample(labels, held_count, seed)
    is_reward = np.ones(len(labels), dtype=np.bool_)
    is_reward[held_out] = False
    reward = np.random.default_rng(seed).permutation(np.flatnonzero(is_reward))
    return reward, held_out


def stratified_sample(labels: IndexArray, count: int, seed: int) -> IndexArray:
    """Choose `count` indices at random, with each class in its share; shuffled."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    classes, inverse, sizes = np.unique(labels[order], return_inverse=True, return_counts=True)
    shares = sizes * (count / max(len(labels), 1))
    quotas = np.floor(shares).astype(np.int64)
    # The largest remainders take what rounding down left over.
    leftover = np.argsort(quotas - shares, kind="stable")[: count - int(quotas.sum())]
    quotas[leftover] += 1
    taken = [order[inverse == place][: quotas[place]] for place in range(len(classes))]
    chosen = np.concatenate(taken) if taken else order
    return np.asarray(rng.permutation(chosen), dtype=np.int64)


def check_sizes(
    name: str, train: IndexArray, test: IndexArray, *, is_labelled: bool = True
) -> None:
    """Raise DataError if labels are too few, or of too few classes, to split and to score."""
    if len(train) == 0 or len(test) == 0:
        part = "training" if len(train) == 0 else "test"
        raise DataError(f"Images '{name}' have no {part} images. Add some.")
    if len(train) < TRAINING_LEAST:
        few = f"{len(train)} training images, which are"
        few = "1 training image, which is" if len(train) == 1 else few
        raise DataError(
            f"Images '{name}' have {few} too few to set some aside for the choice of the winner. "
            f"Give at least {TRAINING_LEAST}."
        )
    if is_labelled and len(np.unique(train)) < 2:
        raise DataError(
            f"All training images of '{name}' are of one class, so there is nothing to tell "
            "apart. Give images of at least two classes."
        )


def images_from_arrays(
    name: str,
    train: tuple[PixelArray, IndexArray],
    test: tuple[PixelArray, IndexArray],
    class_names: tuple[str, ...],
    normalisation: Normalisation,
    seed: int,
    *,
    is_labelled: bool = True,
) -> Images:
    """Split images that lie in memory, (N, H, W, C) bytes with their labels (N,)."""
    mean, std = normalisation
    check_sizes(name, train[1], test[1], is_labelled=is_labelled)
    reward, held_out = split_training(train[1], seed)
    _, height, width, channels = train[0].shape
    return Images(
        name=name,
        reward=ArrayPart(*train, reward, mean, std),
        held_out=ArrayPart(*train, held_out, mean, std),
        test=ArrayPart(*test, np.arange(len(test[1])), mean, std),
        class_names=class_names,
        image_shape=(channels, height, width),
        mean=mean,
        std=std,
        is_labelled=is_labelled,
    )
