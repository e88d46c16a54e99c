"""What a process holds at one moment, and whether it holds more than it did: for soak.py."""

import ctypes
import gc
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QApplication

WARM_UP_SHARE = 0.2  # of the samples: libraries are loaded, caches are filled
MOST_GROWTH = 0.02  # of the resident memory
FEWEST_SAMPLES = 12  # that memory and what libraries hold are judged by
PROC = Path("/proc/self")


@dataclass(frozen=True)
class Census:
    """Taken while nothing runs, after a collection of garbage."""

    seconds: float  # since the soak began
    resident_mb: float
    python_objects: int
    python_threads: int
    system_threads: int
    files: tuple[str, ...]  # what every open handle leads to
    children: int
    windows: int  # top-level widgets
    timers: int
    active_timers: int


# What a column of the table is called, and the count that it shows.
LEFTOVERS = {
    "Python threads": lambda census: census.python_threads,
    "OS threads": lambda census: census.system_threads,
    "file handles": lambda census: len(census.files),
    "child processes": lambda census: census.children,
    "windows": lambda census: census.windows,
    "timers": lambda census: census.timers,
    "active timers": lambda census: census.active_timers,
}
# What libraries open once, when they are first used: no leak of a run that is hardly warm.
OF_LIBRARIES = ("OS threads", "file handles")


def take_census(began: float) -> Census:
    """Count everything that belongs to this process; `began` is of time.monotonic."""
    QPixmapCache.clear()  # it holds up to 10 MB of what widgets look like
    gc.collect()
    objects = gc.get_objects()
    timers = [one for one in objects if issubclass(type(one), QTimer)]
    census = Census(
        seconds=time.monotonic() - began,
        resident_mb=resident_mb(),
        python_objects=len(objects),
        # a QThread that ran Python shows up as a dummy for ever
        python_threads=sum(
            not isinstance(thread, threading._DummyThread) for thread in threading.enumerate()
        ),
        system_threads=len(list((PROC / "task").iterdir())),
        files=open_files(),
        children=len(child_processes()),
        windows=len(QApplication.topLevelWidgets()),
        timers=len(timers),
        active_timers=sum(is_active(timer) for timer in timers),
    )
    del objects, timers
    return census


def is_active(timer: QTimer) -> bool:
    """Whether a timer runs; one whose C++ half is gone does not."""
    try:
        return timer.isActive()
    except RuntimeError:
        return False


def resident_mb() -> float:
    """Memory that the process holds now, in MB, free pages of the C library given back."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    pages = int((PROC / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files() -> tuple[str, ...]:
    """What the open handles lead to; sockets and pipes without their numbers."""
    found = []
    for handle in (PROC / "fd").iterdir():
        try:
            found.append(os.readlink(handle).split(":[")[0])
        except OSError:
            continue  # the handle of this very listing
    return tuple(sorted(found))


def child_processes() -> list[int]:
    """The numbers of the processes that this one started and has not waited for."""
    children: list[int] = []
    for task in (PROC / "task").iterdir():
        try:
            children += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return children


def growth(samples: Sequence[Census]) -> float:
    """By which share the median memory of the last third is above that of the first third.

    The first WARM_UP_SHARE of the samples are left out.
    """
    held = [census.resident_mb for census in after_warm_up(samples)]
    third = max(1, len(held) // 3)
    return statistics.median(held[-third:]) / statistics.median(held[:third]) - 1


def slope_mb_per_hour(samples: Sequence[Census]) -> float:
    """Fit a line by least squares over the second half of the samples."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:
        return 0.0
    line = statistics.linear_regression(
        [census.seconds for census in half], [census.resident_mb for census in half]
    )
    return 3600 * line.slope


def left_over(samples: Sequence[Census], last: Census) -> list[str]:
    """Name what there is more of in `last` than in any sample of the first third."""
    warm = after_warm_up(samples)
    early = warm[: max(1, len(warm) // 3)]
    found = []
    is_warm = len(samples) >= FEWEST_SAMPLES
    for name, count in LEFTOVERS.items():
        if name in OF_LIBRARIES and not is_warm:
            continue
        before, after = max(map(count, early)), count(last)
        if after > before:
            found.append(f"{name}: {before} at first, {after} at the end")
    new = Counter(last.files) - Counter(early[-1].files)
    if is_warm and len(last.files) > len(early[-1].files):
        found.append(f"handles that were not there: {', '.join(sorted(new.elements()))}")
    return found


def after_warm_up(samples: Sequence[Census]) -> Sequence[Census]:
    """Leave out the samples of the warm-up."""
    return samples[int(WARM_UP_SHARE * len(samples)) :]
