"""A file that only grows, written as it does: nothing of what is on the disk stays in memory."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

COPIED_BYTES = 1 << 20  # at once


class AppendedFile:
    """A file that only grows; what could not be written waits in memory for the next flush.

    The file stays open: what was written can be read through the handle and written again where
    its name is gone or its folder is full. `close` it.
    """

    def __init__(
        self, path: Path, chunks: Sequence[bytes] = (), *, is_written: bool = False
    ) -> None:
        """is_written: the chunks are how the file begins already."""
        self.path = path
        self._waiting = [] if is_written else list(chunks)
        self._written_bytes = sum(map(len, chunks)) if is_written else 0
        self._file: io.FileIO | None = None
        self._origin: AppendedFile | None = None  # what it begins with, until that is written

    @classmethod
    def taken_up(cls, path: Path, byte_count: int) -> "AppendedFile":
        """Go on with a file after its first `byte_count` bytes."""
        file = cls(path)
        file._written_bytes = byte_count
        return file

    @property
    def byte_count(self) -> int:
        """Length of the file when nothing waits."""
        origin = 0 if self._origin is None else self._origin._written_bytes
        return sum(map(len, self._waiting), self._written_bytes + origin)

    def append(self, chunk: bytes) -> None:
        """Add something to the end, to be written by the next flush."""
        self._waiting.append(chunk)

    def lines(self) -> Iterator[bytes]:
        """Read all that was appended, line by line; OSError if it cannot be read any more."""
        origin = self._origin or self
        yield from origin._written_lines()
        yield from io.BytesIO(b"".join(self._waiting))

    def moved(self, folder: Path) -> "AppendedFile":
        """Return the same file in another folder, yet to be written; keep this one open."""
        other = AppendedFile(folder / self.path.name, self._waiting)
        other._origin = self._origin or self
        return other

    def flush(self, *, is_synced: bool = False) -> None:
        """Write what waits, past a power cut if `is_synced`; OSError if it must go on waiting."""
        if self._written_bytes and not self._waiting and not is_synced:
            return
        file = self._there()
        file.truncate(self._written_bytes)  # half a line of a disk that was full
        file.seek(self._written_bytes)
        if self._origin is not None:
            self._origin._copy_into(file)
        _write_all(file, b"".join(self._waiting))
        if is_synced:
            os.fsync(file.fileno())
        self._written_bytes = file.tell()
        self._waiting.clear()
        self._origin = None

    def close(self) -> None:
        """Let the file go; the next flush opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _there(self) -> io.FileIO:
        """The open file, under its name."""
        if self._file is not None and not _is_named(self._file, self.path):  # taken away
            self._write_again()
        if self._file is None:
            self._file = _opened(self.path)
            # what somebody cut off is lost; a later line must not begin in the middle of nowhere
            self._written_bytes = min(self._written_bytes, os.fstat(self._file.fileno()).st_size)
        return self._file

    def _write_again(self) -> None:
        """Give what was written its name back."""
        file = _opened(self.path)
        try:
            file.truncate(0)
            self._copy_into(file)
        except OSError:
            file.close()
            raise
        self.close()
        self._file = file

    def _copy_into(self, other: io.FileIO) -> None:
        """Write the bytes that are written behind what `other` holds."""
        for file in self._readable():
            file.seek(0)
            left = self._written_bytes
            while left and (piece := file.read(min(left, COPIED_BYTES))):
                _write_all(other, piece)
                left -= len(piece)

    def _written_lines(self) -> Iterator[bytes]:
        for file in self._readable():
            file.seek(0)
            left = self._written_bytes
            while left > 0 and (line := file.readline(left)):
                left -= len(line)
                yield line

    def _readable(self) -> Iterator[BinaryIO]:
        """The open file, or the one of that name; nothing if nothing was written."""
        if self._file is not None:
            with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
                yield file
        elif self._written_bytes:
            with self.path.open("rb") as file:
                yield file


def _opened(path: Path) -> io.FileIO:
    """Open a file for reading and writing, made if it is not there; nothing of it is lost."""
    # without a buffer: what a full disk refused must not be tried again behind our back
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    return io.FileIO(descriptor, "r+")


def _write_all(file: io.FileIO, content: bytes) -> None:
    """Write to the last byte; OSError. A file without a buffer may take less at once."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _is_named(file: io.FileIO, path: Path) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
