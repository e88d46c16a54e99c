"""Other images to train on: more of the same kind as a run's own, with the same classes."""

import dataclasses
from pathlib import Path

import numpy as np

from core.data.folder import check_files, list_files, skipped_notice, visible_entries
from core.data.image_files import FolderPart
from core.data.images import ArrayPart, ImagePart, ImageRequest, Images
from core.data.npz import open_npz
from core.errors import DataError


def open_training_images(spec: str, images: Images) -> tuple[ImagePart, tuple[str, ...]]:
    """Open images to train on, normalised and sized as those of `images`.

    spec: a .npz file, whose training images are taken, or a folder with a folder per class,
        which may lie in train/.
    Returns: the images, and notices of what was skipped.
    Raises: DataError if they cannot be opened or their classes are not those of `images`.
    """
    path = Path(spec).expanduser()
    if path.is_dir():
        return _open_folder(path / "train" if (path / "train").is_dir() else path, images)
    if path.suffix.lower() == ".npz" and path.is_file():
        return _open_arrays(path, images), ()
    raise DataError(
        f"There are no images {path} to train on. Give a .npz file or a folder with a folder "
        "per class; unpack archives first."
    )


def _open_arrays(path: Path, images: Images) -> ImagePart:
    other = open_npz(ImageRequest(str(path)))
    if not other.is_labelled:
        raise DataError(
            f"Images {path} have no labels y_train to learn. Add them, or search on these images: "
            "a run may be without labels."
        )
    if other.image_shape != images.image_shape:
        raise DataError(
            f"Images {path} have the shape {other.image_shape} and not {images.image_shape} as "
            "the network's. Give images of that shape, or a folder."
        )
    if other.class_names != images.class_names:
        raise _strange_classes(path, set(other.class_names), images)
    part = other.reward
    assert isinstance(part, ArrayPart)
    everything = np.arange(len(part.pixels), dtype=np.int64)
    return dataclasses.replace(part, indices=everything, mean=images.mean, std=images.std)


def _open_folder(folder: Path, images: Images) -> tuple[ImagePart, tuple[str, ...]]:
    names = {entry.name for entry in visible_entries(folder) if entry.is_dir()}
    if names != set(images.class_names):
        raise _strange_classes(folder, names, images)
    skipped: list[Path] = []
    files = check_files(
        list_files(folder, images.class_names), images.class_names, images.image_shape, skipped
    )
    if not len(files.labels):
        raise DataError(f"Folder {folder} has no readable image. Add some.")
    part = FolderPart(files, np.arange(len(files.labels)), images.mean, images.std)
    return part, skipped_notice(skipped, folder)


def _strange_classes(path: Path, names: set[str], images: Images) -> DataError:
    known = set(images.class_names)
    different = sorted(known.symmetric_difference(names)) or sorted(names)
    return DataError(
        f"The classes of {path} are not those of '{images.name}': '{different[0]}' is in one of "
        "them only, or they come in another order. Give images of the same classes."
    )
