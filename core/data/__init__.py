"""Where images come from: by name, or from a path. Importing this does not import torch."""

import difflib
from collections.abc import Callable
from pathlib import Path

from core.data.cifar import open_cifar
from core.data.digits import open_digits
from core.data.folder import open_folder
from core.data.images import ImagePart, ImageRequest, Images
from core.data.normalisation import AUTO, NORMALISATIONS, check_normalisation
from core.data.npz import open_npz
from core.data.usual import usual_normalisation
from core.errors import DataError, readable

__all__ = [
    "DATASETS",
    "FORMATS",
    "NORMALISATIONS",
    "ImagePart",
    "ImageRequest",
    "Images",
    "are_resized",
    "open_images",
    "usual_normalisation",
]


def open_images(
    spec: str,
    *,
    input_shape: tuple[int, int, int] | None = None,
    allow_download: bool = False,
    seed: int = 0,
    normalisation: str = AUTO,
) -> Images:
    """Open images by the name of a dataset or by a path, and split them.

    `input_shape` (channels, height, width) is what the network expects: image folders, and
    digits for a grey network, are resized to it; the others keep their own size.
    The splits follow from `seed`. `normalisation` names one of NORMALISATIONS; "auto" takes
    the images' own.

    Raises: DataError if there are no such images or they cannot be used; ConfigError if there
    is no such normalisation.
    """
    check_normalisation(normalisation)
    request = ImageRequest(spec, input_shape, allow_download, seed, normalisation)
    if spec in DATASETS:
        return DATASETS[spec](request)
    path = _find(spec)
    if path.is_dir():
        return FORMATS["folder"](request)
    if path.suffix.lower() not in FORMATS:
        raise DataError(
            f"Images {readable(path)} are of an unknown kind, '{readable(path.suffix)}'. Give "
            "a .npz file, or unpack them into a folder with train/ and test/ and a folder per "
            "class in each."
        )
    return FORMATS[path.suffix.lower()](request)


def are_resized(spec: str) -> bool:
    """Whether images take any size that a network wants: those in a folder do."""
    try:
        return spec not in ("", *DATASETS) and Path(spec).expanduser().is_dir()
    except (OSError, RuntimeError):
        return False


def _find(spec: str) -> Path:
    """The path of what is there; DataError if it is not."""
    if not spec:  # which as a path would be the folder where one stands
        raise _unknown(spec)
    try:
        path = Path(spec).expanduser()
        path.stat()
        str(path).encode("utf-8")
    except FileNotFoundError as error:
        raise _unknown(spec) from error
    except (OSError, RuntimeError, ValueError) as error:
        # a ring of links, a name that is too long or not UTF-8, nobody's home
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(
            f"Cannot find the images {readable(spec)}: {readable(reason)}. Check the path."
        ) from error
    return path


def _unknown(spec: str) -> DataError:
    close = difflib.get_close_matches(spec, DATASETS, n=1)
    hint = f"Did you mean {close[0]}? Otherwise give" if close else "Give"
    return DataError(
        f"There are no images '{readable(spec)}'. {hint} one of {', '.join(DATASETS)}, "
        "or the path of a .npz file or of a folder with train/ and test/."
    )


DATASETS: dict[str, Callable[[ImageRequest], Images]] = {
    "digits": open_digits,
    "cifar10": open_cifar,
    "cifar100": open_cifar,
}
FORMATS: dict[str, Callable[[ImageRequest], Images]] = {
    "folder": open_folder,
    ".npz": open_npz,
}
