"""kill -9 at random moments: the folder always opens, and the run goes on to the bit.

ESPALIER_KILLS=100 kills a hundred times instead of five.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.replay import replay_run
from tests.core.export.opened import build_tiny
from tests.core.runs.killing import whole_run
from tests.core.runs.test_resuming import are_same

KILLS = int(os.environ.get("ESPALIER_KILLS", "5"))
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each search needs a process that dies")
@pytest.mark.timeout(300 + 10 * KILLS)
def test_a_killed_run_opens_and_ends_as_if_nobody_had_killed_it(tmp_path, monkeypatch):
    words = [sys.executable, "-m", "tests.core.runs.killing", str(tmp_path), str(KILLS), "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # what forks may have no threads
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    finished = int(done.stdout)
    assert finished >= 1
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    whole = whole_run(tmp_path / "whole")
    for number in range(finished):
        assert are_same(replay_run(tmp_path / f"run-{number}"), whole)
