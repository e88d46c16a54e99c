"""How soon panels show what happens, and how much they keep: without a search, a line each.

    python -m tests.benchmarks.panels [--only NAME]

The whole window is fed the events of a search over ResNet-56 (its graph, random masks), on a
screen that is only in memory. "mask on the screen" is from the event to the end of the painting;
"frames" is how often the plots of 100,000 points are painted in a second while they pan and zoom;
"growth" is the memory after 10,000 updates less that after 1,000; "stored run" is from asking for a
run of 2,000 evaluations, as it lies on the disk, until every event of it was shown.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pyqtgraph as pg
from PySide6.QtWidgets import QApplication

from app.main_window import MainWindow
from app.session_state import SessionState
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    Event,
    NetworkOpened,
    PolicyUpdated,
    SearchStarted,
)
from core.runs.event_log import LogHeader, event_line, header_line
from core.runs.files import CONFIG_FILE, EVENTS_FILE
from core.runs.replay import replay_run
from tests.app.windows import make_window

UPDATES, POINTS, EVALUATIONS = 10_000, 100_000, 2_000
MASKS = 50  # that are timed
MOVING_SECONDS = 3.0


def main() -> None:
    """Measure everything, or only what is asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=tuple(MEASURES))
    only = parser.parse_args().only
    app = QApplication(sys.argv[:1])
    opened = resnet56()
    for name, measure in MEASURES.items():
        if only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                sys.stdout.write(f"{name:<20} {measure(opened, Path(folder))}\n")
                sys.stdout.flush()
    app.quit()


def resnet56() -> NetworkOpened:
    """Analyse an untrained ResNet-56: layers and masks are those of the trained one."""
    import torch

    from core.graph.trace import analyse_network
    from core.networks import build_network

    network = build_network("cifar_resnet56", class_count=10, input_shape=(3, 32, 32))
    analysis = analyse_network(network.eval(), torch.zeros(1, 3, 32, 32))
    channels = analysis.groups.channel_count
    return NetworkOpened(
        *("cifar_resnet56", "random", analysis.graph, analysis.groups, 125_000_000, 855_770),
        np.ones(channels, np.float32),
        {"reward": 1000, "held_out": 1000, "test": 1000},
        None,
    )


def show_window(opened: NetworkOpened, folder: Path, *, is_floating: bool = True) -> MainWindow:
    """Show the network in a window in which every panel floats and draws, or stands in tabs."""
    window = make_window(folder)
    window.show()
    window.session._set_state(SessionState.READY)
    tell(window, opened)
    tell(window, SearchStarted(EVALUATIONS, 0.5, opened.macs, opened.params, 0.94, 0.2, 0.1))
    for dock in window.parts.docks.docks.values() if is_floating else ():
        dock.setFloating(True)
        dock.show()
    settle()
    return window


def mask_to_screen(opened: NetworkOpened, folder: Path) -> str:
    """The median and the worst ms from a policy's update until the graph and all panels show it."""
    window, chance = show_window(opened, folder), np.random.default_rng(0)
    taken_ms = []
    panels = [window.parts.graph, *window.parts.docked.values()]
    for number in range(MASKS):
        event = policy(number, opened.groups.channel_count, chance)
        start = time.perf_counter()
        tell(window, event)
        QApplication.processEvents()
        for panel in panels:
            panel.redraw_now()
            panel.repaint()
        window.parts.graph.redraw()
        window.parts.graph.view.viewport().repaint()
        taken_ms.append(1000 * (time.perf_counter() - start))
    end(window)
    return f"median {np.median(taken_ms):.0f} ms, worst {max(taken_ms):.0f} ms, without the timers"


def trajectory_frames(opened: NetworkOpened, folder: Path) -> str:
    """Frames a second of all plots of the trajectory, panned and zoomed."""
    window, chance = show_window(opened, folder), np.random.default_rng(0)
    keep = np.ones(opened.groups.channel_count, np.bool_)
    panel = window.parts.docked["trajectory"]
    for number in range(1, POINTS + 1):
        panel.show_event(candidate(number, keep, chance))
    panel.redraw_now()
    settle()
    (plot, *_) = panel.findChildren(pg.PlotWidget)
    frames, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < MOVING_SECONDS:
        width = POINTS * (0.2 + 0.15 * np.sin(frames / 7))
        left = (POINTS - width) * (0.5 + 0.4 * np.sin(frames / 11))
        plot.setXRange(left, left + width, padding=0)
        for each in panel.findChildren(pg.PlotWidget):
            each.viewport().repaint()
        frames += 1
    end(window)
    return f"{frames / seconds:.0f} frames a second"


