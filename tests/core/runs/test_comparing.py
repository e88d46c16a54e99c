"""Methods compared: run by run into folders, over again after a stop, and into one table."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import BudgetError, ConfigError, RunError
from core.events import ComparisonReported, NoticeRaised, StageAdvanced, StageStarted, StopRequested
from core.runs.comparing import ComparisonPlan, MethodRun, compare_runs
from core.runs.comparison_flow import check_methods, plan_comparison, record_comparison
from core.runs.comparison_reading import (
    contents_text,
    is_comparison,
    read_comparison,
    read_runs,
    run_folder,
)
from core.runs.comparison_table import csv_text, markdown_text, table_text
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, TestScore, file_contents
from tests.core.export.opened import build_tiny, open_tiny
from tests.core.runs.made import make_run

SEARCH = SearchConfig(
    evaluations=6, macs_budget=0.5, reward_images=8, samples_per_update=3, threads=1
)
CONFIG = RunConfig(
    network="tiny", data="random", search=SEARCH, finetune=FinetuneConfig(batch_size=20)
)


@pytest.fixture(autouse=True)
def as_tiny(monkeypatch):
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())


def compare(folder, methods, *, seeds=1, epochs=0, config=CONFIG):
    opened = open_tiny()
    plan = plan_comparison(opened, config, methods, seeds, epochs)
    return list(record_comparison(opened, config, plan, folder))


def report_of(events):
    assert isinstance(events[-1], ComparisonReported)
    return events[-1].report


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        folder = tmp_path_factory.mktemp("compared")
        methods = ("agent", "random", "l1_uniform")
        return folder, compare(folder, methods, seeds=2, epochs=1)


def test_every_method_and_seed_has_a_run_of_its_own(compared):
    folder, events = compared
    for method in ("agent", "random", "l1_uniform"):
        for seed in (0, 1):
            place = folder / run_folder(method, seed)
            report = json.loads((place / "report.json").read_text())
            assert report["seed"] == seed
            assert report["evaluations"] == (0 if method == "l1_uniform" else 6)
            assert report["pruned"]["accuracy"] is not None
            # only the mask that is compared sees the test images
            assert {one["accuracy"] for one in report["criteria"].values()} == {None}
            assert (place / "finetune.json").is_file()
            assert not (place / "pruned.pt").exists()
    assert report_of(events)["is_complete"]


def test_the_table_has_the_runs_numbers(compared):
    folder, events = compared
    report = report_of(events)
    for row in report["methods"]:
        own = [
            json.loads((folder / run_folder(row["method"], seed) / "report.json").read_text())
            for seed in (0, 1)
        ]
        accuracies = [one["pruned"]["accuracy"] for one in own]
        assert row["means"]["accuracy"]["value"] == pytest.approx(sum(accuracies) / 2)
        tuned = [
            json.loads((folder / run_folder(row["method"], seed) / "finetune.json").read_text())
            for seed in (0, 1)
        ]
        after = [one["networks"][0]["after"]["cross_entropy"] for one in tuned]
        assert row["means"]["cross_entropy_after"]["value"] == pytest.approx(sum(after) / 2)
        assert row["cpu_seconds"]["value"] > 0
    assert report["test_readings"] == 12  # six reports, six fine-tunings


def test_the_files_say_the_same(compared):
    folder, _ = compared
    comparison = read_comparison(folder)
    assert is_comparison(folder)
    assert (folder / "comparison.md").read_text() == markdown_text(comparison)
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == ["agent", "random", "l1_uniform"]
    assert float(rows[2]["evaluations"]) == 0
    table = table_text(comparison)
    assert table.splitlines()[0].split()[:4] == ["method", "seeds", "accuracy,", "%"]
    assert "worse" not in table
    assert "read 12 times" in table
    assert "fewer than three seeds" in table
    assert "the same 1 epoch of fine-tuning for each mask, which mixes 50 % of the images" in table


def test_without_fine_tuning_what_others_fine_tuned_is_not_shown(compared, tmp_path):
    folder, _ = compared
    copied = shutil.copytree(folder, tmp_path / "compared")
    report = report_of(compare(copied, ("agent", "random", "l1_uniform"), seeds=2))
    assert report["is_complete"]
    assert {row["means"]["accuracy_after"] for row in report["methods"]} == {None}
    table = (copied / "comparison.md").read_text()
    assert "after" not in table.splitlines()[2]
    assert "read 12 times: once for the report of each run, once after each fine-tuning" in table


def test_what_is_there_is_not_done_again(compared):
    folder, events = compared
    reports = {path: path.stat().st_mtime_ns for path in folder.glob("*/report.json")}
    again = compare(folder, ("agent", "random", "l1_uniform"), seeds=2, epochs=1)
    assert not any(isinstance(event, StageStarted) for event in again)
    assert report_of(again) == report_of(events)
    assert {path: path.stat().st_mtime_ns for path in reports} == reports


def test_a_budget_out_of_reach_is_told_before_anything_is_written(tmp_path):
    low = dataclasses.replace(CONFIG, search=dataclasses.replace(SEARCH, macs_budget=0.01))
    with pytest.raises(BudgetError, match="cannot be reached"):
        compare(tmp_path / "compared", ("agent",), config=low)
    assert not (tmp_path / "compared").exists()


def test_other_settings_in_the_folder_are_refused(compared):
    folder, _ = compared
    other = dataclasses.replace(CONFIG, search=dataclasses.replace(SEARCH, evaluations=9))
    with pytest.raises(RunError, match=r"comparison: search\.evaluations = 6 there, 9 here\."):
        compare(folder, ("agent",), config=other)
    with pytest.raises(RunError, match=r"comparison: finetune\.epochs = 1 there, 2 here\."):
        compare(folder, ("agent",), epochs=2)


def test_a_comparison_from_before_weights_were_mixed_is_not_gone_on_with_unlike(compared, tmp_path):
    shutil.copytree(compared[0], tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("*/config.toml"):
        path.write_text(path.read_text().replace("weight_mixing = true\n", ""))
    words = r"search\.weight_mixing = false there, true here\. .*--set NAME=VALUE"
    with pytest.raises(RunError, match=words):
        compare(tmp_path, ("agent", "random"), seeds=3)
    unmixed = dataclasses.replace(SEARCH, weight_mixing=False)
    config = dataclasses.replace(CONFIG, search=unmixed)
    report = report_of(compare(tmp_path, ("random",), seeds=2, epochs=1, config=config))
    assert report["is_complete"]


def test_a_stop_leaves_the_run_to_be_gone_on_with(tmp_path):
    whole = report_of(compare(tmp_path / "whole", ("random", "evolution")))
    opened = open_tiny()
    plan = plan_comparison(opened, CONFIG, ("random", "evolution"), 1, 0)
    events = record_comparison(opened, CONFIG, plan, tmp_path / "broken")
    for event in events:
        is_second = isinstance(event, StageStarted) and "evolution" in event.stage
        if is_second and "Searching" in event.stage:
            break
    advanced = [next(events) for _ in range(4)]  # into the second update
    assert all(isinstance(event, StageAdvanced) for event in advanced)
    stopped = [events.throw(StopRequested()), *events]
    assert any(isinstance(event, NoticeRaised) for event in stopped)
    assert not report_of(stopped)["is_complete"]
    assert [run["problem"] for run in report_of(stopped)["runs"]] == ["", "not finished"]
    assert not (tmp_path / "broken" / "evolution-seed0" / "report.json").exists()
    assert "images were read 1 time: once for" in (tmp_path / "broken/comparison.md").read_text()
    rest = compare(tmp_path / "broken", ("random", "evolution"))
    assert any("Going on" in event.message for event in rest if isinstance(event, NoticeRaised))
    means = [[row["means"] for row in report["methods"]] for report in (whole, report_of(rest))]
    assert means[0] == means[1]


def test_a_damaged_comparison_is_named(tmp_path):
    (tmp_path / "comparison.json").write_text("{")
    with pytest.raises(RunError, match="There is no comparison in"):
        read_comparison(tmp_path)
    plan = {"format": "espalier.comparison", "version": 1, "plan": {"methods": [], "seeds": [0]}}
    (tmp_path / "comparison.json").write_text(json.dumps(plan))
    with pytest.raises(RunError, match="names no methods or no seeds"):
        read_comparison(tmp_path)


def test_methods_are_checked_by_name():
    assert check_methods(["agent", " l1", "agent", ""]) == ("agent", "l1")
    with pytest.raises(ConfigError, match="There is no method 'luck'"):
        check_methods(["agent", "luck"])
    with pytest.raises(ConfigError, match="Name the methods to compare"):
        check_methods([" "])


def test_without_the_default_search_the_first_method_is_the_reference():
    assert ComparisonPlan(("random", "agent"), (0,)).reference == "agent"
    assert ComparisonPlan(("random", "l1"), (0,)).reference == "random"


def made(method, seed, accuracy):
    return MethodRun(method, seed, run_folder(method, seed), {"accuracy": accuracy}, 0.5, 6, 2.0)


def test_means_and_tests_over_seeds_by_hand():
    plan = ComparisonPlan(("agent", "random", "l1"), (0, 1, 2), "net", "images", 0.5, 6)
    runs = [
        *(made("agent", seed, value) for seed, value in enumerate((0.7, 0.8, 0.9))),
        *(made("random", seed, value) for seed, value in enumerate((0.5, 0.61, 0.69))),
        *(made("l1", seed, value) for seed, value in enumerate((0.9, 0.8, 0.7))),
    ]
    comparison = compare_runs(Path("there"), plan, runs, 9)
    agent, random, l1 = comparison.methods
    # deviations -.1, 0, .1: variance .01, error .1 / sqrt 3 = .0577
    assert agent.means["accuracy"].standard_error == pytest.approx(0.1 / 3**0.5)
    assert agent.tests == {}
    # differences -.2, -.19, -.21: t = -.2 / (.01 / sqrt 3) = -34.64, p = .0008
    assert random.tests["accuracy"].p == pytest.approx(0.00083, abs=1e-5)
    assert random.tests["accuracy"].outcome == "worse"
    # differences .2, 0, -.2: t = 0
    assert (l1.tests["accuracy"].p, l1.tests["accuracy"].outcome) == (1.0, "tie")
    lines = table_text(comparison).splitlines()
    assert lines[0].split()[4:6] == ["vs", "agent"]
    assert "80.00 ± 5.77" in lines[1]
    assert "worse, p < .001" in lines[2]
    assert "tie, p 1.00" in lines[3]


def test_a_run_that_was_stopped_early_does_not_count(compared, tmp_path):
    folder, _ = compared
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    report = copied / "random-seed1" / "report.json"
    report.write_text(report.read_text().replace('"stopped": false', '"stopped": true'))
    comparison = read_comparison(copied)
    assert comparison.methods[1].seeds == (0,)
    assert "Not counted: random-seed1 (stopped early)." in table_text(comparison)


def test_a_fine_tuning_that_is_not_the_plans_is_not_averaged_with_the_others(compared, tmp_path):
    copied = shutil.copytree(compared[0], tmp_path / "copied")
    changes = {
        "agent-seed1": ('"is_stopped": false', '"is_stopped": true'),
        "random-seed0": ('"epochs": 1', '"epochs": 50'),
        "random-seed1": ('"momentum": 0.9', '"momentum": 0.5'),
    }
    for name, change in changes.items():
        file = copied / name / "finetune.json"
        file.write_text(file.read_text().replace(*change))
    comparison = read_comparison(copied)
    assert [method.seeds for method in comparison.methods] == [(0,), (), (0, 1)]
    assert (
        "Not counted: random-seed0 (fine-tuned with other settings), "
        "agent-seed1 (its fine-tuning was stopped early), "
        "random-seed1 (fine-tuned with other settings)."
    ) in table_text(comparison)


@pytest.mark.parametrize(
    ("momenta", "counted"),
    [
        ((0.9, None, 0.9), (0, 1, 2)),
        ((None, 0.9, 0.9), (0, 1, 2)),
        ((None, 0.9, 0.5), (0, 1)),
        ((0.9, None, 0.5), (0, 1)),
    ],
)
def test_settings_of_a_fine_tuning_that_are_not_known_are_no_other_ones(tmp_path, momenta, counted):
    plan = ComparisonPlan(("agent",), (0, 1, 2), "tiny", "random", 0.5, 6, finetune_epochs=1)
    tuned = FinetunedNetwork("learned", after=TestScore(0.8))
    for seed, momentum in enumerate(momenta):
        settings = None if momentum is None else {"epochs": 1, "momentum": momentum}
        place = tmp_path / run_folder("agent", seed)
        make_run(place, seed=seed)
        contents = file_contents(FinetuneFile(networks=(tuned,), settings=settings))
        (place / "finetune.json").write_text(json.dumps(contents))
    assert read_runs(tmp_path, plan).methods[0].seeds == counted


def test_the_notes_say_whose_weights_adapt():
    methods = ("agent", "gates_adapting", "agent_frozen")
    plan = ComparisonPlan(methods, (0,), "tiny", "digits", 0.5, 6)
    text = table_text(compare_runs(Path("compared"), plan, [], 0))
    assert "NAME_adapting: its masks train the network as the agent's do" in text
    assert "gates take gradient steps besides" in text
    plain = dataclasses.replace(plan, methods=("agent", "random"))
    text = table_text(compare_runs(Path("compared"), plain, [], 0))
    assert "NAME_adapting" not in text and "gradient steps" not in text


def test_all_budgets_are_named_and_what_is_kept_of_each():
    plan = ComparisonPlan(
        ("agent", "random"), (0, 1), "tiny", "digits", 0.5, 6, further_budgets={"params": 0.4}
    )
    runs = [
        dataclasses.replace(
            made(method, seed, 0.8), further_kept={"params": share, "size": 0.3} if share else {}
        )
        for method, seed, share in (
            *(("agent", 0, 0.38), ("agent", 1, 0.4)),
            *(("random", 0, 0.35), ("random", 1, None)),
        )
    ]
    comparison = compare_runs(Path("compared"), plan, runs, 4)
    text = table_text(comparison)
    assert "at most 50 % of the MACs and 40 % of the parameters, 6 evaluations" in text
    header, agent, random = (line.split("  ") for line in text.splitlines()[:3])
    assert [cell.strip() for cell in header if cell][-4:-2] == [
        "MACs kept, %",
        "parameters kept, %",
    ]
    assert [cell.strip() for cell in agent if cell][-4:-2] == ["50.0", "39.0"]
    assert [cell.strip() for cell in random if cell][-4:-2] == ["50.0", "35.0"]
    lines = list(csv.DictReader(csv_text(comparison).splitlines()))
    assert float(lines[0]["params_kept"]) == pytest.approx(0.39)
    again = json.loads(contents_text(comparison))["plan"]
    assert again["further_budgets"] == {"params": 0.4}
