"""Images in one .npz file of NumPy arrays.

x_train, x_test   uint8, (N, H, W, C), or (N, H, W) for grey; the pixels themselves, not files
y_train, y_test   whole numbers from 0, (N,) or (N, 1); without both of them the unpruned
                  network's answers stand for the labels, and `classes` says how many there are
classes           their names, (classes,) of text; optional
mean, std         per channel, for pixels in 0-1; optional. Without them colour images are
                  normalised as ImageNet's, which is what torchvision's and the CIFAR
                  checkpoints were trained with, and others by their training part.

../shared/data/cifar10_subset.npz is such a file: (5085 + 1017, 32, 32, 3) with `classes`.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.archives import MAGIC, OversizedError, array_names, read_arrays
from core.data.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ImageRequest,
    Images,
    IndexArray,
    PixelArray,
    images_from_arrays,
)
from core.errors import DataError, readable

LABELS = ("y_train", "y_test")
NEEDED = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = ("classes", "mean", "std")
UNPACKED_BYTES = 2 * 2**30  # from here on an archive's sizes must be believable
RATIO_MOST = 100  # photographs are packed by less than two
CLASSES_MOST = 100_000
CHANNELS_MOST = 4  # more in the last place are a height or a width

Arrays = Mapping[str, NDArray[Any]]


def open_npz(request: ImageRequest) -> Images:
    """Open the images of a .npz file; DataError says what in it does not fit."""
    path = Path(request.spec).expanduser()
    arrays = _read_arrays(path)
    train, test = _read_part(arrays, "train", path), _read_part(arrays, "test", path)
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(
            f"Images {readable(path)}: x_train has images of shape {train[0].shape[1:]}, but "
            f"x_test of {test[0].shape[1:]}. Make them the same."
        )
    return images_from_arrays(
        path.stem,
        train,
        test,
        _read_class_names(arrays, train[1], test[1], path),
        request.choose_normalisation(
            train[0].shape[-1], _read_normalisation(arrays, train[0], path)
        ),
        request.seed,
        is_labelled=LABELS[0] in arrays,
    )


def _read_arrays(path: Path) -> Arrays:
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                raise DataError(f"Images {readable(path)} are one array. Save four with np.savez.")
            names = array_names(stream)
            missing = [key for key in NEEDED if key not in names]
            is_unlabelled = missing == list(LABELS) and "classes" in names
            if missing and not is_unlabelled:
                raise DataError(
                    f"Images {readable(path)} have no {', '.join(missing)}, but "
                    f"{readable(', '.join(names)[:200])}. "
                    f"Save {', '.join(NEEDED)} with np.savez"
                    + (", or the names of the classes for labels." if missing == [*LABELS] else ".")
                )
            chosen = [key for key in (*NEEDED, *OPTIONAL) if key in names]
            # an archive that claims far more than it can hold would fill the memory
            most = max(UNPACKED_BYTES, RATIO_MOST * path.stat().st_size)
            return read_arrays(stream, chosen, most_bytes=most)
    except PermissionError as error:
        raise DataError(f"Cannot read images {readable(path)}: {error.strerror}.") from error
    except OversizedError as error:
        raise _too_large(path) from error
    except ValueError as error:
        if "allow_pickle" not in str(error) or not zipfile.is_zipfile(path):
            raise _broken(path, error) from error
        raise DataError(
            f"Images {readable(path)} are refused, because they hold Python objects, and opening "
            "those could run code. Save plain uint8 and integer arrays.",
            str(error),
        ) from error
    except MemoryError as error:
        raise _too_large(path) from error
    except DataError:
        raise
    except Exception as error:
        # Python's and NumPy's readers raise almost anything on damaged archives and headers.
        raise _broken(path, error) from error


def _too_large(path: Path) -> DataError:
    return DataError(
        f"Images {readable(path)} would fill the memory when they are unpacked. "
        "Save fewer or smaller images."
    )


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"Images {readable(path)} are truncated or not a .npz file. Copy or download them again.",
        f"{type(error).__name__}: {error}",
    )


def _read_part(arrays: Arrays, part: str, path: Path) -> tuple[PixelArray, IndexArray]:
    """Return pixels (N, H, W, C) and labels (N,) of "train" or "test", checked."""
    x = arrays[f"x_{part}"]
    y = arrays.get(f"y_{part}", np.zeros(x.shape[:1], dtype=np.int64))
    where = f"Images {readable(path)}: x_{part} is {x.dtype} {x.shape}"
    if x.dtype != np.uint8:
        raise DataError(f"{where}, but must be uint8. Convert it to pixels of 0 to 255.")
    if x.ndim == 4 and x.shape[-1] > CHANNELS_MOST >= x.shape[1]:
        raise DataError(f"{where}. Put the channels last: x_{part}.transpose(0, 2, 3, 1).")
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] > CHANNELS_MOST) or 0 in x.shape[1:]:
        raise DataError(f"{where}, but must be (images, height, width, channels). Reshape it.")
    labels = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    where = f"Images {readable(path)}: y_{part} is {y.dtype} {y.shape}"
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{where}, but must be a whole number for each image. Convert it.")
    if len(labels) != len(x):
        raise DataError(f"{where}, but x_{part} has {len(x)} images. Give one label for each.")
    if len(labels) and labels.min() < 0:
        raise DataError(f"{where} with label {labels.min()}. Count the classes from 0.")
    if len(labels) and labels.max() >= CLASSES_MOST:
        raise DataError(
            f"{where} with label {labels.max()}, which would make as many classes. "
            "Count the classes from 0, without gaps."
        )
    return x if x.ndim == 4 else x[..., np.newaxis], labels.astype(np.int64)


def _read_class_names(
    arrays: Arrays, train: IndexArray, test: IndexArray, path: Path
) -> tuple[str, ...]:
    most = max((int(labels.max()) for labels in (train, test) if len(labels)), default=-1)
    if "classes" not in arrays:
        return tuple(str(label) for label in range(most + 1))
    names = tuple(str(name) for name in arrays["classes"].ravel())
    if most >= len(names):
        raise DataError(
            f"Images {readable(path)} have label {most}, but names for {len(names)} classes. "
            "Name every class, or leave `classes` out."
        )
    return names


def _are_usable(mean: list[Any], std: list[Any]) -> bool:
    try:
        return bool(np.isfinite([*mean, *std]).all() and min(std) > 0)
    except TypeError:  # texts
        return False


def _read_normalisation(
    arrays: Arrays, pixels: PixelArray, path: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    channels = pixels.shape[-1]
    if "mean" in arrays and "std" in arrays:
        mean, std = arrays["mean"].ravel().tolist(), arrays["std"].ravel().tolist()
        if len(mean) != channels or len(std) != channels or not _are_usable(mean, std):
            raise DataError(
                f"Images {readable(path)}: mean {mean} and std {std} must be {channels} numbers "
                "each, and std above 0. Mend them, or leave them out."
            )
        return tuple(map(float, mean)), tuple(map(float, std))
    if channels == len(IMAGENET_MEAN):
        return IMAGENET_MEAN, IMAGENET_STD
    # Counting bytes is exact and needs no copy of the images as floats.
    counts = [np.bincount(pixels[..., c].ravel(), minlength=256) for c in range(channels)]
    levels = np.arange(256) / 255
    means = [float((count * levels).sum() / max(count.sum(), 1)) for count in counts]
    stds = [
        float(np.sqrt((count * (levels - mean) ** 2).sum() / max(count.sum(), 1)))
        for count, mean in zip(counts, means, strict=True)
    ]
    return tuple(means), tuple(std or 1.0 for std in stds)
