"""Which run is offered to go on when Espalier starts."""

import os

import pytest

from core.config import RunConfig, SearchConfig, to_toml
from core.runs.files import TRAJECTORY_HEADER, csv_line
from core.runs.lock import locked_folder
from core.runs.unfinished import last_unfinished


def make_run(root, name, *, done=3, is_finished=False, has_checkpoint=True, worked_on=None):
    folder = root / name
    folder.mkdir()
    config = RunConfig(network="resnet18", search=SearchConfig(evaluations=40))
    (folder / "config.toml").write_text(to_toml(config))
    rows = [csv_line([number, 1, *[0.5] * 5, 1, 0.1]) for number in range(1, done + 1)]
    (folder / "trajectory.csv").write_bytes(b"".join([csv_line(TRAJECTORY_HEADER), *rows]))
    if has_checkpoint:
        (folder / "checkpoint.pt").write_bytes(b"anything")
        moment = worked_on or 1_700_000_000 + 60 * len(list(root.iterdir()))
        os.utime(folder / "checkpoint.pt", (moment, moment))
    if is_finished:
        (folder / "report.json").write_text('{"evaluations": 40}')
    return folder


def test_the_newest_run_that_can_go_on_is_offered(tmp_path):
    make_run(tmp_path, "2026-01-01_10-00-00_a", is_finished=True)
    make_run(tmp_path, "2026-01-02_10-00-00_b")
    folder = make_run(tmp_path, "2026-01-03_10-00-00_c", done=7)
    make_run(tmp_path, "2026-01-04_10-00-00_d", has_checkpoint=False)
    run = last_unfinished(tmp_path)
    assert run.folder == folder
    assert (run.network, run.dataset) == ("resnet18", "digits")
    assert (run.evaluations, run.total) == (7, 40)


def test_a_later_run_that_is_finished_does_not_hide_it(tmp_path):
    night = make_run(tmp_path, "2026-01-01_10-00-00_a")
    make_run(tmp_path, "2026-01-02_10-00-00_b", is_finished=True)
    assert last_unfinished(tmp_path).folder == night


def test_the_run_that_was_worked_on_last_is_offered_whatever_its_name_says(tmp_path):
    """It was begun before the clock was set back, or went on after a later one was broken off."""
    last = make_run(tmp_path, "2026-01-01_10-00-00_a", worked_on=1_800_000_000)
    make_run(tmp_path, "2026-01-02_10-00-00_b", worked_on=1_790_000_000)
    assert last_unfinished(tmp_path).folder == last


def test_a_run_with_broken_settings_does_not_hide_another(tmp_path):
    folder = make_run(tmp_path, "2026-01-01_10-00-00_a")
    broken = make_run(tmp_path, "2026-01-02_10-00-00_b")
    (broken / "config.toml").write_text("nonsense = 3\n")
    assert last_unfinished(tmp_path).folder == folder


def test_a_run_that_is_being_written_is_not_offered(tmp_path):
    folder = make_run(tmp_path, "2026-01-01_10-00-00_a")
    with locked_folder(folder):
        assert last_unfinished(tmp_path) is None
    assert last_unfinished(tmp_path).folder == folder


@pytest.mark.parametrize("text", ["[search]\nevaluations = -1\n", "nonsense = 3\n", "\x00"])
def test_a_run_with_broken_settings_is_not_offered(tmp_path, text):
    folder = make_run(tmp_path, "2026-01-01_10-00-00_a")
    (folder / "config.toml").write_text(text)
    assert last_unfinished(tmp_path) is None


def test_a_folder_without_runs_offers_nothing(tmp_path):
    assert last_unfinished(tmp_path) is None
    assert last_unfinished(tmp_path / "missing") is None
