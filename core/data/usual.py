"""What the normalisation "auto" means for images, as far as it is known before they are read."""

import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core.archives import array_names, read_arrays, read_header
from core.data.cifar import CIFAR_CLASSES
from core.data.digits import MEAN, STD
from core.data.normalisation import IMAGENET, Normalisation

NUMBERS_BYTES = 2**16  # mean and std have four numbers at the most


def usual_normalisation(spec: str) -> Normalisation | None:
    """Mean and std that "auto" gives images of `spec`; None if they are measured, or not known.

    Of a .npz file only the names and the first array's header are read.
    """
    if spec == "digits":
        return MEAN, STD
    if spec in CIFAR_CLASSES:
        return IMAGENET
    try:
        path = Path(spec).expanduser()
        if spec and path.is_dir():
            return IMAGENET
        return _in_archive(path) if path.suffix.lower() == ".npz" else None
    except Exception:  # of damaged archives and headers; opening says what is wrong
        return None


def _in_archive(path: Path) -> Normalisation | None:
    with path.open("rb") as file:
        if {"mean", "std"} <= set(array_names(file)):
            numbers = read_arrays(file, ("mean", "std"), most_bytes=NUMBERS_BYTES)
            return _four(numbers["mean"]), _four(numbers["std"])
        with zipfile.ZipFile(file) as archive, archive.open("x_train.npy") as stream:
            shape, _ = read_header(stream)
    return IMAGENET if len(shape) == 4 and shape[-1] == len(IMAGENET[0]) else None


def _four(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values.ravel()[:4])
