import hashlib
import os
from pathlib import Path

import pytest

from core.errors import CheckpointError, NetworkError
from core.events import Event, StageAdvanced, StageStarted, StopRequested
from core.networks import files
from core.networks.files import find_file, read_through


def drained(path: Path) -> tuple[list[Event], str]:
    events, seen = read_through(path), []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as stop:
            return seen, stop.value


def test_links_are_followed_to_the_real_file(tmp_path: Path) -> None:
    (tmp_path / "real.pt").write_bytes(b"x")
    (tmp_path / "link.pt").symlink_to("real.pt")
    assert find_file(str(tmp_path / "link.pt"), "network") == (tmp_path / "real.pt").resolve()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: None, r"There is no network .*x\.pt"),
        (lambda p: p.mkdir(), "is a folder"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.symlink_to("gone.pt"), "is a link to a file that is not there"),
        (lambda p: p.symlink_to(p.name), "Cannot find the network .*: "),
        (os.mkfifo, "is a device or a pipe"),
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, make: object, sentence: str) -> None:
    path = tmp_path / "x.pt"
    make(path)  # type: ignore[operator]
    with pytest.raises(NetworkError, match=sentence):
        find_file(path, "network")


def test_a_name_that_is_too_long_is_a_sentence() -> None:
    with pytest.raises(CheckpointError, match="Cannot find the checkpoint"):
        find_file("x" * 5000, "checkpoint", CheckpointError)


def test_a_null_letter_in_a_name_is_a_sentence() -> None:
    with pytest.raises(NetworkError, match=r"Cannot find the network a\\x00b"):
        find_file("a\0b", "network")


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pt")
    Path(path).write_bytes(b"x")
    with pytest.raises(NetworkError, match=r"is not UTF-8"):
        find_file(path, "network")


def test_a_line_break_in_a_name_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "a\nb '\"é.pt"
    path.write_bytes(b"x")
    assert find_file(str(path), "network") == path.resolve()


def test_small_files_are_read_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"abc")
    assert drained(path) == ([], hashlib.sha256(b"abc").hexdigest())


def test_large_files_tell_their_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", 4)
    monkeypatch.setattr(files, "LARGE_BYTES", 8)
    path = tmp_path / "x.pt"
    path.write_bytes(b"0123456789")
    events, sha256 = drained(path)
    assert events == [
        StageStarted("Reading x.pt", 3),
        StageAdvanced(1),
        StageAdvanced(2),
        StageAdvanced(3),
    ]
    assert sha256 == hashlib.sha256(b"0123456789").hexdigest()


def test_a_stop_is_heard_between_two_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGE_BYTES", 1)
    path = tmp_path / "x.pt"
    with path.open("wb") as stream:
        stream.truncate(2 * 2**30)  # 2 GB of zeros that take no room
    events = read_through(path)
    assert next(events) == StageStarted("Reading x.pt", 256)
    assert next(events) == StageAdvanced(1)
    with pytest.raises(StopRequested):
        events.throw(StopRequested())
