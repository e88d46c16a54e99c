"""What the normalisation "auto" means for images, as far as it is known before they are read."""

import zipfile
from pathlib import Path

import numpy as np

from core.data.cifar import CIFAR_CLASSES
from core.data.digits import MEAN, STD
from core.data.normalisation import IMAGENET, Normalisation

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


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
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if {"mean.npy", "std.npy"} <= names:
            mean, std = (_numbers(archive, f"{name}.npy") for name in ("mean", "std"))
            return mean, std
        with archive.open("x_train.npy") as stream:
            read_header = HEADERS.get(np.lib.format.read_magic(stream))
            shape = read_header(stream)[0] if read_header else ()
    return IMAGENET if len(shape) == 4 and shape[-1] == len(IMAGENET[0]) else None


def _numbers(archive: zipfile.ZipFile, name: str) -> tuple[float, ...]:
    with archive.open(name) as stream:
        values = np.lib.format.read_array(stream, allow_pickle=False)
    return tuple(float(value) for value in values.ravel()[:4])