def memory_growth(opened: NetworkOpened, folder: Path) -> str:
    """MB more after all updates than after the first tenth."""
    window, chance = show_window(opened, folder), np.random.default_rng(0)
    channels = opened.groups.channel_count
    early = 0.0
    for number in range(1, UPDATES + 1):
        tell(window, policy(number, channels, chance))
        if number % 20 == 0:
            settle()
        if number == UPDATES // 10:
            early = resident_mb()
    late = resident_mb()
    end(window)
    return f"{late - early:.1f} MB over {UPDATES:,} updates ({late:.0f} MB in all)"


def stored_run(opened: NetworkOpened, folder: Path) -> str:
    """Seconds to read a run's events and show them all."""
    run = folder / "run"
    run.mkdir()
    write_run(run, opened)
    window = show_window(opened, folder, is_floating=False)
    shown = []
    window.session.event_received.connect(shown.append)
    window.session._work.handle = opened  # anything but None: something is open
    start = time.perf_counter()
    window.session.run_in_front(SessionState.OPENING, lambda _: replay_run(run))
    while not window.session.is_quiet:
        QApplication.processEvents()
    settle()
    seconds = time.perf_counter() - start
    end(window)
    return f"{seconds:.2f} s for {len(shown):,} events"


def write_run(folder: Path, opened: NetworkOpened) -> None:
    """Leave the files of a run as a search would."""
    chance, channels = np.random.default_rng(0), opened.groups.channel_count
    (folder / CONFIG_FILE).write_text('network = "cifar_resnet56"\n', encoding="utf-8")
    with (folder / EVENTS_FILE).open("wb") as file:
        file.write(header_line(LogHeader.of(opened.network, opened.groups)))
        for event in events_of_a_run(opened, channels, chance):
            file.write(event_line(event))


def events_of_a_run(
    opened: NetworkOpened, channels: int, chance: np.random.Generator
) -> Iterator[Event]:
    yield SearchStarted(EVALUATIONS, 0.5, opened.macs, opened.params, 0.94, 0.2, 0.1)
    for number in range(1, EVALUATIONS + 1):
        keep = chance.random(channels) < 0.6
        yield candidate(number, keep, chance)
        if number % 16 == 0:
            yield policy(number // 16, channels, chance)
        if number % 200 == 0:
            yield BestChanged(number, keep, 0.5, 0.9, 0.3)


def candidate(number: int, keep: BoolArray, chance: np.random.Generator) -> CandidateEvaluated:
    share, accuracy, reward = (float(value) for value in chance.random(3))
    ema = 0.5 + 0.1 * float(np.sin(number / 3000))  # averages are smooth
    return CandidateEvaluated(
        *(number, number // 16, keep, share, accuracy, 1.0 - accuracy, reward, ema, True),
        number / 10,
    )


def policy(number: int, channels: int, chance: np.random.Generator) -> PolicyUpdated:
    probability = chance.random(channels).astype(np.float32)
    return PolicyUpdated(number, probability, probability > 0.5, 0.1, 0.1, 0.5, 0.01, 0.1)


def tell(window: MainWindow, event: Event) -> None:
    window.session._work.take_event(event)
    window.session.event_received.emit(event)


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def end(window: MainWindow) -> None:
    window.close()
    window.deleteLater()
    settle()


def resident_mb() -> float:
    """Memory that the process holds, in MB: now where the system says so, else its most."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


MEASURES: dict[str, Callable[[NetworkOpened, Path], str]] = {
    "mask on the screen": mask_to_screen,
    "frames": trajectory_frames,
    "growth": memory_growth,
    "stored run": stored_run,
}

if __name__ == "__main__":
    main()
