"""Kills a recorded search again and again, as kill -9 would, and looks at what is left.

python -m tests.core.runs.killing FOLDER KILLS SEED

Each search runs in a process of its own and dies at a random line of the code that writes its
files or trains its agent. Then its folder is opened, and the next process goes on with it.
"""

import mmap
import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from core.config import RunConfig, SearchConfig
from core.events import CheckpointReached, RunReported, SearchStarted
from core.export import pruned
from core.runs import flow
from core.runs.checkpoint import load_checkpoint
from core.runs.files import CONFIG_FILE, REPORT_FILE
from core.runs.history import read_summary
from core.runs.replay import replay_run
from core.runs.resuming import resume_run
from tests.core.export.opened import build_tiny, open_tiny

SEARCH = SearchConfig(
    evaluations=24, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)
CONFIG = RunConfig(network="tiny", data="random", latency=False, search=SEARCH)
TRACED = ("core/runs/", "core/search/searching.py")
MOST_LINES = 3000  # a whole run has about 4,000 of them


def main(folder: Path, kills: int, seed: int) -> int:
    """Kill that often, and finish every run that was killed; returns how many were finished."""
    flow.EXPORTERS = {}
    pruned.build_network = lambda name, **shape: build_tiny()
    chance, number, finished = random.Random(seed), 0, 0
    while kills:
        place = folder / f"run-{number}"
        is_dead = _run(place, chance.randrange(1, MOST_LINES))
        kills -= is_dead
        if not is_dead or not kills:
            _run(place, 0)
            number, finished = number + 1, finished + 1
    return finished


def whole_run(folder: Path) -> list[Any]:
    """The events of a run that nobody kills."""
    return list(flow.record_run(open_tiny(), CONFIG, folder))


def _run(folder: Path, lines: int) -> bool:
    """Begin or go on in a new process, to the end or to its death; says whether it died."""
    if (folder / REPORT_FILE).exists():
        return False
    updates = mmap.mmap(-1, 8)
    child = os.fork()
    if not child:
        _live(folder, lines, updates)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and status:
        raise RuntimeError(f"the process in {folder} ended with {status}")
    _look(folder, int.from_bytes(updates[:8], "little"))
    return os.WIFSIGNALED(status)


def _live(folder: Path, lines: int, updates: mmap.mmap) -> None:
    """Be the process that may die; never returns."""
    code = 1
    try:
        if lines:
            _die_after(lines)
        has_begun = (folder / CONFIG_FILE).exists()
        run = (
            resume_run(open_tiny(), folder)
            if has_begun
            else flow.record_run(open_tiny(), CONFIG, folder)
        )
        for event in run:
            if isinstance(event, CheckpointReached):
                updates[:8] = event.update.to_bytes(8, "little")
        code = 0
    finally:
        os._exit(code)


def _die_after(lines: int) -> None:
    left = lines

    def trace(frame: FrameType, kind: str, argument: object) -> Any:
        nonlocal left
        if not any(part in frame.f_code.co_filename for part in TRACED):
            return None
        if kind == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def _look(folder: Path, update: int) -> None:
    """Open what is left, and see that nothing is lost but the update that was being made."""
    if not (folder / CONFIG_FILE).exists():
        return  # it died before its folder held anything
    summary = read_summary(folder)
    assert not summary.problem, summary.problem
    checkpoint = load_checkpoint(folder)
    reached = 0 if checkpoint is None else checkpoint.state.update
    assert reached >= update, f"update {update} was over, the checkpoint has {reached}"
    if (folder / "events.jsonl").exists():
        events = list(replay_run(folder, open_tiny()))
        assert not reached or any(isinstance(event, SearchStarted) for event in events)
        assert summary.is_finished == any(isinstance(event, RunReported) for event in events)


if __name__ == "__main__":
    done = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(f"{done}\n")
