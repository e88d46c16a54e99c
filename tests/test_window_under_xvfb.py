"""The real window on a real X server: search the demo, compare, pin, fine-tune, export, open by
drag and drop, pause, and close during a search.

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
import tomllib
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


def test_every_panel_shows_itself(seen: dict[str, Any]) -> None:
    assert seen["panels_in_front"] == seen["panels"]


def test_learned_mask_is_compared_in_words(seen: dict[str, Any]) -> None:
    assert any("keep" in label.lower() for label in seen["compare_labels"])


def test_pin_is_undone_and_redone(seen: dict[str, Any]) -> None:
    assert seen["pins"] == [1, 0, 1]


def test_search_after_a_pin_keeps_the_channel(seen: dict[str, Any]) -> None:
    config = tomllib.loads((Path(seen["long_run"]) / "config.toml").read_text(encoding="utf-8"))
    assert len(config["search"]["pinned_keep"]) == 1


def test_fine_tuning_trains_the_pruned_network(seen: dict[str, Any]) -> None:
    assert seen["tuned_epochs"] >= 1


def test_export_writes_what_it_says(seen: dict[str, Any]) -> None:
    files = {path.name for path in Path(seen["export_folder"]).iterdir()}
    assert "pruned.onnx" in files
    assert "pruned.onnx" in seen["exported"]


def test_dropped_file_fills_the_dialog(seen: dict[str, Any]) -> None:
    assert seen["dropped_checkpoint"].endswith("demo.pt")


def test_pause_holds_the_search(seen: dict[str, Any]) -> None:
    assert seen["states"][-3:] == ["paused", "searching", "stopping"]


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
    # each export takes some twenty seconds, and the person asks for one of their own
    words = ["--evaluations", str(EVALUATIONS), "--set", "latency=false", "--set", "exports=false"]
    code = main(["--demo", "--start", *words])
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

    yield from look_at_panels(window, seen)
    yield from pin_a_channel(window, seen)
    yield from fine_tune(window, seen)
    yield from export(window, folder / "export", seen)
    yield from drop_a_file(window, seen)
    start_long_search(window)
    masks: list[object] = []
    window.session.event_received.connect(masks.append)
    yield "a second search with some masks", lambda: len(masks) > 20
    window.commands["pause"].trigger()
    yield "the pause", lambda: window.session.state.value == "paused"
    window.commands["pause"].trigger()
    yield "the search going on", lambda: window.session.state.value == "searching"
    seen["long_run"] = str(newest_run(window))
    seen["closed_at"] = time.monotonic()
    QTimer.singleShot(0, window.close)  # as from the window system: a question may hold it up
    yield "the question", lambda: window.findChild(QMessageBox)
    seen["was_asked"] = window.isVisible()
    question = window.findChild(QMessageBox)
    seen["states"] = states
    question.button(QMessageBox.StandardButton.Discard).click()


def look_at_panels(window: Any, seen: dict[str, Any]) -> Script:
    """Bring every panel to the front, and read what Compare says."""
    from PySide6.QtWidgets import QLabel

    docks = window.parts.docks.docks
    seen["panels"], seen["panels_in_front"] = list(docks), []
    for name, dock in docks.items():
        window.parts.docks.actions[name].trigger()
        yield f"the panel {name}", lambda dock=dock: dock.is_in_front
        seen["panels_in_front"].append(name)
        if name == "compare":
            looks = itertools.count()
            yield "everything drawn", lambda looks=looks: next(looks) > LOOKS_UNTIL_DRAWN
            labels = dock.panel.findChildren(QLabel)
            seen["compare_labels"] = [label.text() for label in labels if label.isVisible()]


def pin_a_channel(window: Any, seen: dict[str, Any]) -> Script:
    """Pin a channel that the mask removes, undo it and redo it."""
    group = window.parts.docked["masks"].facts.opened.groups.groups[0]
    window.pins.pin(group.name, [group.start], 1)
    seen["pins"] = [int((window.pins.pinned != 0).sum())]
    for name in ("undo", "redo"):
        window.commands[name].trigger()
        seen["pins"].append(int((window.pins.pinned != 0).sum()))
    yield "the pin", lambda: window.commands["undo"].isEnabled()


def fine_tune(window: Any, seen: dict[str, Any]) -> Script:
    """Train the pruned network for an epoch."""
    from core.events import FinetuneFinished, FinetuneScored

    tuned: list[object] = []
    window.session.event_received.connect(tuned.append)
    window.parts.finetune.form.epochs.setValue(1)
    window.commands["finetune"].trigger()
    yield "the fine-tuned network", lambda: any(isinstance(e, FinetuneFinished) for e in tuned)
    yield "the end of fine-tuning", lambda: window.session.state.value == "finished"
    seen["tuned_epochs"] = sum(isinstance(event, FinetuneScored) for event in tuned)


def export(window: Any, folder: Path, seen: dict[str, Any]) -> Script:
    """Export the mask on the screen as ONNX."""
    window.commands["export"].trigger()
    window.dialog.folder.set_text(str(folder))
    window.dialog.formats["pytorch"].setChecked(False)
    asking = window.dialog
    asking.export_button.click()
    yield "the exported files", lambda: window.dialog is not asking
    seen["export_folder"], seen["exported"] = str(folder), window.dialog.informativeText()
    window.dialog.accept()
    yield "the end of the export", lambda: window.session.state.value == "finished"


def drop_a_file(window: Any, seen: dict[str, Any]) -> Script:
    """Drop the demo's weights onto the window, and open them."""
    from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(ROOT / "resources" / "demo" / "demo.pt"))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy, place = Qt.DropAction.CopyAction, QPointF(9, 9)
    QApplication.sendEvent(window, QDragEnterEvent(place.toPoint(), copy, data, buttons, keys))
    QApplication.sendEvent(window, QDropEvent(place, copy, data, buttons, keys))
    yield "the question what to open", lambda: hasattr(window.dialog, "form")
    seen["dropped_checkpoint"] = window.dialog.form.source.checkpoint
    window.dialog.open_button.click()
    yield "the dropped network", lambda: window.session.state.value == "ready"


def newest_run(window: Any) -> Path:
    """The folder of the run that goes on."""
    from core.runs.files import default_runs_folder

    folders = (path for path in default_runs_folder().iterdir() if path.is_dir())
    return max(folders, key=lambda path: path.stat().st_mtime)


def start_long_search(window: Any) -> None:
    from dataclasses import replace

    config = window.session.opened_config
    search = replace(config.search, evaluations=LONG_SEARCH)
    window.parts.settings.set_config(replace(config, search=search))
    window.commands["start"].trigger()  # with the pins


def grab_screen(path: Path) -> None:
    """Save what the X server shows, not what a widget would paint."""
    from PySide6.QtGui import QGuiApplication

    assert QGuiApplication.primaryScreen().grabWindow(0).save(str(path))


if __name__ == "__main__":
    sys.exit(use_the_window(Path(sys.argv[1])))
