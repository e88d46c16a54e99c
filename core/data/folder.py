"""A folder of images: train/ and test/ (or val/), and in each a folder per class.

Images are read when they are needed, resized and cropped about their centres to the network's
input; core/data/image_files.py does the reading.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.data.image_files import FolderPart, ImageFiles, is_readable
from core.data.images import (
    HELD_OUT_MOST,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ImageRequest,
    Images,
    check_sizes,
    split_training,
    stratified_sample,
)
from core.errors import DataError, readable

TEST_FOLDERS = ("test", "val")
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
DEFAULT_INPUT = (3, 224, 224)
GREY_MEAN, GREY_STD = (0.449,), (0.226,)  # ImageNet's, averaged over its channels
# A search reads fewer; all the images that are used are decoded once when the folder is opened.
TRAINING_MOST = 16_384 + HELD_OUT_MOST
NAMED_IMAGES = NAMED_CLASSES = 3


def open_folder(request: ImageRequest) -> Images:
    """Open an image folder for a network's input, (3, 224, 224) if none is given.

    Of more than TRAINING_MOST training images a fair sample is used. Unreadable images are
    skipped, counted and named in the notices.

    Raises: DataError if a folder is missing or empty, or there is only one class.
    """
    root = Path(request.spec).expanduser()
    shape = request.input_shape or DEFAULT_INPUT
    if shape[0] not in (1, 3):
        raise DataError(
            f"Images in {readable(root)} can be read as grey or colour, but the network expects "
            f"{shape[0]} channels. Save them as a .npz file."
        )
    class_names = _class_folders(root / "train")
    train = list_files(root / "train", class_names, root)
    test_root = _find_test(root)
    tested = _check_test_classes(test_root, class_names)
    test = list_files(test_root, tested, root)
    labels = np.array([class_names.index(path_class) for _, path_class in train], dtype=np.int64)
    if len(labels) > TRAINING_MOST:
        train = [train[i] for i in np.sort(stratified_sample(labels, TRAINING_MOST, request.seed))]
    skipped: list[Path] = []
    train_files = check_files(train, class_names, shape, skipped)
    test_files = check_files(test, class_names, shape, skipped)
    for place, name in enumerate(class_names):
        if place not in train_files.labels:
            raise DataError(
                f"Folder {readable(root / 'train' / name)} has no readable image. Add some."
            )
    check_sizes(str(root), train_files.labels, test_files.labels)
    reward, held_out = split_training(train_files.labels, request.seed)
    usual = (GREY_MEAN, GREY_STD) if shape[0] == 1 else (IMAGENET_MEAN, IMAGENET_STD)
    mean, std = request.choose_normalisation(shape[0], usual)
    return Images(
        name=root.resolve().name,
        reward=FolderPart(train_files, reward, mean, std),
        held_out=FolderPart(train_files, held_out, mean, std),
        test=FolderPart(test_files, np.arange(len(test_files.labels)), mean, std),
        class_names=class_names,
        image_shape=shape,
        mean=mean,
        std=std,
        notices=(*skipped_notice(skipped, root), *_untested_notice(class_names, tested, test_root)),
    )


def _class_folders(folder: Path) -> tuple[str, ...]:
    """The names of the classes in a part's folder, sorted; DataError if there are too few."""
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {readable(folder)}. An image folder needs train/ and test/ (or "
            "val/), each with a folder per class."
        )
    names = sorted(entry.name for entry in visible_entries(folder) if entry.is_dir())
    if not names:
        raise DataError(
            f"Folder {readable(folder)} is empty. Put a folder of images per class into it."
        )
    if len(names) == 1:
        raise DataError(
            f"Folder {readable(folder)} has one class, '{readable(names[0])}', so there is nothing "
            "to tell apart. Add a folder per further class."
        )
    return tuple(names)


def _find_test(root: Path) -> Path:
    for name in TEST_FOLDERS:
        if (root / name).is_dir():
            return root / name
    raise DataError(
        f"There is no folder test/ or val/ in {readable(root)}. Put some images of each class "
        "there, which no training has seen."
    )


