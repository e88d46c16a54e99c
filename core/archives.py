"""Arrays of .npz files, refused before they take memory where a file claims more than it may hold.

A few kilobytes can unpack to gigabytes, and the header of an array can claim any shape.
Needs no torch.
"""

import io
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"  # how a file of a single array begins
SUFFIX = ".npy"
EMPTY_MOST = 2**20  # places of an array without bytes: whoever goes through them finds an end
HEADER_BYTES = 512  # more than an array's name, shape and type take
KNOWN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes to unpack
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
UNPACKED_BYTES = 64 * 2**20  # a file of weights that unpacks to less fills no memory
RATIO_MOST = 10  # torch.save packs nothing, and weights hardly shrink

Arrays = dict[str, NDArray[Any]]


class OversizedError(ValueError):
    """An archive claims more than it may hold."""


def array_names(file: BinaryIO) -> list[str]:
    """The names of an .npz file's arrays; almost any error if it is damaged."""
    with zipfile.ZipFile(file) as archive:
        return [name.removesuffix(SUFFIX) for name in archive.namelist()]


def read_arrays(file: BinaryIO, names: Iterable[str] | None = None, *, most_bytes: int) -> Arrays:
    """Read the arrays of these names, or all, of an .npz file.

    most_bytes: what all of them may take together.
    Raises: OversizedError if they would take more, or a header claims more than is there, before
        memory is taken; KeyError if one is not there, and almost anything if it is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        chosen = array_names(file) if names is None else names
        entries = {name: archive.getinfo(f"{name}{SUFFIX}") for name in chosen}
        size = sum(entry.file_size for entry in entries.values())
        if size > most_bytes:
            raise OversizedError(f"its arrays would take {size:,} bytes, not {most_bytes:,}")
        for entry in entries.values():
            _check_entry(archive, entry)
        return {name: _read(archive, entry) for name, entry in entries.items()}


def read_array_file(path: Path, names: Iterable[str] | None = None, *, most_bytes: int) -> Arrays:
    """Read an .npz file as `read_arrays` does; a pipe or a device is refused with an OSError."""
    if path.exists() and not path.is_dir() and not path.is_file():
        raise OSError("it is no plain file")  # opening a pipe would wait for ever
    with path.open("rb") as file:
        # an archive of many small entries takes memory, too
        if (size := path.stat().st_size) > 2 * most_bytes:
            raise OversizedError(f"it has {size:,} bytes")
        return read_arrays(file, names, most_bytes=most_bytes)


def check_weights(file: Path | bytes) -> None:
    """Refuse a zip archive of weights that unpacks to far more than it is long: OversizedError.

    file: where it lies, or what it holds.

    What is no zip archive, or a damaged one, is left to whoever reads it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file) if isinstance(file, bytes) else file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except Exception:  # zipfile raises almost anything on a damaged archive
        return
    length = len(file) if isinstance(file, bytes) else file.stat().st_size
    if size > max(UNPACKED_BYTES, RATIO_MOST * length):
        raise OversizedError(f"it would take {size:,} bytes when it is unpacked")


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.compress_type not in KNOWN_METHODS:
        raise OversizedError(f"'{entry.filename}' is packed in a way that np.savez does not use")
    with archive.open(entry) as stream:
        shape, dtype = read_header(stream)
        content = entry.file_size - stream.tell()
    if dtype.hasobject:
        return  # refused by NumPy, in words of its own
    places = math.prod(max(size, 1) for size in shape) * max(dtype.itemsize, 1)
    if math.prod(shape) * dtype.itemsize > content or places > max(content, EMPTY_MOST):
        raise OversizedError(f"'{entry.filename}' claims to be {dtype} {shape}, more than it holds")


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array in the .npy format; ValueError if it is none."""
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"an array of version {version}")
    shape, _, dtype = HEADERS[version](stream)
    return shape, dtype


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array
