"""Small archives that would fill the memory, if they were read as they ask for it."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

MEMBER_BYTES = 65 * 2**20  # above every ceiling of a run's files
CHUNK = bytes(2**20)
Bomb = Callable[[Path], None]
Header = Mapping[str, tuple[str, tuple[int, ...]]]


def header(kind: str, shape: tuple[int, ...]) -> bytes:
    """How an array of this type and shape begins in the .npy format."""
    stream = io.BytesIO()
    what = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, what)
    return stream.getvalue()


def unpacking(name: str, kind: str = "|b1") -> Bomb:
    """Replace an array by one of zeros, a thousand times longer than its archive."""

    def spoil(path: Path) -> None:
        members = _members(path)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member, content in members.items():
                if member != f"{name}.npy":
                    archive.writestr(member, content)
            with archive.open(f"{name}.npy", "w") as stream:
                stream.write(header(kind, (MEMBER_BYTES // np.dtype(kind).itemsize,)))
                for _ in range(MEMBER_BYTES // len(CHUNK)):
                    stream.write(CHUNK)

    return spoil


def claiming(name: str, kind: str, shape: tuple[int, ...]) -> Bomb:
    """Replace an array by a header without numbers."""

    def spoil(path: Path) -> None:
        members = _members(path) | {f"{name}.npy": header(kind, shape)}
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)

    return spoil


def packed_by(method: int) -> Bomb:
    """Pack an archive anew in a way that may ask for any memory to unpack."""

    def spoil(path: Path) -> None:
        members = _members(path)
        with zipfile.ZipFile(path, "w", method) as archive:
            for member, content in members.items():
                archive.writestr(member, content)

    return spoil


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def bombs(name: str) -> dict[str, Bomb]:
    """Everything that an array of an .npz file can do to the memory."""
    return {
        "that unpacks": unpacking(name),
        "of many numbers": claiming(name, "|b1", (2**40,)),
        "of numbers without end": claiming(name, "<i8", (2**62, 2**62)),
        "of long text": claiming(name, f"<U{2**28}", (1,)),
        "of texts without letters": claiming(name, "<U0", (2**40,)),
        "of rows without columns": claiming(name, "|b1", (2**40, 0)),
        "packed by LZMA": packed_by(zipfile.ZIP_LZMA),
    }
