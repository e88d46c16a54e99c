"""A run's folder that stops taking files during the search: named, never fatal, nothing spins."""

import dataclasses
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import ExportError, RunError
from core.events import (
    CandidateEvaluated,
    CheckpointReached,
    Event,
    NoticeRaised,
    RecordingFailed,
    RunReported,
    SearchStarted,
)
from core.runs.checkpoint import load_checkpoint
from core.runs.files import RUN_FILES, default_runs_folder, fallback_folders, move_earlier_run
from core.runs.flow import record_run
from core.runs.replay import replay_run
from core.runs.resuming import resume_run
from tests.bad_input.run_folders import CONFIG as OTHER
from tests.core.export.opened import build_tiny, open_tiny

SEARCH = dataclasses.replace(OTHER.search, evaluations=4, samples_per_update=2)
CONFIG = dataclasses.replace(OTHER, search=SEARCH)
WHILE_IT_GOES = (
    "config.toml",
    "environment.json",
    "trajectory.csv",
    "events.jsonl",
    "masks.npz",
    "candidates.npz",
    "checkpoint.pt",
    "agent.pt",
    "report.json",
)
REASONS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO)
MOST_EVENTS = 400  # of the tiny search; one that spins tells more


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The run's folder; no exporter, and other folders within reach of the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    (tmp_path / "temporary").mkdir()
    return tmp_path / "run"


def run_and(
    home: Path,
    happens: Callable[[], object],
    when: type[Event],
    told: list[Event] | None = None,
) -> list[Event]:
    """A whole run during which something happens to its folder once; tells into `told` too."""
    events: list[Event] = [] if told is None else told
    for event in record_run(open_tiny(), CONFIG, home):
        if isinstance(event, when) and not any(isinstance(one, when) for one in events):
            happens()
        events.append(event)
        assert len(events) < MOST_EVENTS
    return events


