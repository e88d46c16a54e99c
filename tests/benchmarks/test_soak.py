"""The soak for ten seconds, and what it calls growth and left over."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.soak_census import Census, growth, left_over, slope_mb_per_hour

ROOT = Path(__file__).resolve().parents[2]
CENSUS = Census(
    seconds=0.0,
    resident_mb=1000.0,
    python_objects=10,
    python_threads=1,
    system_threads=4,
    files=("pipe", "socket"),
    children=0,
    windows=3,
    timers=2,
    active_timers=0,
)


def samples(memory: list[float]) -> list[Census]:
    return [
        dataclasses.replace(CENSUS, seconds=60.0 * minute, resident_mb=held)
        for minute, held in enumerate(memory)
    ]


def test_growth_compares_the_last_third_with_the_first_after_the_warm_up():
    warm_up, first, middle, last = [500.0, 800.0, 900.0], [1000.0] * 4, [1005.0] * 4, [1010.0] * 4
    assert growth(samples(warm_up + first + middle + last)) == pytest.approx(0.01)


def test_the_slope_is_that_of_the_second_half():
    assert slope_mb_per_hour(samples([5000.0, 1.0, 2.0, 3.0])) == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"python_threads": 2}, "Python threads: 1 at first, 2 at the end"),
        ({"children": 1}, "child processes: 0 at first, 1 at the end"),
        ({"files": ("pipe", "run/masks.npz", "socket")}, "handles that were not there: run/masks"),
        ({"windows": 4}, "windows: 3 at first, 4 at the end"),
    ],
)
def test_what_is_left_over_is_named(change, words):
    early = samples([1000.0] * 15)
    assert left_over(early, CENSUS) == []
    assert any(words in line for line in left_over(early, dataclasses.replace(CENSUS, **change)))


def test_what_libraries_open_at_first_use_is_not_left_over_in_a_short_run():
    early, last = samples([1000.0] * 3), dataclasses.replace(CENSUS, system_threads=9)
    assert left_over(early, last) == []
    assert left_over(early, dataclasses.replace(CENSUS, children=1)) != []


@pytest.mark.skipif(sys.platform != "linux", reason="it counts what /proc tells")
@pytest.mark.timeout(300)
def test_ten_seconds_leave_nothing_behind():
    words = [sys.executable, "-m", "tests.benchmarks.soak"]
    words += ["--minutes", "0.17", "--interval", "4", "--seed", "7"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "Nothing was left behind." in done.stdout
