"""The real window on a real X server: open the demo, search to the end, close during a search.

Run as a program, this file is the person at the window: it starts Espalier as `espalier` does,
does what is written in `use_the_window`, and leaves what it saw in a folder for the test.
"""

import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

ROOT = Path(__file__).resolve().parents[1]
EVALUATIONS = 32
LONG_SEARCH = 100_000  # evaluations: it cannot end by itself while the window is being closed
SCREEN = (1280, 800)
# All that the slowest step and the whole may take on a machine with much else to do.
STEP_SECONDS = 240.0
ALL_SECONDS = 540.0
LOOK_MS = 20
LOOKS_UNTIL_DRAWN = 25  # panels redraw some 50 ms after an event

pytestmark = pytest.mark.timeout(ALL_SECONDS + 60)

Condition = Callable[[], Any]
Script = Iterator[tuple[str, Condition]]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Start an X server that draws into memory; gives the name of its display."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Xvfb is a program of Linux")
    if shutil.which("Xvfb") is None:
        if os.environ.get("CI"):
            pytest.fail("Xvfb is not installed, and CI has to see the real window")
        pytest.skip("Xvfb is not installed: apt-get install xvfb")
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        try:
            # It says the number of its display when it is ready for windows.
            assert select.select([server.stdout], [], [], 30)[0], "Xvfb did not start in 30 s"
            yield f":{server.stdout.readline().decode().strip()}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def seen(display: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Use the window once, and give what was seen."""
    folder = tmp_path_factory.mktemp("seen")
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    environment.pop("WAYLAND_DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_window_under_xvfb", str(folder)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ALL_SECONDS,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    facts: dict[str, Any] = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    return {**facts, "folder": folder, "stderr": done.stderr}


def test_window_is_on_the_screen_before_torch(seen: dict[str, Any]) -> None:
    assert seen["platform"] == "xcb"
    assert seen["had_torch_when_shown"] is False


def test_window_fits_a_small_screen(seen: dict[str, Any]) -> None:
    width, height = seen["size"]
    assert width <= SCREEN[0]
    assert height <= SCREEN[1]


def test_search_goes_through_its_states(seen: dict[str, Any]) -> None:
    first_run = seen["states"][: seen["states"].index("finished") + 1]
    assert [s for s in first_run if s != "ready"] == ["opening", "searching", "finished"]


def test_search_leaves_a_report_that_keeps_the_budget(seen: dict[str, Any]) -> None:
    report = json.loads((Path(seen["run_folder"]) / "report.json").read_text(encoding="utf-8"))
    assert report["network"] == "demo"
    assert report["evaluations"] == EVALUATIONS
    assert report["pruned"]["macs_kept"] <= 0.5


def test_status_says_what_was_found(seen: dict[str, Any]) -> None:
    assert any("finished" in label.lower() for label in seen["labels"])
    assert any("MACs" in label and "%" in label for label in seen["labels"])


def test_screen_shows_the_graph_and_changes_with_the_search(seen: dict[str, Any]) -> None:
    opened, finished = (
        Image.open(seen["folder"] / f"{name}.png").convert("RGB") for name in ("opened", "finished")
    )
    assert opened.size == finished.size == SCREEN
    colours = finished.getcolors(SCREEN[0] * SCREEN[1])
    assert colours is not None and len(colours) > 100
    assert share_of(finished, seen["kept_colour"]) > 0.0005
    assert opened.tobytes() != finished.tobytes()


def share_of(picture: Image.Image, colour: str) -> float:
    """The share of pixels of this colour, give or take what the eye cannot tell apart."""
    wanted = np.array(ImageColor.getrgb(colour), dtype=np.int16)
    differences = np.abs(np.asarray(picture, dtype=np.int16) - wanted).max(axis=2)
    return float((differences < 8).mean())


def test_closing_during_a_search_asks_and_ends_well(seen: dict[str, Any]) -> None:
    assert seen["was_asked"] is True
    assert seen["close_seconds"] < 15
    assert "Traceback" not in seen["stderr"]
    assert "QThread" not in seen["stderr"]


def use_the_window(folder: Path) -> int:
    """Be the person at the window; returns Espalier's own exit code."""
    from PySide6.QtWidgets import QApplication

    from app.__main__ import main

    seen: dict[str, Any] = {}
    real_exec = QApplication.exec

    def exec_with_person() -> int:
        person = Person(script(folder, seen), folder)
        person.timer.start(LOOK_MS)
        return int(real_exec())

    QApplication.exec = staticmethod(exec_with_person)
    code = main(["--demo", "--start", "--evaluations", str(EVALUATIONS)])
    seen["close_seconds"] = time.monotonic() - seen.pop("closed_at")
    (folder / "seen.json").write_text(json.dumps(seen), encoding="utf-8")
    return code


class Person:
    """Looks again and again whether the awaited thing is there, then does the next step."""

    def __init__(self, steps: Script, folder: Path) -> None:
        from PySide6.QtCore import QTimer

        self.timer = QTimer()
        self.timer.timeout.connect(self._look)
        self._steps = steps
        self._folder = folder
        self._next()

    def _look(self) -> None:
        try:
            if self._is_there():
                self._next()
            elif time.monotonic() > self._deadline:
                raise TimeoutError(f"waited {STEP_SECONDS:.0f} s for {self._awaited}")
        except StopIteration:
            self.timer.stop()
        except BaseException:
            sys.stderr.write(traceback.format_exc())
            sys.stderr.flush()
            os._exit(3)  # the search thread must not outlive a failed step

    def _next(self) -> None:
        self._awaited, self._is_there = next(self._steps)
        self._deadline = time.monotonic() + STEP_SECONDS


def script(folder: Path, seen: dict[str, Any]) -> Script:
    """What the person does, step by step; each yield waits for what it names."""
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

    from app.main_window import MainWindow

    class PaintWatch(QObject):
        """Sees the window's paint events before the window does."""

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                seen.setdefault("had_torch_when_shown", "torch" in sys.modules)
            return False

    (window,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
    states: list[str] = []
    window.session.state_changed.connect(lambda state: states.append(state.value))
    watch = PaintWatch(window)
    window.installEventFilter(watch)
    yield "the window on the screen", lambda: "had_torch_when_shown" in seen
    window.removeEventFilter(watch)
    seen["platform"] = QGuiApplication.platformName()
    seen["size"] = window.frameGeometry().size().toTuple()

    yield "the search under way", lambda: window.session.state.value == "searching"
    grab_screen(folder / "opened.png")
    yield "the search finished", lambda: window.session.state.value == "finished"
    looks = itertools.count()
    yield "everything drawn", lambda: next(looks) > LOOKS_UNTIL_DRAWN
    seen["run_folder"] = str(window.session.run_folder)
    seen["labels"] = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    seen["kept_colour"] = window.appearance.palette.kept
    grab_screen(folder / "finished.png")

    start_long_search(window)
    masks: list[object] = []
    window.session.event_received.connect(masks.append)
    yield "a second search with some masks", lambda: len(masks) > 20
    seen["closed_at"] = time.monotonic()
    QTimer.singleShot(0, window.close)  # as from the window system: a question may hold it up
    yield "the question", lambda: window.findChild(QMessageBox)
    seen["was_asked"] = window.isVisible()
    question = window.findChild(QMessageBox)
    seen["states"] = states
    question.button(QMessageBox.StandardButton.Discard).click()


def start_long_search(window: Any) -> None:
    from dataclasses import replace

    config = window.session.opened_config
    window.start(replace(config, search=replace(config.search, evaluations=LONG_SEARCH)))


def grab_screen(path: Path) -> None:
    """Save what the X server shows, not what a widget would paint."""
    from PySide6.QtGui import QGuiApplication

    assert QGuiApplication.primaryScreen().grabWindow(0).save(str(path))


if __name__ == "__main__":
    sys.exit(use_the_window(Path(sys.argv[1])))