def _check_test_classes(folder: Path, class_names: Sequence[str]) -> tuple[str, ...]:
    names = sorted(entry.name for entry in visible_entries(folder) if entry.is_dir())
    unknown = [name for name in names if name not in class_names]
    if unknown:
        raise DataError(
            f"Folder {readable(folder / unknown[0])} is of a class that train/ does not have. "
            "Remove it, or add training images of that class."
        )
    return tuple(names)


def _untested_notice(
    class_names: Sequence[str], tested: Sequence[str], folder: Path
) -> tuple[str, ...]:
    """What to say of classes without a folder of test images."""
    missing = [readable(name) for name in class_names if name not in tested]
    if not missing:
        return ()
    named = ", ".join(missing[:NAMED_CLASSES])
    more = f" and {len(missing) - NAMED_CLASSES:,} more" if len(missing) > NAMED_CLASSES else ""
    return (
        f"{len(missing):,} of {len(class_names):,} classes have no folder in {readable(folder)} "
        f"({named}{more}): test accuracies say nothing of them.",
    )


def list_files(
    folder: Path, class_names: Sequence[str], root: Path | None = None
) -> list[tuple[Path, str]]:
    """All image files of a part with their classes; DataError if a class has none.

    Links are followed as long as they stay in `root`, by default the folder itself.
    """
    around = folder if root is None else root
    files: list[tuple[Path, str]] = []
    for name in class_names:
        found = sorted(_walk(folder / name, around))
        if not found:
            raise DataError(
                f"Folder {readable(folder / name)} has no images ({', '.join(sorted(SUFFIXES))}). "
                "Add some, or remove the folder."
            )
        files += [(path, name) for path in found]
    return files


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """All image files below a folder; DataError if a link leads out of `root`."""
    real_root = os.path.realpath(root)
    for place in (folder.parent, folder):
        if place != root:
            _check_link(str(place), real_root)
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(parent))
        for name in (*folders, *names):
            _check_link(os.path.join(parent, name), real_root)
        # a ring of links would be walked for ever
        folders[:] = [n for n in folders if os.path.realpath(os.path.join(parent, n)) not in seen]
        for name in names:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                yield Path(parent, name)


def _check_link(path: str, root: str) -> None:
    """Refuse a link out of the folder of images: a stranger's link could lead anywhere."""
    if not os.path.islink(path):
        return
    target = os.path.realpath(path)
    if os.path.commonpath([root, target]) != root:
        raise DataError(
            f"{readable(path)} is a link to {readable(target)}, outside of the folder of images. "
            f"Put the images themselves into {readable(root)}."
        )


def visible_entries(folder: Path) -> Iterator[Path]:
    """What lies in a folder and is not hidden."""
    return (entry for entry in folder.iterdir() if not entry.name.startswith("."))


def check_files(
    files: Sequence[tuple[Path, str]],
    class_names: Sequence[str],
    shape: tuple[int, int, int],
    skipped: list[Path],
) -> ImageFiles:
    """Keep the files that can be decoded; the others go to `skipped`."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        are_good = list(pool.map(is_readable, (path for path, _ in files)))
    skipped += [path for (path, _), good in zip(files, are_good, strict=True) if not good]
    good = [file for file, good in zip(files, are_good, strict=True) if good]
    labels = np.array([class_names.index(name) for _, name in good], dtype=np.int64)
    return ImageFiles(tuple(path for path, _ in good), labels, shape)


def skipped_notice(skipped: Sequence[Path], root: Path) -> tuple[str, ...]:
    """Say which files of a folder could not be read, in one sentence; none if all could."""
    if not skipped:
        return ()
    names = ", ".join(readable(path.relative_to(root)) for path in skipped[:NAMED_IMAGES])
    more = len(skipped) - NAMED_IMAGES
    if more > 0:
        names += f" and {more} more"
    images = (
        "1 unreadable image was" if len(skipped) == 1 else f"{len(skipped)} unreadable images were"
    )
    return (f"{images} skipped: {names}. Replace or remove what cannot be opened.",)
