"""A file that only grows: what is on the disk is not kept in memory, and still not lost."""

import errno
import io
import shutil
import tracemalloc

import pytest

from core.runs.appended import AppendedFile


@pytest.fixture
def log(tmp_path):
    """A file with one line on the disk."""
    file = AppendedFile(tmp_path / "run" / "log", [b"one\n"])
    file.path.parent.mkdir()
    file.flush()
    yield file
    file.close()


def test_a_file_grows_chunk_by_chunk(log):
    assert log.path.read_bytes() == b"one\n"
    log.append(b"two\n")
    assert log.byte_count == 8
    log.flush(is_synced=True)
    assert log.path.read_bytes() == b"one\ntwo\n"


def test_its_lines_are_those_on_the_disk_and_those_that_wait(log):
    log.append(b"two\n")
    assert list(log.lines()) == [b"one\n", b"two\n"]
    log.flush()
    log.append(b"three\n")
    log.flush()
    assert list(log.lines()) == [b"one\n", b"two\n", b"three\n"]
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"
    log.close()
    assert list(log.lines()) == [b"one\n", b"two\n", b"three\n"]


def test_what_is_written_is_not_kept_in_memory(log):
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(200):
        log.append(bytes(99_999) + b"\n")
        log.flush()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert log.byte_count == 4 + 200 * 100_000
    assert after - before < 1_000_000


def test_chunks_that_could_not_be_written_come_with_the_next(tmp_path):
    file = AppendedFile(tmp_path / "run" / "log", [b"one\n"])
    with pytest.raises(FileNotFoundError):
        file.flush()
    (tmp_path / "run").mkdir()
    file.append(b"two\n")
    file.flush()
    file.close()
    assert (tmp_path / "run" / "log").read_bytes() == b"one\ntwo\n"


def test_half_a_chunk_of_a_full_disk_is_cut(log, monkeypatch):
    fills_after = 2  # bytes

    class Full(io.FileIO):
        def write(self, content):
            if self.tell() >= 4 + fills_after:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(bytes(content)[:fills_after])

    log.close()
    with monkeypatch.context() as patch:
        patch.setattr("core.runs.appended.io.FileIO", Full)
        log.append(b"two\n")
        with pytest.raises(OSError, match="No space"):
            log.flush()
        assert log.path.read_bytes() == b"one\ntw"
    log.close()
    log.append(b"three\n")
    log.flush()
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"


def test_what_another_program_appended_is_cut(log):
    with log.path.open("ab") as other:
        other.write(b"tw")
    log.append(b"two\n")
    log.flush()
    assert log.path.read_bytes() == b"one\ntwo\n"


def test_a_file_that_somebody_took_away_comes_back_whole(log):
    log.path.unlink()
    log.append(b"two\n")
    log.flush()
    assert log.path.read_bytes() == b"one\ntwo\n"


def test_a_folder_that_somebody_took_away_loses_nothing_once_it_is_back(log):
    shutil.rmtree(log.path.parent)
    log.append(b"two\n")
    with pytest.raises(FileNotFoundError):
        log.flush()
    log.path.parent.mkdir()
    log.append(b"three\n")
    log.flush()
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_file_that_another_program_cut_goes_on_where_it_ends(log):
    log.append(b"two\n")
    log.flush()
    log.close()
    log.path.write_bytes(b"one\n")
    log.append(b"three\n")
    log.flush()
    assert log.path.read_bytes() == b"one\nthree\n"


def test_a_file_moves_with_all_that_it_holds(log, tmp_path):
    log.append(b"two\n")
    shutil.rmtree(log.path.parent)
    (tmp_path / "new").mkdir()
    moved = log.moved(tmp_path / "new")
    assert moved.byte_count == 8
    assert list(moved.lines()) == [b"one\n", b"two\n"]
    moved.flush()
    moved.append(b"three\n")
    moved.flush()
    moved.close()
    assert (tmp_path / "new" / "log").read_bytes() == b"one\ntwo\nthree\n"


def test_a_move_that_fails_leaves_the_file_as_it_was(log, tmp_path):
    moved = log.moved(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        moved.flush()
    (tmp_path / "missing").write_text("in the way")
    log.append(b"two\n")
    log.flush()
    assert log.path.read_bytes() == b"one\ntwo\n"


def test_a_file_is_taken_up_after_what_is_known_of_it(tmp_path):
    (tmp_path / "log").write_bytes(b"one\ntwo\nthr")
    file = AppendedFile.taken_up(tmp_path / "log", 4)
    file.append(b"2\n")
    file.flush()
    file.close()
    assert (tmp_path / "log").read_bytes() == b"one\n2\n"
