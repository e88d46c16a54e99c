"""Files that networks and weights come from: found, checked, and read a piece at a time."""

import contextlib
import hashlib
import os
import stat
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path

from core.archives import OversizedError, check_weights
from core.errors import NetworkError, readable
from core.events import Event, StageAdvanced, StageStarted
from core.memory import told_shortage

CHUNK_BYTES = 8 * 2**20  # a fraction of a second from any disk: how long a Stop may wait
# Libraries read a file in one call that hears no Stop and says nothing. From this size on a
# file is read once before, in pieces, after which the system has it in memory.
LARGE_BYTES = 64 * 2**20


def find_file(
    given: str | Path, what: str, kind: type[NetworkError] = NetworkError, hint: str = ""
) -> Path:
    """Return the real path of a file, links followed.

    what: what it should be, for the sentence: "checkpoint", "Python file".
    Raises: `kind` if there is none, or it is a folder, empty, or not a plain file.
    """
    shown = readable(given)
    try:
        path = Path(given).expanduser().resolve(strict=True)
        status = path.stat()
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise kind(
            f"The name of {what} {shown} is not UTF-8, so no run could name it. Rename it."
        ) from error
    except FileNotFoundError as error:
        if Path(given).expanduser().is_symlink():
            raise kind(
                f"The {what} {shown} is a link to a file that is not there. Mend the link."
            ) from error
        raise kind(f"There is no {what} {shown}. {hint or 'Check the path.'}") from error
    except (OSError, RuntimeError, ValueError) as error:
        # a ring of links, a name that is too long, a folder that may not be entered
        reason = getattr(error, "strerror", None) or str(error)
        raise kind(f"Cannot find the {what} {shown}: {reason}. Check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise kind(f"The {what} {shown} is a folder. Choose the file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise kind(f"The {what} {shown} is a device or a pipe. Choose a plain file.")
    if status.st_size == 0:
        raise kind(f"The {what} {shown} is empty. Copy or download it again.")
    if not os.access(path, os.R_OK):
        raise kind(f"Cannot read the {what} {shown}: permission denied. Allow reading it.")
    return path


def read_through(path: Path) -> Generator[Event, None, str]:
    """Read a file from end to end; a Stop is heard between two pieces.

    Yields: for large files a stage, and how many of its pieces are read.
    Returns: its SHA-256, in hexadecimal.
    Raises: NetworkError if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            is_large = size >= LARGE_BYTES
            if is_large:
                yield StageStarted(f"Reading {readable(path.name)}", -(-size // CHUNK_BYTES))
            done = 0
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                done += 1
                if is_large:
                    yield StageAdvanced(done)
    except OSError as error:
        raise NetworkError(
            f"Cannot read {readable(path)}: {error.strerror}. Copy it to another disk."
        ) from error
    return digest.hexdigest()


@contextlib.contextmanager
def reading_whole(path: Path, kind: type[NetworkError] = NetworkError) -> Iterator[None]:
    """Refuse a file that would fill the memory, before or while the block reads all of it.

    Raises: `kind` if it is an archive that claims far more than it holds, MemoryShortage if
        memory runs out.
    """
    try:
        check_weights(path)
    except OversizedError as error:
        raise kind(
            f"{readable(path)} would fill the memory when it is unpacked. Copy or download it "
            "again, or save it with torch.save, which packs nothing.",
            str(error),
        ) from error
    with told_shortage(
        f"reading {readable(path)}", "Close other programs, or choose a smaller file."
    ):
        yield


def archive_names(path: Path) -> frozenset[str]:
    """What lies in a zip archive, without its outermost folder; nothing if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # zipfile raises almost anything on a damaged archive
        return frozenset()
    return frozenset(name.partition("/")[2] for name in names if "/" in name) | frozenset(names)
