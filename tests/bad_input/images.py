"""Images that cannot be read or do not fit, each with its sentence."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.bad_input.case import Case, cut, written

Array = NDArray[Any]


def arrays() -> dict[str, Array]:
    """Twenty tiny colour images in each part, of two classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    labels = np.arange(20) % 2
    return {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}


def npz(**changes: Any) -> Callable[[Path], str]:
    """Write the tiny images with something else in them; None leaves an array out."""

    def make(folder: Path) -> str:
        content = {**arrays(), **changes}
        path = folder / "images.npz"
        np.savez(path, **{key: value for key, value in content.items() if value is not None})
        return str(path)

    return make


def both(**changes: Any) -> Callable[[Path], str]:
    """The same change in the training and in the test part."""
    return npz(**{f"{key}_{part}": v for key, v in changes.items() for part in ("train", "test")})


def of_header(shape: tuple[int, ...]) -> Callable[[Path], str]:
    """An archive whose first array claims a shape that is not there."""

    def make(folder: Path) -> str:
        path = Path(npz()(folder))
        stream = io.BytesIO()
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        return _replace(path, "x_train.npy", stream.getvalue())

    return make


def of_member(name: str, content: bytes) -> Callable[[Path], str]:
    return lambda folder: _replace(Path(npz()(folder)), name, content)


def _replace(path: Path, name: str, content: bytes) -> str:
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, value in (members | {name: content}).items():
            archive.writestr(member, value)
    return str(path)


def claiming(size: int) -> Callable[[Path], str]:
    """An archive whose directory claims a huge array: it would fill the memory."""

    def make(folder: Path) -> str:
        path = Path(npz()(folder))
        content = bytearray(path.read_bytes())
        place = content.find(b"PK\1\2")  # the first entry of the central directory
        content[place + 24 : place + 28] = struct.pack("<I", size)
        path.write_bytes(content)
        return str(path)

    return make


