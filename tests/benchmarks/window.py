"""How smooth the window stays while a real search runs, and how soon it is there: a table.

    python -m tests.benchmarks.window [--evaluations 300] [--panels all] [--busy]

Each row is a process of its own with the real window, on a screen that is only in memory.
"late" is by how much a 10 ms heartbeat in the window's thread comes too late while masks are
scored; "start" is from the process's start to the window's first painting. With "--panels all"
every panel floats in a window of its own, so that all of them draw at once; without it they stand
in tabs as they do at first. "stop" is from asking for it, in the midst of a mask's batch after
three quarters of the evaluations, until the search has ended with its best mask. With "--busy"
a process for each core does nothing but count meanwhile. tests/benchmarks/panels.py measures the
panels without a search.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
CHECKPOINTS = {
    "cifar_resnet20": "resnet20-12fca82f.th",
    "cifar_resnet56": "resnet56-4bfd9763.th",
}
HEARTBEAT_MS = 10
STOP_SHARE, STOP_DELAY_MS = 0.75, 33  # when it is asked to stop: in the midst of a batch
TIMEOUT_SECONDS = 900
HEADER = (
    f"{'network':<16} {'start s':>8} {'torch then':>11} {'beats':>7} "
    f"{'late p50 ms':>12} {'late p99 ms':>12} {'worst ms':>9} {'stop ms':>8}\n"
)


def main() -> None:
    """Run the window once for each network and print a row as it ends."""
    arguments = _parse_arguments()
    if arguments.child:
        _search_in_window(arguments)
        return
    sys.stdout.write(HEADER)
    for network, words in _networks().items():
        with _busy(os.cpu_count() or 1 if arguments.busy else 0):
            row = _measure(words, arguments)
        sys.stdout.write(
            f"{network:<16} {row['start']:>8.2f} {_yes_no(row['has_torch']):>11} "
            f"{row['beats']:>7} {row['p50']:>12.1f} {row['p99']:>12.1f} {row['worst']:>9.1f} "
            f"{row['stop']:>8.0f}\n"
        )
        sys.stdout.flush()


def _networks() -> dict[str, list[str]]:
    networks = {"demo": ["--demo"]}
    images = SHARED / "data" / "cifar10_subset.npz"
    for name, file in CHECKPOINTS.items():
        checkpoint = SHARED / "checkpoints" / file
        if checkpoint.exists() and images.exists():
            networks[name] = [
                *("--network", name, "--checkpoint", str(checkpoint)),
                *("--data", str(images)),
            ]
    return networks


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep so many cores busy inside the block."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def _measure(words: list[str], arguments: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "QT_QPA_PLATFORM": "offscreen",
            "OMP_WAIT_POLICY": "PASSIVE",
            "XDG_CONFIG_HOME": home,
            "XDG_DATA_HOME": home,
            "ESPALIER_BENCHMARK_BEGAN": repr(time.time()),
        }
        command = [sys.executable, "-m", "tests.benchmarks.window", "--child"]
        command += ["--evaluations", str(arguments.evaluations), "--panels", arguments.panels]
        command += ["--", "--start", *words]
        child = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )
    row: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return row


def _search_in_window(arguments: argparse.Namespace) -> None:
    """Show the real window, search, and print what was measured as JSON."""
    from PySide6.QtCore import QObject, Qt, QTimer

    from app import main_window
    from app.command_line import parse
    from core.events import CandidateEvaluated, NetworkOpened, SearchFinished

    began = float(os.environ["ESPALIER_BENCHMARK_BEGAN"])
    late_ms: list[float] = []
    row: dict[str, float] = {}
    stop_at = max(2, round(STOP_SHARE * arguments.evaluations))

    class Probe(QObject):
        """Listens to the window and beats while masks are scored."""

        def __init__(self, window: main_window.MainWindow) -> None:
            super().__init__(window)
            self._window = window
            self._last = self._stop_asked = 0.0
            self._heart = QTimer(self, interval=HEARTBEAT_MS, timerType=Qt.TimerType.PreciseTimer)
            self._heart.timeout.connect(self._on_beat)
            window.first_painted.connect(self._on_painted)
            window.session.event_received.connect(self._on_event)
            window.session.failed.connect(self._on_failed)

        def _on_painted(self) -> None:
            row["start"] = time.time() - began
            row["has_torch"] = "torch" in sys.modules

        def _on_event(self, event: object) -> None:
            match event:
                case NetworkOpened() if arguments.panels == "all":
                    for dock in self._window.parts.docks.docks.values():
                        dock.setFloating(True)
                        dock.show()
                case CandidateEvaluated() if not self._heart.isActive():
                    self._last = time.perf_counter()
                    self._heart.start()
                case CandidateEvaluated() if event.evaluation == stop_at:
                    QTimer.singleShot(STOP_DELAY_MS, self, self._stop)
                case SearchFinished():
                    self._heart.stop()
                    row["stop"] = 1000 * (time.perf_counter() - self._stop_asked)
                    self._window.session.shut_down()

        def _stop(self) -> None:
            self._stop_asked = time.perf_counter()
            self._window.session.stop()

        def _on_beat(self) -> None:
            now = time.perf_counter()
            late_ms.append(1000 * (now - self._last) - HEARTBEAT_MS)
            self._last = now

        def _on_failed(self, message: str, details: str) -> None:
            sys.stderr.write(f"{message}\n{details}\n")
            self._window.session.shut_down()

    class ProbedWindow(main_window.MainWindow):
        """The real window with the probe in it."""

        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            self.probe = Probe(self)

    main_window.MainWindow = ProbedWindow  # type: ignore[misc]
    words = ["--evaluations", str(arguments.evaluations), *arguments.words]
    main_window.run_window(parse(words))
    late_ms.sort()
    row["beats"] = len(late_ms)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        row[name] = late_ms[min(len(late_ms) - 1, int(share * len(late_ms)))]
    sys.stdout.write(json.dumps(row) + "\n")


def _yes_no(value: float) -> str:
    return "imported" if value else "absent"


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--panels", choices=("docked", "all"), default="docked")
    parser.add_argument("--busy", action="store_true", help="with a busy process for each core")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
