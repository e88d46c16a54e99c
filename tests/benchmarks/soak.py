"""Whether hours of use leave something behind: the real window, used at random, in one process.

    python -m tests.benchmarks.soak --minutes 30 --seed 0 [--write]

Searches of the demo and of a tiny network run back to back, on a screen that is only in memory;
they are opened, paused, stopped, taken up again, fine-tuned and exported, panels and themes are
switched, and the window itself is closed and made again. Every few seconds, when nothing runs, is
counted what the process holds. It fails (exit code 1) if the median of the resident memory in the
last third is more than 2 % above that in the first third (after a warm-up of a fifth, and only
in runs of at least a dozen samples), if a thread, handle, process, window or timer is left over at
the end that was not there in the first third, or if Qt warned or anything raised.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from app.process import prepare_process

RESULT = Path(__file__).with_name("results") / "soak.md"


def main() -> int:
    """Use the window, print a table, and return 1 if something was left behind."""
    arguments = _parse_arguments()
    with tempfile.TemporaryDirectory(prefix="espalier-soak-") as home:
        _live_in(Path(home))
        from tests.benchmarks.soak_run import Soak  # Qt and torch read what was set above

        soak = Soak(Path(home), 60 * arguments.minutes, arguments.interval, arguments.seed)
        soak.run()
    text = soak.as_markdown()
    sys.stdout.write(text)
    if arguments.write:
        RESULT.write_text(text, encoding="utf-8")
    return 1 if soak.failures() else 0


def _live_in(home: Path) -> None:
    """Send settings, caches and runs into a folder of their own, before anything is imported."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    prepare_process()
    os.environ["HOME"] = str(home)
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        os.environ[f"XDG_{name}_HOME"] = str(home / name.lower())


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--interval", type=float, default=20.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"into results/{RESULT.name}, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
