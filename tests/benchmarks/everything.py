"""All that CI only samples, in full: a hundred kills, a thousand flips, minutes of fuzz, the soak.

    python -m tests.benchmarks.everything [--only kills]

Takes hours on two cores. Prints a line for each part, and returns 1 if one of them failed; what a
part said then stands above its line.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Part:
    """A command, and what is set in its environment."""

    words: tuple[str, ...]
    environment: dict[str, str]


PARTS = {
    "kills": Part(("pytest", "-q", "tests/core/runs/test_kills.py"), {"ESPALIER_KILLS": "100"}),
    "bad input": Part(("pytest", "-q", "tests/bad_input"), {"ESPALIER_FLIPS": "1000"}),
    "fuzz": Part(("pytest", "-q", "tests/app/test_fuzz.py"), {"ESPALIER_FUZZ_SECONDS": "120"}),
    "busy cores": Part(("tests.benchmarks.window", "--busy"), {}),
    "soak": Part(("tests.benchmarks.soak", "--minutes", "30"), {}),
}


def main() -> int:
    """Run every part, or the one that is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=tuple(PARTS))
    only = parser.parse_args().only
    failed = 0
    for name, part in PARTS.items():
        if only in (None, name):
            began = time.monotonic()
            code = run_part(part)
            failed += bool(code)
            verdict = "failed" if code else "passed"
            sys.stdout.write(f"{name:<12} {verdict} after {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    return 1 if failed else 0


def run_part(part: Part) -> int:
    """Run one part in a process of its own; returns its exit code."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"} | part.environment
    words = [sys.executable, "-m", *part.words]
    return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