def picture(folder: Path, value: int = 0, name: str = "0.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6), (value, value, value)).save(folder / name)


def tree(folder: Path, count: int = 6, test: str = "test") -> Path:
    """A good folder of images: two classes in train and in test."""
    for part, many in (("train", count), (test, 2)):
        for value, name in enumerate(("cat", "dog")):
            for number in range(many):
                picture(folder / part / name, 200 * value, f"{number}.png")
    return folder


def spoiled(spoil: Callable[[Path], object], **options: Any) -> Callable[[Path], str]:
    """A good folder with something wrong in it."""

    def make(folder: Path) -> str:
        root = tree(folder / "images", **options)
        spoil(root)
        return str(root)

    return make


def removed(*names: str) -> Callable[[Path], None]:
    def remove(root: Path) -> None:
        import shutil

        for name in names:
            shutil.rmtree(root / name)

    return remove


def all_broken(content: bytes) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        for path in (root / "train" / "cat").iterdir():
            path.write_bytes(content)

    return spoil


def bomb() -> bytes:
    """A PNG of 100 bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        code = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", code)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


def link_out(place: str) -> Callable[[Path], None]:
    """Put a link to something outside of the images at `place`."""

    def spoil(root: Path) -> None:
        outside = root.parent / "secret"
        picture(outside, name="secret.png")
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(outside / "secret.png" if path.suffix else outside)

    return spoil


def moved_away(place: str) -> Callable[[Path], None]:
    """Move a part of the images out, and leave a link to it."""

    def spoil(root: Path) -> None:
        target = root.parent / "elsewhere"
        os.rename(root / place, target)
        (root / place).symlink_to(target)

    return spoil


BROKEN = r"images\.npz are truncated or not a \.npz file\. Copy or download them again"
LARGE = r"images\.npz would fill the memory|" + BROKEN
OUTSIDE = r"is a link to .*, outside of the folder of images\. Put the images themselves into"

IMAGES = (
    # names
    Case(
        "no name", lambda folder: "nothing-here", r"There are no images 'nothing-here'\. Give one"
    ),
    Case("a wrong name", lambda folder: "cifar1O", r"no images 'cifar1O'\. Did you mean cifar10\?"),
    Case("not there", lambda f: str(f / "gone.npz"), r"There are no images '.*gone\.npz'"),
    Case("control letters", lambda folder: "a\nb\x1b[2J", r"no images 'a\\nb\\x1b\[2J'"),
    Case("a huge name", lambda folder: "z" * 300, r"Cannot find the images z+: File name too long"),
    Case("a zero byte", lambda folder: "a\0b", r"Cannot find the images a\\x00b: "),
    Case("nobody's home", lambda folder: "~nobody-is-here/x", r"Cannot find the images ~nobody"),
    Case(
        "an archive of another kind", written("x", "images.tar.gz"), r"of an unknown kind, '\.gz'"
    ),
    Case(
        "a ring of links",
        lambda f: str((f / "l.npz").symlink_to("l.npz") or f / "l.npz"),
        r"Cannot find the images .*l\.npz: .*links",
    ),
    # .npz as a file
    Case("an empty file", written(b"", "images.npz"), BROKEN),
    Case("text", written("hello\n" * 9, "images.npz"), BROKEN),
    Case(
        "one array",
        lambda f: str(
            Path(np.save(f / "x.npy", np.ones(3)) or f / "x.npy").rename(f / "images.npz")
        ),
        r"images\.npz are one array\. Save four with np\.savez",
    ),
    *(Case(f"cut at {p} %", cut(npz(), p / 100), BROKEN) for p in (10, 30, 50, 70, 90, 99)),
    Case("pickled objects", npz(y_train=np.array([{}] * 20, dtype=object)), r"hold Python objects"),
    Case(
        "a pickle as a member", of_member("x_train.npy", b"\x80\x04."), BROKEN + "|Python objects"
    ),
    Case(
        "text as a member", of_member("y_test.npy", b"hello"), BROKEN + "|no y_test|Python objects"
    ),
    Case("an empty member", of_member("y_test.npy", b""), BROKEN),
    Case("a huge header", of_header((2**40, 64, 64, 3)), LARGE),
    Case("an endless header", of_header((2**62, 2**62)), LARGE),
    Case("a negative header", of_header((-1, 4, 4, 3)), BROKEN),
    Case("a claim of 4 GB", claiming(2**32 - 2), LARGE),
    # arrays
    Case("no training images", npz(x_train=None), r"have no x_train, but .*Save x_train, y_train"),
    Case(
        "no labels, no classes",
        npz(y_train=None, y_test=None),
        r"have no y_train, y_test, but .*, or the names of the classes for labels\.",
    ),
    Case("half the labels", npz(y_test=None), r"have no y_test, but"),
    Case(
        "floats", both(x=np.zeros((20, 4, 4, 3))), r"x_train is float64 .*must be uint8\. Convert"
    ),
    Case("booleans", both(x=np.zeros((20, 4, 4, 3), bool)), r"x_train is bool .*must be uint8"),
    Case(
        "channels first", both(x=np.zeros((20, 3, 8, 8), np.uint8)), r"Put the channels last: x_t"
    ),
    Case(
        "five channels", both(x=np.zeros((20, 8, 8, 5), np.uint8)), r"must be \(images, height, wi"
    ),
    Case("a flat array", both(x=np.zeros(20, np.uint8)), r"\(20,\), but must be \(images, height"),
    Case("no height", both(x=np.zeros((20, 0, 4, 3), np.uint8)), r"\(20, 0, 4, 3\), but must be"),
    Case("a scalar", both(x=np.uint8(3)), r"x_train is uint8 \(\), but must be"),
    Case("other test images", npz(x_test=np.zeros((20, 5, 5, 3), np.uint8)), r"Make them the same"),
    Case(
        "too few labels", npz(y_train=np.zeros(7, int)), r"but x_train has 20 images\. Give one lab"
    ),
    Case(
        "negative labels", npz(y_train=np.arange(20) % 2 - 1), r"with label -1\. Count the classes"
    ),
    Case(
        "labels of floats", npz(y_test=np.zeros(20)), r"y_test is float64 .*must be a whole number"
    ),
    Case(
        "labels of text", npz(y_test=np.array(["a"] * 20)), r"y_test is <U1 .*must be a whole numb"
    ),
    Case(
        "one-hot labels",
        npz(y_train=np.eye(20, dtype=int)),
        r"y_train is int64 \(20, 20\), but mus",
    ),
    Case(
        "one class", npz(y_train=np.zeros(20, int)), r"are of one class, so there is nothing to tel"
    ),
    Case(
        "no test images",
        npz(x_test=np.zeros((0, 4, 4, 3), np.uint8), y_test=np.zeros(0, int)),
        r"have no test images\. Add some",
    ),
    Case(
        "nine images",
        npz(x_train=np.zeros((9, 4, 4, 3), np.uint8), y_train=np.arange(9) % 2),
        r"have 9 training images, which are too few",
    ),
    Case("too few names", npz(classes=np.array(["cat"])), r"label 1, but names for 1 classes"),
    Case(
        "a huge label",
        npz(y_train=np.array([0, 1] * 9 + [0, 2**40])),
        r"label 1099511627776, which would make",
    ),
    Case("two means", npz(mean=np.ones(2), std=np.ones(2)), r"must be 3 numbers each, and std abo"),
    Case("no spread", npz(mean=np.ones(3), std=np.zeros(3)), r"std \[0\.0, 0\.0, 0\.0\] must be 3"),
    Case(
        "NaN as spread", npz(mean=np.ones(3), std=np.full(3, np.nan)), r"std \[nan, nan, nan\] must"
    ),
    Case(
        "an endless mean", npz(mean=np.full(3, np.inf), std=np.ones(3)), r"mean \[inf, inf, inf\]"
    ),
    Case(
        "texts as mean", npz(mean=np.array(list("abc")), std=np.ones(3)), r"mean \['a', 'b', 'c'\]"
    ),
    # folders
    Case("an empty folder", str, r"There is no folder .*train\. An image folder needs train/"),
    Case(
        "no train", spoiled(removed("train")), r"There is no folder .*train\. An image folder need"
    ),
    Case("no test", spoiled(removed("test")), r"There is no folder test/ or val/ in .*images"),
    Case(
        "no classes", spoiled(removed("train/cat", "train/dog")), r"train is empty\. Put a folder"
    ),
    Case("one class folder", spoiled(removed("train/dog")), r"has one class, 'cat', so there is"),
    Case(
        "an empty class", spoiled(all_broken(b""), count=12), r"Folder .*cat has no readable image"
    ),
    Case(
        "a class without images", spoiled(lambda r: (r / "train" / "emu").mkdir()), r"emu has no im"
    ),
    Case(
        "a new test class", spoiled(lambda r: picture(r / "test" / "emu")), r"emu is of a class tha"
    ),
    Case(
        "text as images",
        spoiled(all_broken(b"hello"), count=12),
        r"Folder .*cat has no readable image",
    ),
    Case(
        "bombs as images",
        spoiled(all_broken(bomb()), count=12),
        r"Folder .*cat has no readable image",
    ),
    Case(
        "too few images", spoiled(lambda root: None, count=2), r"have 4 training images, which are"
    ),
    Case("a link to a file outside", spoiled(link_out("train/cat/x.png")), OUTSIDE),
    Case("a link to a folder outside", spoiled(link_out("train/cat/more")), OUTSIDE),
    Case("a class that is a link", spoiled(moved_away("train/cat")), OUTSIDE),
    Case("a part that is a link", spoiled(moved_away("train")), OUTSIDE),
    Case("a test part that is a link", spoiled(moved_away("test")), OUTSIDE),
)
