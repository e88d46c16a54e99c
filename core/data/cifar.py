"""CIFAR-10 and CIFAR-100 through torchvision, in the user's cache folder."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.data.images import ImageRequest, Images, images_from_arrays
from core.data.normalisation import IMAGENET
from core.errors import DataError

CIFAR_CLASSES = {"cifar10": "CIFAR10", "cifar100": "CIFAR100"}  # torchvision's names


def open_cifar(request: ImageRequest) -> Images:
    """Open CIFAR-10 or CIFAR-100; downloads it (170 MB) only if the request allows it.

    Normalised as ImageNet's, which is what the known CIFAR checkpoints were trained with.
    Raises: DataError if it is absent and may not or cannot be downloaded.
    """
    folder = platformdirs.user_cache_path("espalier") / "images"
    train, test = (_load(request, folder, is_train=is_train) for is_train in (True, False))
    return images_from_arrays(
        request.spec,
        (train.data, np.asarray(train.targets, dtype=np.int64)),
        (test.data, np.asarray(test.targets, dtype=np.int64)),
        tuple(train.classes),
        request.choose_normalisation(3, IMAGENET),
        request.seed,
    )


def _load(request: ImageRequest, folder: Path, *, is_train: bool) -> Any:
    from torchvision import datasets

    kind = getattr(datasets, CIFAR_CLASSES[request.spec])
    with warnings.catch_warnings():
        # The files were pickled by an old NumPy, which the new one remarks upon.
        warnings.simplefilter("ignore")
        try:
            return kind(root=str(folder), train=is_train, download=False)
        except RuntimeError as error:
            if not request.allow_download:
                raise DataError(
                    f"{request.spec} is not in {folder}. Allow its download (170 MB; in the "
                    f"terminal --allow-download), or unpack the archive {kind.url} there.",
                    str(error),
                ) from error
        try:
            return kind(root=str(folder), train=is_train, download=True)
        except (RuntimeError, OSError) as error:
            raise DataError(
                f"Cannot download {request.spec} into {folder}: {error}. Check the connection and "
                f"the free space, or unpack the archive {kind.url} there."
            ) from error
