"""One Espalier at a time in a run's folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import RunError, readable

LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the folder inside the block; RunError if another Espalier holds it.

    The system holds the lock for the process, so that a crash leaves none behind. A file system
    that knows no locks is used without.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"Another Espalier is writing into {readable(folder)}. Wait for its end, or choose "
            "another folder."
        ) from error
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        # while it is held: nobody can take a lock that is about to vanish
        with contextlib.suppress(OSError):
            (folder / LOCK_FILE).unlink()
        with contextlib.suppress(OSError):
            lock.release()


def is_locked(folder: Path) -> bool:
    """Whether an Espalier is writing into the folder right now."""
    path = folder / LOCK_FILE
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    lock.release()
    return False
