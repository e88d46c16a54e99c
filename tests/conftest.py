"""What every test stands on: its own home folder, one thread, and nothing left behind.

PySide6 is looked up in sys.modules, never imported here, so a test without a window needs no Qt.
"""

import contextlib
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, MutableSet
from pathlib import Path
from typing import Any

import pytest

# Before Qt and torch are imported by anything.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

SHARED = Path(__file__).resolve().parents[2] / "shared"
THREAD_GRACE_SECONDS = 2.0
# Windows that Qt makes for itself, once, and keeps.
QT_OWN_WINDOWS = {"QTipLabel", "QDesktopScreenWidget"}

_has_failed = pytest.StashKey[bool]()
_left_threads: list[Any] = []


def pytest_collection_finish() -> None:
    """Spare what was imported to the end from every garbage collection: a million objects.

    Each whole collection, as where memory runs out, would take a second else.
    """
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter take everything down at its end."""
    gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure: its traceback holds widgets alive, which is no second failure."""
    report = yield
    item.stash[_has_failed] = item.stash.get(_has_failed, False) or report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Send settings, caches and data of the whole session to a temporary home."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, str(home))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    for name in ("APPDATA", "LOCALAPPDATA"):
        patch.setenv(name, str(home / name.lower()))
    core = sys.modules.get("PySide6.QtCore")
    if core is not None:
        for kind in (core.QSettings.Format.NativeFormat, core.QSettings.Format.IniFormat):
            core.QSettings.setPath(kind, core.QSettings.Scope.UserScope, str(home / "config"))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real checkpoints and images beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"the folder of real checkpoints and images is not here: {SHARED}")
    return SHARED


@pytest.fixture(autouse=True)
def _no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a Python thread running."""
    before = set(threading.enumerate())
    yield
    started = [t for t in threading.enumerate() if t not in before and not _is_harmless(t)]
    deadline = time.monotonic() + THREAD_GRACE_SECONDS
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    _fail_if_left(request, "Python threads", [t.name for t in started if t.is_alive()])


@pytest.fixture(autouse=True)
def _no_qt_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a top-level widget, an active QTimer or a running QThread."""
    if "PySide6.QtWidgets" not in sys.modules:
        yield
        return
    from PySide6.QtCore import QThread, QTimer
    from PySide6.QtWidgets import QApplication

    before = set(QApplication.topLevelWidgets()) if QApplication.instance() else set()
    timers: weakref.WeakSet[Any] = weakref.WeakSet()
    threads: set[Any] = set()  # held, for destroying a running QThread ends the whole test run
    with _recorded_starts(QTimer, timers), _recorded_starts(QThread, threads):
        yield
        if QApplication.instance() is None:
            return
        _delete_what_waits_for_deletion()
        if _new_windows(before) or _alive(timers, "isActive"):
            gc.collect()  # a widget in a reference cycle has been let go, but is still there
            _delete_what_waits_for_deletion()
        running = [t for t in _alive(threads, "isRunning") if not _ends_soon(t)]
        active = [_describe(timer) for timer in _alive(timers, "isActive")]
    _fail_if_left(request, "QThreads", [_describe(thread) for thread in running])
    _fail_if_left(request, "QTimers", active)
    _fail_if_left(request, "windows", [_describe(w) for w in _new_windows(before)])


def _is_harmless(thread: threading.Thread) -> bool:
    # A QThread that ran Python shows up as a dummy for ever; tqdm's monitor sleeps as a daemon.
    return isinstance(thread, threading._DummyThread) or type(thread).__name__ == "TMonitor"


@contextlib.contextmanager
def _recorded_starts(kind: type, started: MutableSet[Any]) -> Iterator[None]:
    """Add every object of `kind` that is started to `started`."""
    real_start = kind.start  # type: ignore[attr-defined]

    def start(self: Any, *arguments: Any) -> None:
        started.add(self)
        real_start(self, *arguments)

    kind.start = start  # type: ignore[attr-defined]
    try:
        yield
    finally:
        kind.start = real_start  # type: ignore[attr-defined]


def _alive(started: Iterable[Any], question: str) -> list[Any]:
    import shiboken6

    return [one for one in started if shiboken6.isValid(one) and getattr(one, question)()]


def _ends_soon(thread: Any) -> bool:
    if thread.wait(int(THREAD_GRACE_SECONDS * 1000)):
        return True
    _left_threads.append(thread)
    return False


def _delete_what_waits_for_deletion() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def _new_windows(before: set[Any]) -> list[Any]:
    from PySide6.QtWidgets import QApplication

    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget not in before and type(widget).__name__ not in QT_OWN_WINDOWS
    ]


def _describe(thing: Any) -> str:
    name = thing.objectName()
    return f"{type(thing).__name__} '{name}'" if name else type(thing).__name__


def _fail_if_left(request: pytest.FixtureRequest, what: str, names: list[str]) -> None:
    if names and not request.node.stash.get(_has_failed, False):
        pytest.fail(f"The test left {what} behind: {', '.join(names)}.", pytrace=False)
