"""Runs are listed whatever lies in their folders, and what is wrong with one is named."""

import json
import os
import time

import pytest

from core.errors import RunError
from core.runs.history import list_runs, read_report, read_summary, write_notes
from tests.core.runs.made import make_run


def test_a_finished_run_in_a_line(tmp_path):
    run = read_summary(make_run(tmp_path / "2026-03-01_12-30-00_tiny_50", seed=4))
    assert (run.network, run.dataset, run.seed, run.evaluations) == ("tiny", "digits", 4, 3)
    assert (run.accuracy, run.macs_kept, run.macs_budget) == (0.75, 0.498, 0.5)
    assert (run.best_criterion, run.best_criterion_accuracy) == ("l1_uniform", 0.6)
    assert run.lead == pytest.approx(0.15)
    assert run.reward == "teacher"
    assert f"{run.started:%d.%m.%Y %H:%M}" == "01.03.2026 12:30"
    assert run.is_finished
    assert run.problem == ""


def test_an_unfinished_run_counts_its_evaluations(tmp_path):
    run = read_summary(make_run(tmp_path / "a", evaluations=7, is_finished=False))
    assert (run.is_finished, run.evaluations, run.accuracy, run.lead) == (False, 7, None, None)
    assert run.problem == ""


def test_the_newest_run_comes_first_and_other_folders_are_no_runs(tmp_path):
    for name in ("2026-01-02_00-00-00_b_50", "2026-01-03_00-00-00_a_50"):
        make_run(tmp_path / name)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").write_text("no folder")
    assert [run.folder.name[:10] for run in list_runs(tmp_path)] == ["2026-01-03", "2026-01-02"]


def test_a_folder_that_is_a_run_lists_itself(tmp_path):
    make_run(tmp_path / "first")
    assert [run.folder.name for run in list_runs(tmp_path / "first")] == ["first"]


def test_no_folder_has_no_runs_and_a_file_is_refused(tmp_path):
    assert list(list_runs(tmp_path / "nowhere")) == []
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RunError, match="Choose another folder"):
        list(list_runs(file))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("config.toml", b"seed = [", "config.toml is damaged"),
        ("config.toml", b"\xff\xfe", "config.toml is damaged"),
        ("report.json", b'{"pruned": ', "report.json is damaged"),
        ("report.json", b"[1, 2]", "report.json is damaged"),
        ("report.json", b"[" * 100_000, "report.json is damaged"),
    ],
)
def test_a_broken_run_is_named_with_a_reason(tmp_path, name, content, problem):
    folder = make_run(tmp_path / "a")
    (folder / name).write_bytes(content)
    run = read_summary(folder)
    assert run.problem == problem
    assert [one.folder for one in list_runs(tmp_path)] == [folder]


def test_values_of_the_wrong_kind_are_not_known(tmp_path):
    folder = make_run(tmp_path / "a")
    (folder / "config.toml").write_text('search = 3\nnetwork = ["x"]\n')
    (folder / "report.json").write_text(
        '{"pruned": {"accuracy": "high", "macs_kept": 1e999}, "criteria": {"l1": 3}, "seed": true}'
    )
    run = read_summary(folder)
    assert (run.network, run.seed, run.accuracy, run.macs_kept) == ("", None, None, None)
    assert run.lead is None


def test_a_run_without_settings_says_so(tmp_path):
    folder = make_run(tmp_path / "a")
    (folder / "config.toml").unlink()
    assert read_summary(folder).problem == "there is no config.toml"


def test_runs_that_differ_in_their_seed_alone_are_kin(tmp_path):
    first, second, other = (
        read_summary(make_run(tmp_path / name, seed=seed, network=network))
        for name, seed, network in (("a", 0, "tiny"), ("b", 1, "tiny"), ("c", 0, "other"))
    )
    assert first.kinship == second.kinship != other.kinship
    assert first.kinship


def test_a_run_that_was_stopped_is_nobodys_kin(tmp_path):
    folder = make_run(tmp_path / "a")
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | {"stopped": True}))
    assert read_summary(folder).kinship == ""


def test_notes_are_kept_changed_and_taken_away(tmp_path):
    folder = make_run(tmp_path / "a")
    write_notes(folder, "the one with ümlauts\nand two lines")
    assert read_summary(folder).notes == "the one with ümlauts\nand two lines"
    write_notes(folder, "")
    assert read_summary(folder).notes == ""
    assert not (folder / "notes.txt").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_notes_that_cannot_be_written_are_told(tmp_path):
    folder = make_run(tmp_path / "a")
    folder.chmod(0o500)
    with pytest.raises(RunError, match="Cannot write"):
        write_notes(folder, "x")
    folder.chmod(0o700)


def test_notes_of_a_folder_that_is_gone_are_told(tmp_path):
    with pytest.raises(RunError, match=r"Cannot write .*notes\.txt"):
        write_notes(tmp_path / "gone", "x")


def test_a_report_is_read_or_empty(tmp_path):
    folder = make_run(tmp_path / "a")
    assert read_report(folder)["macs_budget"] == 0.5
    (folder / "report.json").write_text("nothing")
    assert read_report(folder) == {}


def test_five_hundred_runs_are_listed_within_a_second_of_computing(tmp_path):
    first = make_run(tmp_path / "0")
    texts = {
        name: (first / name).read_text()
        for name in ("config.toml", "report.json", "trajectory.csv")
    }
    for number in range(1, 500):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
    began = time.process_time()
    assert len(list(list_runs(tmp_path))) == 500
    assert time.process_time() - began < 1.0


def test_further_budgets_are_read_from_the_settings(tmp_path):
    budgets = {"macs": 1.0, "params": 0.4, "size": 1.0, "latency": '"x"'}
    lines = [f"{name}_budget = {share}" for name, share in budgets.items()]
    (tmp_path / "config.toml").write_text("\n".join(["[search]", *lines]))
    assert read_summary(tmp_path).further_budgets == {"params": 0.4}
