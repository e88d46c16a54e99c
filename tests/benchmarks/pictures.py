"""Pictures of the window while it is used: the README's, and for looking at what was drawn.

python -m tests.benchmarks.pictures FOLDER [--theme dark] [--layer NAME] [-- words for espalier]

Opens the window as `espalier` does (with --start), saves empty.png, opened.png, searching.png
(at 60 % of the evaluations), finished.png and, with each panel in front, panel_NAME.png, and
closes it. --theme both does all of it twice, into FOLDER/light and FOLDER/dark; --size 1920x1080
takes a larger window; QT_SCALE_FACTOR=2 doubles the pixels.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QDialog

from app.__main__ import main
from app.main_window import MainWindow
from app.panels.docks import DOCKS
from core.events import CandidateEvaluated, Event, NetworkOpened

LOOK_MS = 100
PANEL = "panel_"  # before the name of a panel that is in front
LOOKS_UNTIL_DRAWN = 8  # panels redraw some 50 ms after an event


class Photographer:
    """Waits for the moments worth a picture; saves one, and goes on."""

    def __init__(self, folder: Path, layer: str, size: tuple[int, int] | None) -> None:
        self._folder = folder
        self._layer = layer
        self._size = size
        self._panels: list[str] = []  # that still wait for their picture
        self._window: MainWindow | None = None
        self._due: dict[str, int] = {"empty": 2}  # picture -> looks until it is taken
        self._evaluations = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def _look(self) -> None:
        if self._window is None:
            windows = QApplication.topLevelWidgets()
            self._window = next(w for w in windows if isinstance(w, MainWindow))
            self._window.session.event_received.connect(self._on_event)
            self._window.session.state_changed.connect(self._on_state)
            self._panels = list(self._window.parts.docked)
            if self._size is not None:
                self._window.resize(*self._size)
        for name, looks in list(self._due.items()):
            if name.startswith(PANEL) and not self._window.session.is_quiet:
                continue  # something is computed for the panel
            self._due[name] = looks - 1
            if not looks:
                del self._due[name]
                self._take(name)

    def _on_event(self, event: Event) -> None:
        assert self._window is not None
        if isinstance(event, NetworkOpened):
            self._due["opened"] = LOOKS_UNTIL_DRAWN
            if self._layer:
                self._window.parts.graph.select_layer(self._layer)
        elif isinstance(event, CandidateEvaluated):
            self._evaluations += 1
            config = self._window.session.opened_config
            if self._evaluations == round(0.6 * config.search.evaluations):
                self._due["searching"] = 1

    def _on_state(self, state: object) -> None:
        if getattr(state, "value", "") == "finished":
            self._due["finished"] = LOOKS_UNTIL_DRAWN

    def _take(self, name: str) -> None:
        assert self._window is not None
        picture = self._window.grab()
        dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
        for dialog in (d for d in dialogs if d.isVisible()):
            with QPainter(picture) as painter:
                corner = self._window.rect().center() - dialog.rect().center()
                painter.drawPixmap(corner, dialog.grab())
        picture.save(str(self._folder / f"{name}.png"))
        is_last = name.startswith((PANEL, "finished")) and not self._panels
        if is_last or any(d.isModal() for d in dialogs):
            self._timer.stop()
            self._window.dialogs.close()
            self._window.close()
        elif name.startswith((PANEL, "finished")):
            panel, docks = self._panels.pop(0), self._window.parts.docks
            before = name.removeprefix(PANEL)
            if before in docks.docks and not DOCKS[before].is_open:
                docks.docks[before].close()  # it would take room from the others
            docks.show_panel(panel)
            self._due[PANEL + panel] = LOOKS_UNTIL_DRAWN


def take_pictures(words: list[str]) -> int:
    """Use the window once and leave its pictures; returns Espalier's own exit code."""
    own, espalier = (
        (words[: words.index("--")], words[words.index("--") + 1 :])
        if "--" in words
        else (words, ["--demo"])
    )
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", default="light")
    parser.add_argument("--layer", default="")
    parser.add_argument("--size", type=_size, default=None)
    arguments = parser.parse_args(own)
    if arguments.theme == "both":
        return max(_take_in_theme(theme, own, espalier) for theme in ("light", "dark"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:  # the person's own settings stay as they are
        os.environ["XDG_DATA_HOME"] = home
        ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
        QSettings.setDefaultFormat(ini)
        QSettings.setPath(ini, user, home)
        QSettings(ini, user, "Espalier", "Espalier").setValue("theme", arguments.theme)
        real_exec = QApplication.exec

        def exec_watched() -> int:
            photographer = Photographer(arguments.folder, arguments.layer, arguments.size)
            code = int(real_exec())
            del photographer
            return code

        QApplication.exec = staticmethod(exec_watched)  # type: ignore[method-assign]
        return main([*espalier, "--start"])


def _take_in_theme(theme: str, own: list[str], espalier: list[str]) -> int:
    """Take all pictures in a process of their own: Qt starts only once in each."""
    words = [*own, "--theme", theme, "--", *espalier]
    words[words.index(next(word for word in own if not word.startswith("-")))] += f"/{theme}"
    command = [sys.executable, "-m", "tests.benchmarks.pictures", *words]
    return subprocess.run(command, check=False).returncode


def _size(words: str) -> tuple[int, int]:
    width, height = map(int, words.split("x"))
    return width, height


if __name__ == "__main__":
    sys.exit(take_pictures(sys.argv[1:]))