def of_type(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def put_a_folder_there(path: Path) -> None:
    path.unlink(missing_ok=True)
    (path / "in the way").mkdir(parents=True)


class Refusal:
    """A file system that from some moment on refuses to write below some folders."""

    def __init__(self, patch: pytest.MonkeyPatch, folders: list[Path], number: int) -> None:
        if not Path("/proc/self/fd").exists():
            pytest.skip("nothing says which file is open")
        self.folders, self.number, self.is_on, self.count = folders, number, False, 0
        for name in ("open", "mkdir", "replace", "rename", "ftruncate", "fsync"):
            patch.setattr(os, name, self._refusing(getattr(os, name)))
        patch.setattr(io, "open", self._refusing(io.open, is_reading=_reads))  # of Path.open
        refusal = self

        class File(io.FileIO):
            def write(self, content: bytes) -> int:  # type: ignore[override]
                refusal.check(Path(os.readlink(f"/proc/self/fd/{self.fileno()}")))
                return super().write(content)

        patch.setattr("core.runs.appended.io.FileIO", File)

    def check(self, path: Path) -> None:
        """Raise OSError if it refuses this."""
        if self.is_on and any(path.is_relative_to(folder) for folder in self.folders):
            self.count += 1
            raise OSError(self.number, os.strerror(self.number), str(path))

    def begin(self) -> None:
        """Refuse from now on."""
        self.is_on = True

    def _refusing(
        self, function: Callable[..., object], is_reading: Callable[..., bool] | None = None
    ) -> Callable[..., object]:
        def refused(path: object, *arguments: object, **options: object) -> object:
            reads = is_reading is not None and is_reading(*arguments)
            if isinstance(path, str | os.PathLike) and not reads and not _opens_to_read(arguments):
                self.check(Path(path))
            return function(path, *arguments, **options)

        return refused


def _reads(mode: str = "r", *others: object) -> bool:
    return not set(mode) & set("wax+")


def _opens_to_read(arguments: tuple[object, ...]) -> bool:
    """Whether these are the flags of an os.open that writes nothing."""
    return bool(arguments) and arguments[0] == os.O_RDONLY


@pytest.mark.parametrize(
    ("name", "when"),
    [
        *((name, SearchStarted) for name in WHILE_IT_GOES),
        *((name, CheckpointReached) for name in ("events.jsonl", "masks.npz", "checkpoint.pt")),
    ],
)
def test_a_file_that_a_folder_replaced_is_named_and_all_files_go_elsewhere(home, name, when):
    assert set(WHILE_IT_GOES) < set(RUN_FILES)
    events = run_and(home, lambda: put_a_folder_there(home / name), when)
    assert len(of_type(events, CandidateEvaluated)) == CONFIG.search.evaluations
    (failed,) = of_type(events, RecordingFailed)
    assert f"Cannot write {name} into {home}: Is a directory." in failed.message
    place = default_runs_folder() / "run-saved"
    assert events[-1].folder == str(place)
    assert any(str(place) in notice.message for notice in of_type(events, NoticeRaised))
    assert {*WHILE_IT_GOES, "adapted.npz", "report.html"} == {file.name for file in place.iterdir()}
    told = [type(event) for event in replay_run(place, open_tiny())]
    assert told.count(CandidateEvaluated) == CONFIG.search.evaluations
    # what could be written at home was
    kept = {file.name for file in home.iterdir() if file.is_file()}
    lost = {name, "report.json"} | ({"checkpoint.pt"} if name == "events.jsonl" else set())
    assert set(WHILE_IT_GOES) - kept <= lost


def test_a_page_that_a_folder_replaced_is_named(home):
    name = "report.html"
    events = run_and(home, lambda: put_a_folder_there(home / name), SearchStarted)
    told = [notice.message for notice in of_type(events, NoticeRaised)]
    assert any(f"Cannot write {home / name}: Is a directory" in message for message in told)
    assert events[-1].folder == str(home)
    assert (home / "report.json").is_file()


@pytest.mark.parametrize("number", REASONS, ids=errno.errorcode.get)
def test_a_folder_that_takes_nothing_more_is_named_and_left(home, monkeypatch, number):
    refusal = Refusal(monkeypatch, [home], number)
    events = run_and(home, refusal.begin, CheckpointReached)
    (failed,) = of_type(events, RecordingFailed)
    assert f"{home}: {os.strerror(number)}." in failed.message
    place = default_runs_folder() / "run-saved"
    assert events[-1].folder == str(place)
    assert len((place / "trajectory.csv").read_text().splitlines()) == 5
    assert refusal.count < MOST_EVENTS
    # and what was there before is whole: the run could go on from it
    checkpoint = load_checkpoint(home)
    assert checkpoint is not None and checkpoint.state.update == 1
    assert not list(home.glob(".*.tmp"))


def test_without_any_folder_the_run_ends_and_says_so(home, monkeypatch):
    folders = [home, *fallback_folders("run")]
    refusal = Refusal(monkeypatch, folders, errno.ENOSPC)
    events: list[Event] = []
    with pytest.raises(ExportError, match="No space left on device"):
        run_and(home, refusal.begin, CheckpointReached, events)
    assert isinstance(events[-1], RunReported)
    assert events[-1].report["pruned"]["accuracy"] is not None
    told = [notice.message for notice in of_type(events, NoticeRaised)]
    assert any("No folder takes the run's files. Make room" in message for message in told)
    assert len(of_type(events, RecordingFailed)) == 1
    assert refusal.count < MOST_EVENTS


def test_a_run_on_a_disk_that_was_full_ends_as_any_other_once_there_is_room(home, monkeypatch):
    refusal = Refusal(monkeypatch, [home, *fallback_folders("run")], errno.ENOSPC)
    run = record_run(open_tiny(), CONFIG, home)
    for event in run:
        if isinstance(event, CheckpointReached):
            refusal.begin()
            break
    events = list(_until(run, CheckpointReached))
    run.close()  # as a crash, with the disk full
    assert len(of_type(events, RecordingFailed)) == 1
    refusal.is_on = False
    resumed = list(resume_run(open_tiny(), home))
    whole = list(record_run(open_tiny(), CONFIG, home.with_name("whole")))
    masks = [
        np.stack([event.keep for event in of_type(one, CandidateEvaluated)])
        for one in (resumed, whole)
    ]
    assert np.array_equal(*masks)


def _until(run: Iterator[Event], kind: type[Event]) -> Iterator[Event]:
    for event in run:
        yield event
        if isinstance(event, kind):
            return


def test_an_earlier_run_that_cannot_be_moved_is_never_written_over(home, monkeypatch):
    home.mkdir()
    for name in ("config.toml", "events.jsonl", "masks.npz"):
        (home / name).write_text(f"precious {name}")
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if Path(source).name == "events.jsonl":
            raise PermissionError(errno.EACCES, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunError, match=r"earlier run .*: Permission denied\. Choose another"):
        list(record_run(open_tiny(), CONFIG, home))
    with pytest.raises(RunError, match="Permission denied"):
        move_earlier_run(home)
    found = {file.name: file.read_text() for file in home.iterdir() if file.name != ".lock"}
    names = ("config.toml", "events.jsonl", "masks.npz")
    assert found == {name: f"precious {name}" for name in names}
