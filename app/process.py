"""What the libraries of this process read from its environment, and its memory."""

import ctypes
import os
import sys

# oneDNN remembers how it computes each shape of convolution, 1,024 of them by itself. Masks have
# ever new shapes, so that most of it is never used again; a pass needs one for each of its layers.
ONEDNN_SHAPES = 512
# glibc gives threads heaps of their own, and each job runs in a new thread: what one has freed,
# the next one's heap does not use.
HEAPS = 2
# Activations of some megabytes are freed and taken again for every layer of every mask. glibc
# would fetch them from the system each time, page by page: an eighth to a fourth of a scoring pass.
# Freed memory goes back after each job instead.
MAPPED_BYTES, KEPT_BYTES = 1 << 28, 1 << 29
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1  # in glibc's malloc.h


def prepare_process() -> None:
    """Set what was not set from outside; before torch is imported."""
    # Spinning OpenMP threads starve the window on busy cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(ONEDNN_SHAPES))
    _ask_glibc("mallopt", M_ARENA_MAX, HEAPS)
    _ask_glibc("mallopt", M_MMAP_THRESHOLD, MAPPED_BYTES)
    _ask_glibc("mallopt", M_TRIM_THRESHOLD, KEPT_BYTES)


def give_back_memory() -> bool:
    """Hand freed memory back to the system, which takes milliseconds; False if that cannot be."""
    return _ask_glibc("malloc_trim", 0)


def _ask_glibc(function: str, *arguments: int) -> bool:
    """Call a function that only glibc has; False on other C libraries."""
    if sys.platform != "linux":
        return False
    asked = getattr(ctypes.CDLL(None), function, None)
    if asked is None:  # musl
        return False
    asked(*arguments)
    return True
