"""Curves of earlier runs are read fast, also while another process appends to them."""

import time

import numpy as np
import pytest

from core.errors import RunError
from core.runs.curves import read_curves
from tests.core.runs.made import make_run, write_trajectory


def test_the_columns_come_back(tmp_path):
    curves = read_curves(make_run(tmp_path / "a"))
    assert curves.evaluation.tolist() == [1, 2, 3]
    assert curves.seconds.tolist() == [0.5, 1.0, 1.5]
    assert curves.accuracy == pytest.approx([0.51, 0.52, 0.53])
    assert curves.meets_budget.all()


def test_half_a_line_is_left_out(tmp_path):
    folder = make_run(tmp_path / "a")
    with (folder / "trajectory.csv").open("a") as file:
        file.write("4,1,0.5,0.")
    assert read_curves(folder).evaluation.tolist() == [1, 2, 3]


def test_a_run_without_evaluations_has_empty_curves(tmp_path):
    assert read_curves(make_run(tmp_path / "a", evaluations=0)).accuracy.tolist() == []


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a,b\n1,2\n", b"evaluation,update\n1,x\n", b"\x00\xff\n\n"]
)
def test_other_contents_are_refused(tmp_path, content):
    folder = make_run(tmp_path / "a")
    (folder / "trajectory.csv").write_bytes(content)
    with pytest.raises(RunError, match="missing or damaged"):
        read_curves(folder)


def test_the_best_so_far_leaves_out_what_is_over_budget(tmp_path):
    folder = make_run(tmp_path / "a", evaluations=0)
    with (folder / "trajectory.csv").open("a") as file:
        file.write("1,1,0.6,0.9,1,-1,0.5,0,1\n2,1,0.5,0.6,1,-1,0.5,1,2\n")
        file.write("3,1,0.5,0.5,1,-1,0.5,1,3\n4,1,0.5,0.7,1,-1,0.5,1,4\n")
    best = read_curves(folder).best_accuracy
    assert np.isnan(best[0])
    assert best[1:].tolist() == [0.6, 0.6, 0.7]


def test_two_thousand_rows_take_less_than_fifty_milliseconds(tmp_path):
    folder = make_run(tmp_path / "a")
    write_trajectory(folder, 2000)
    began = time.process_time()
    assert len(read_curves(folder).accuracy) == 2000
    assert time.process_time() - began < 0.05
