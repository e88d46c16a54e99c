"""How fast the trajectory and the trade-off draw 100,000 evaluations, and what they remember.

    python -m tests.benchmarks.points [--points 100000] [--frames 60]

"pan" and "zoom" are frames a second of CPU time while the view moves, with the panel on a
screen that is only in memory; "redraw" is one drawing of all that is known, as ten times a
second during a search; "memory" is what the points have added to the process.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

CHANNELS = 336  # of ResNet-20
PANEL_PX = 900, 400
TITLES = ("points", "pan /s", "zoom /s", "redraw ms", "memory MB")
HEADER = f"{'panel':<12}" + "".join(f"{title:>11}" for title in TITLES) + "\n"


def main() -> None:
    """Measure both panels and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=60)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    app = QApplication(sys.argv[:1])
    sys.stdout.write(HEADER)
    for measure in (_trajectory, _smoothed_trajectory, _tradeoff):
        sys.stdout.write(measure(app, arguments.points, arguments.frames))
        sys.stdout.flush()


def _trajectory(app: object, points: int, frames: int, smoothing: int = 0) -> str:
    from app.panels.trajectory import TrajectoryPanel

    panel, memory = _filled(TrajectoryPanel, points)
    panel.smoothing.setCurrentIndex(smoothing)
    plot = panel.charts[panel.shown[-1]].plot

    def pan(share: float) -> None:
        plot.setXRange(share * points / 2, share * points / 2 + points / 2, padding=0)

    def zoom(share: float) -> None:
        plot.setXRange(share * points / 2, points - share * points / 2.1, padding=0)

    name = "mean of 10" if smoothing else "trajectory"
    return _row(name, app, panel, memory, frames, pan, zoom)


def _smoothed_trajectory(app: object, points: int, frames: int) -> str:
    """The same with a curve over each plot's points, as noisy as a mean of ten is."""
    return _trajectory(app, points, frames, smoothing=1)


def _tradeoff(app: object, points: int, frames: int) -> str:
    from app.panels.tradeoff import TradeoffPanel

    panel, memory = _filled(TradeoffPanel, points)
    box = panel.plot.box

    def pan(share: float) -> None:
        box.setRange(xRange=(48 + share, 49.5 + share), yRange=(60, 80), padding=0)

    def zoom(share: float) -> None:
        box.setRange(xRange=(48 + share / 2, 50), yRange=(60 + 8 * share, 80), padding=0)

    return _row("trade-off", app, panel, memory, frames, pan, zoom)


def _filled(kind: type, points: int) -> tuple[object, float]:
    """A panel that was told so many evaluations, and the megabytes that they took."""
    from app.selection import Selection
    from core.events import CandidateEvaluated, SearchStarted

    generator = np.random.default_rng(0)
    keep = generator.random(CHANNELS) > 0.5
    panel = kind(Selection())
    panel.resize(*PANEL_PX)
    panel.show()
    panel.show_event(SearchStarted(points, 0.5, 41_000_000, 270_000, 0.926, 0.25, 0.03))
    ema = 0.7  # of the accuracy; its curve is as noisy as that of a search
    before = _peak_megabytes()
    for number, (first, second) in enumerate(generator.normal(size=(points, 2)), start=1):
        macs_kept, accuracy = 0.49 + 0.003 * first, 0.7 + 0.05 * second
        ema = 0.95 * ema + 0.05 * accuracy
        panel.show_event(
            CandidateEvaluated(
                number, 1, keep, macs_kept, accuracy, 1.0, -1.0, ema, True, 0.1 * number
            )
        )
    return panel, _peak_megabytes() - before


def _row(
    name: str,
    app: object,
    panel: object,
    memory: float,
    frames: int,
    pan: Callable[[float], None],
    zoom: Callable[[float], None],
) -> str:
    panel.redraw_now()
    app.processEvents()
    began = time.process_time()
    panel.redraw()
    app.processEvents()
    redraw_ms = 1000 * (time.process_time() - began)
    rates = []
    for move in (pan, zoom):
        began = time.process_time()
        for frame in range(frames):
            move(frame / frames)
            app.processEvents()
        rates.append(frames / (time.process_time() - began))
    numbers = (*rates, redraw_ms, memory)
    cells = "".join(f"{number:>11.0f}" for number in numbers)
    return f"{name:<12}{panel.point_count:>11,}{cells}\n"


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
