"""Files that appear whole or not at all."""

import os

import numpy as np
import pytest

from core.errors import RunError
from core.runs.files import (
    TRAJECTORY_HEADER,
    TrajectoryRow,
    csv_line,
    has_broken_off_finetuning,
    move_earlier_run,
    prepare_folder,
    write_arrays,
    write_atomically,
    write_text,
)


def make_row(evaluation: int) -> TrajectoryRow:
    return TrajectoryRow(evaluation, 1, 0.5, 0.75, 0.9, -0.9, 0.7, 1, 2.5)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "report.json"
    write_text(file, "old")

    def fail(stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(file, fail)
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_arrays_load_without_pickle(tmp_path):
    file = tmp_path / "masks.npz"
    write_arrays(file, {"best": np.array([True, False]), "names": np.array(["l1_uniform"])})
    with np.load(file, allow_pickle=False) as arrays:
        assert arrays["best"].tolist() == [True, False]
        assert arrays["names"].tolist() == ["l1_uniform"]


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="Choose another folder"):
        prepare_folder(tmp_path / "file" / "run")


def test_an_earlier_run_is_moved_not_overwritten(tmp_path):
    (tmp_path / "report.json").write_text("first")
    assert "earlier-1" in move_earlier_run(tmp_path)
    (tmp_path / "report.json").write_text("second")
    move_earlier_run(tmp_path)
    assert (tmp_path / "earlier-1" / "report.json").read_text() == "first"
    assert (tmp_path / "earlier-2" / "report.json").read_text() == "second"
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("name", ["pruned_float16.onnx", "finetuned", "agent.pt"])
def test_nothing_of_an_earlier_run_stays_beside_the_next(tmp_path, name):
    (tmp_path / name).touch()
    move_earlier_run(tmp_path)
    assert (tmp_path / "earlier-1" / name).exists()
    assert not (tmp_path / name).exists()


def test_a_fine_tuning_is_broken_off_until_its_numbers_are_written(tmp_path):
    assert not has_broken_off_finetuning(tmp_path)
    reached, end = tmp_path / "finetuning" / "learned.pt", tmp_path / "finetune.json"
    reached.parent.mkdir()
    reached.touch()
    assert has_broken_off_finetuning(tmp_path)
    for file, seconds in ((reached, 100), (end, 200)):
        file.touch()
        os.utime(file, (seconds, seconds))
    assert not has_broken_off_finetuning(tmp_path)
    os.utime(reached, (300, 300))  # another one began
    assert has_broken_off_finetuning(tmp_path)
    reached.unlink()
    assert not has_broken_off_finetuning(tmp_path)


def test_a_new_folder_has_nothing_earlier(tmp_path):
    prepare_folder(tmp_path / "a" / "b")
    assert move_earlier_run(tmp_path / "a" / "b") == ""
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_trajectory_line_has_the_headers_columns():
    lines = (csv_line(TRAJECTORY_HEADER) + make_row(1).line()).decode().splitlines()
    assert lines[0].split(",")[:3] == ["evaluation", "update", "macs_kept"]
    assert lines[1] == "1,1,0.5,0.75,0.9,-0.9,0.7,1,2.5"
