"""A person who does anything at random with the real window, for soak.py.

Everything is a generator of milliseconds to wait, so that the window's own event loop goes on.
"""

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication, QDialog

from app.appearance import Appearance
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.events import Event, NetworkOpened
from core.runs.files import CHECKPOINT_FILE, CONFIG_FILE, REPORT_FILE

MOST_RUNS = 12  # that stay in the folder: a longer list would count as growth
MOST_WAIT_SECONDS = 120.0  # for something that goes on to end
NETS = """from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )
"""
Waits = Iterator[int]


class Person:
    """Has one window at a time, and the folder in which everything happens."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.window = self._open_window()
        self.deeds: list[str] = []  # names of what was done
        self.problems: list[str] = []  # what the window said went wrong
        self._layers: list[str] = []  # of the open network
        self._chance = random.Random(seed)
        self._configs = (RunConfig(latency=False), tiny_config(folder))
        self._watch()

    @property
    def runs_folder(self) -> Path:
        """Where this person's runs go."""
        return self.folder / "runs"

    def live(self, until: float) -> Waits:
        """Do one thing after another until time.monotonic() is `until`."""
        while time.monotonic() < until:
            name = self._chance.choices(list(DEEDS), [weight for weight, _ in DEEDS.values()])[0]
            self.deeds.append(name)
            yield from DEEDS[name][1](self)
            yield self._chance.randrange(20, 400)

    def rest(self) -> Waits:
        """Wait until nothing runs and no dialog is open."""
        yield from self._wait_until_quiet()
        self._close_dialogs()
        self._forget_old_runs()
        yield 300  # plots are drawn, what was let go is deleted

    def leave(self) -> Waits:
        """Close the window for good."""
        yield from self._wait_until_quiet()
        yield from self._close_window()

    def _open(self) -> Waits:
        if not self.window.session.state.is_busy:
            self.window.opening.open(self._chance.choice(self._configs))
        yield 100

    def _search(self) -> Waits:
        window, chance = self.window, self._chance
        if window.session.state.is_busy:
            yield 50
            return
        search = SearchConfig(
            evaluations=chance.choice((8, 16, 48)),
            seed=chance.randrange(1000),
            macs_budget=chance.choice((0.4, 0.5, 0.7)),
            samples_per_update=chance.choice((4, 8)),
            reward_images=16,
            threads=1,
        )
        config = chance.choice(self._configs)
        window.parts.settings.set_runs_folder(str(self.runs_folder))
        window.start(RunConfig(**{**vars(config), "search": search}))
        yield 500

    def _pause(self) -> Waits:
        session = self.window.session
        session.pause()
        yield self._chance.randrange(10, 800)
        session.resume()

    def _stop(self) -> Waits:
        for _ in range(self._chance.choice((1, 1, 2))):
            self.window.session.stop()
            yield self._chance.randrange(10, 300)

    def _wait(self) -> Waits:
        yield from self._wait_until_quiet()

    def _switch_panel(self) -> Waits:
        docks = self.window.parts.docks
        for _ in range(3):
            self._chance.choice(list(docks.actions.values())).trigger()
            yield 30

    def _select(self) -> Waits:
        layer = self._chance.choice(["", *self._layers])
        self.window.selection.select_channel(layer, self._chance.randrange(-1, 6))
        yield 50

    def _open_stored(self) -> Waits:
        if folder := self._some_run():
            self.window.run_deeds.open_run(folder)
        yield 200

    def _resume(self) -> Waits:
        """Break a stored run off, as a crash would have, and go on with it."""
        folder = self._some_run()
        if folder and (folder / CHECKPOINT_FILE).exists() and not self._is_busy:
            (folder / REPORT_FILE).unlink(missing_ok=True)
            self.window.run_deeds.resume_run(folder)
        yield 200

    def _finetune(self) -> Waits:
        session = self.window.session
        if session.state is SessionState.FINISHED and session.best_keep is not None:
            session.finetune(FinetuneConfig(epochs=1))
        yield 300

    def _export(self) -> Waits:
        session = self.window.session
        if session.state is SessionState.FINISHED and session.best_keep is not None:
            place = self.folder / "export"
            self.window.deeds.export_folder = place
            session.export(place, self._chance.choice((("pytorch",), ("onnx", "pytorch"))))
        yield 300

    def _save_pictures(self) -> Waits:
        if self.window.session.opened_config is not None:
            self.window.parts.graph.export_picture(
                self.folder / f"graph{self._chance.choice(('.png', '.svg'))}"
            )
            self.window.commands["copy_picture"].trigger()
        yield 50

    def _change_theme(self) -> Waits:
        self.window.commands[self._chance.choice(("theme_light", "theme_dark"))].trigger()
        yield 100

    def _open_dialogs(self) -> Waits:
        for name in ("open", "about", "shortcuts", "any_action", "guide"):
            if self.window.commands[name].isEnabled():
                self.window.commands[name].trigger()
                yield 120
                self._close_dialogs()

    def _resize(self) -> Waits:
        self.window.resize(self._chance.randrange(900, 1700), self._chance.randrange(600, 1100))
        yield 50

    def _reopen_window(self) -> Waits:
        """Close the window whatever it is doing, and open another one."""
        yield from self._close_window()
        self.window = self._open_window()
        self._watch()
        yield 300

    @property
    def _is_busy(self) -> bool:
        return self.window.session.state.is_busy

    def _open_window(self) -> MainWindow:
        settings = QSettings(str(self.folder / "settings.ini"), QSettings.Format.IniFormat)
        session = Session()
        appearance = Appearance(QApplication.instance(), settings, session)  # type: ignore[arg-type]
        window = MainWindow(session, appearance, settings)
        session.setParent(window)
        window.resize(1280, 800)
        window.show()
        session.prepare()
        return window

    def _close_window(self) -> Waits:
        window = self.window
        window.shut_down()
        deadline = time.monotonic() + MOST_WAIT_SECONDS
        while not window.session.is_quiet and time.monotonic() < deadline:
            yield 20
        self._close_dialogs()
        window.close()
        window.deleteLater()
        yield 50
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        yield 50

    def _watch(self) -> None:
        session = self.window.session
        session.failed.connect(self._on_failed)
        session.event_received.connect(self._on_event)

    def _on_failed(self, message: str, details: str) -> None:
        if message not in self.problems:
            sys.stderr.write(f"{message}\n{details}\n")
        self.problems.append(message)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, NetworkOpened):
            self._layers = list(event.graph)

    def _wait_until_quiet(self) -> Waits:
        session, deadline = self.window.session, time.monotonic() + MOST_WAIT_SECONDS
        session.resume()
        while not session.is_quiet or session.state.is_busy:
            if time.monotonic() > deadline:
                session.stop()
                deadline += 5
            yield 20

    def _close_dialogs(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.reject()
            elif widget is not self.window and type(widget).__name__ == "Guide":
                widget.close()

    def _some_run(self) -> Path | None:
        runs = [folder.parent for folder in sorted(self.runs_folder.glob(f"*/{CONFIG_FILE}"))]
        return self._chance.choice(runs) if runs else None

    def _forget_old_runs(self) -> None:
        runs = sorted(self.runs_folder.glob("*/"))
        for folder in runs[:-MOST_RUNS]:
            shutil.rmtree(folder, ignore_errors=True)


def tiny_config(folder: Path) -> RunConfig:
    """Write a tiny network and images for it, and agree to run that file."""
    import hashlib

    from core.networks.consent import grant

    pixels = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(80) % 4
    images = folder / "images.npz"
    np.savez(images, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    nets = folder / "nets.py"
    nets.write_text(NETS)
    grant(nets, hashlib.sha256(nets.read_bytes()).hexdigest())
    return RunConfig(network=f"{nets}:make", data=str(images), input_shape="3x8x8", latency=False)


Deed = Callable[[Person], Waits]
DEEDS: dict[str, tuple[int, Deed]] = {  # how often, and what
    "search": (6, Person._search),
    "wait": (4, Person._wait),
    "open": (1, Person._open),
    "pause": (3, Person._pause),
    "stop": (2, Person._stop),
    "switch panel": (6, Person._switch_panel),
    "select": (4, Person._select),
    "open a stored run": (2, Person._open_stored),
    "resume a run": (1, Person._resume),
    "fine-tune": (1, Person._finetune),
    "export": (1, Person._export),
    "save pictures": (2, Person._save_pictures),
    "change the theme": (1, Person._change_theme),
    "open dialogs": (1, Person._open_dialogs),
    "resize": (1, Person._resize),
    "close the window": (1, Person._reopen_window),
}
