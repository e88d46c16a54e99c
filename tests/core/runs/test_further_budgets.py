"""A run under several budgets: its files, its report, and how it goes on after a break."""

import contextlib
import csv
import dataclasses
import json

import numpy as np
import pytest
import torch

from core.config import RunConfig, SearchConfig
from core.errors import BudgetError, RunError
from core.events import (
    CandidateEvaluated,
    CheckpointReached,
    LatencyTableMeasured,
    NoticeRaised,
    RunReported,
    SearchFinished,
    StageStarted,
    StopRequested,
)
from core.pruning.latency_table import LatencyCost, LatencyTable
from core.runs.flow import record_run
from core.runs.prediction import STAGE, Prediction, measure_prediction
from core.runs.replay import replay_run
from core.runs.resuming import resume_run
from core.runs.rounding import round_run, rounded_settings
from tests.core.export.opened import build_tiny, open_tiny
from tests.core.made_up_times import MadeUpTimer
from tests.core.runs.test_resuming import are_same
from tests.core.tiny import finish

SEARCH = SearchConfig(
    evaluations=8,
    macs_budget=0.8,
    params_budget=0.7,
    latency_budget=0.9,
    reward_images=8,
    samples_per_update=4,
    threads=1,
)
CONFIG = RunConfig(network="tiny", data="random", latency=False, search=SEARCH)


@pytest.fixture(autouse=True)
def made_up_machine(monkeypatch):
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    for place in ("core.search.layer_timing", "core.runs.prediction"):
        monkeypatch.setattr(f"{place}.make_timer", lambda device, shape, batch: MadeUpTimer(batch))


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_the_files_of_a_run_tell_all_budgets(tmp_path):
    opened = open_tiny()
    events = list(record_run(opened, CONFIG, tmp_path))
    (told,), (finished,) = of_kind(events, LatencyTableMeasured), of_kind(events, SearchFinished)
    written = json.loads((tmp_path / "latency_table.json").read_text())
    table = LatencyTable.from_dict(written)
    assert table == LatencyTable.from_dict(told.table)
    share = float(LatencyCost(opened.analysis, table).share(finished.keep))
    assert finished.further_kept["latency"] == share <= 0.9

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["further_budgets"] == {
        "params": {
            "budget": 0.7,
            "kept": report["pruned"]["params"] / report["baseline"]["params"],
        },
        "latency": {"budget": 0.9, "kept": share},
    }
    assert report["latency_prediction"]["predicted_kept"] == pytest.approx(share)
    assert report["latency_prediction"]["measured_kept"] is None
    assert "was not measured" in report["latency_prediction"]["note"]
    page = (tmp_path / "report.html").read_text()
    assert "80.0 % of its MACs, 70.0 % of its parameters and 90.0 % of its predicted" in page

    with (tmp_path / "trajectory.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, event in zip(rows, of_kind(events, CandidateEvaluated), strict=True):
        assert float(row["params_kept"]) == round(event.further_kept["params"], 6) <= 0.7
        assert float(row["latency_kept"]) == round(event.further_kept["latency"], 6) <= 0.9


def test_a_budget_refused_after_the_timing_leaves_no_folder(tmp_path):
    low = dataclasses.replace(CONFIG, search=dataclasses.replace(SEARCH, latency_budget=0.01))
    with pytest.raises(BudgetError, match="predicted latency cannot be reached"):
        list(record_run(open_tiny(), low, tmp_path / "runs" / "first"))
    assert list((tmp_path / "runs").iterdir()) == []
    with pytest.raises(BudgetError):
        list(record_run(open_tiny(), low, tmp_path / "runs"))  # somebody made that one
    assert list((tmp_path / "runs").iterdir()) == []
    run = record_run(open_tiny(), CONFIG, tmp_path / "stopped")
    with pytest.raises(StopRequested):
        next(run)
        run.throw(StopRequested())
    assert not (tmp_path / "stopped").exists()


def test_a_run_tells_its_budgets_again(tmp_path):
    events = list(record_run(open_tiny(), CONFIG, tmp_path))
    assert are_same(list(replay_run(tmp_path, open_tiny())), events)


def test_a_log_from_before_there_were_further_budgets_is_read(tmp_path):
    config = dataclasses.replace(CONFIG, search=dataclasses.replace(SEARCH, latency_budget=1.0))
    list(record_run(open_tiny(), config, tmp_path))
    log = tmp_path / "events.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for values in lines:
        values.pop("further_kept", None)
        values.pop("further_budgets", None)
    log.write_text("".join(f"{json.dumps(values)}\n" for values in lines))
    candidates = of_kind(replay_run(tmp_path), CandidateEvaluated)
    assert len(candidates) == 8 and all(event.further_kept == {} for event in candidates)


def test_a_run_goes_on_with_the_table_of_its_first_half(tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    events = list(record_run(open_tiny(), CONFIG, whole))
    run = record_run(open_tiny(), CONFIG, cut)
    with contextlib.closing(run):
        next(event for event in run if isinstance(event, CheckpointReached))
    before = (cut / "latency_table.json").read_text()
    (cut / "latency_table.json").unlink()  # somebody tidied up; the checkpoint has it too
    monkeypatch.setattr("core.search.layer_timing.make_timer", None)
    resumed = list(resume_run(open_tiny(), cut))
    assert are_same(resumed, events)
    assert (cut / "latency_table.json").read_text() == before
    header = (cut / "trajectory.csv").read_text().splitlines()[0]
    assert header.endswith("seconds,params_kept,latency_kept")


def test_a_new_run_does_not_take_the_table_of_an_earlier_one_for_its_own(tmp_path):
    list(record_run(open_tiny(), CONFIG, tmp_path))
    plain = dataclasses.replace(CONFIG, search=dataclasses.replace(SEARCH, latency_budget=1.0))
    list(record_run(open_tiny(), plain, tmp_path))
    assert not (tmp_path / "latency_table.json").exists()
    assert (tmp_path / "earlier-1" / "latency_table.json").exists()


@pytest.fixture
def with_latency(monkeypatch):
    """Only the prediction is measured at the end of a run."""

    def nothing(opened, module, recorder, result):
        yield StageStarted("Measuring latency")

    monkeypatch.setattr("core.runs.flow._measure", nothing)
    return dataclasses.replace(CONFIG, latency=True)


def test_the_prediction_is_compared_with_the_real_networks(tmp_path, with_latency):
    events = list(record_run(open_tiny(), with_latency, tmp_path))
    prediction = events[-1].report["latency_prediction"]
    # the made-up network takes what its layers predict
    assert prediction["measured_before_ms"] == pytest.approx(prediction["predicted_before_ms"])
    assert prediction["measured_kept"] == pytest.approx(prediction["predicted_kept"], abs=0.02)
    assert prediction["note"].startswith("Latency predicted from its layers: ")


def test_a_stop_leaves_the_prediction_and_the_report(tmp_path, with_latency):
    run = record_run(open_tiny(), with_latency, tmp_path)
    for event in run:
        if isinstance(event, StageStarted) and event.stage == STAGE:
            break
    words = "Stopped: the predicted latency is not compared with the real one."
    assert run.throw(StopRequested()) == NoticeRaised(words)
    reported = list(run)[-1]
    assert isinstance(reported, RunReported)
    assert reported.report["latency_prediction"]["measured_kept"] is None


def prediction(measured: tuple[float, float] | None) -> Prediction:
    before, after = measured or (None, None)
    return Prediction("CPU", 2, 1, 0.6, 2.0, 1.1, before, after)


def test_a_real_network_that_is_slower_than_predicted_is_said():
    assert prediction((2.0, 1.15)).sentence() == (
        "Latency predicted from its layers: 55.0 % kept (2.00 to 1.10 ms; PyTorch, CPU, batch 1, "
        "threads 2); measured: 57.5 % (2.00 to 1.15 ms)."
    )
    slow = prediction((2.0, 1.4)).sentence()
    assert (
        "measured: 70.0 % (2.00 to 1.40 ms). The real network is above the budget of 60 %" in slow
    )
    assert prediction(None).sentence().endswith("; the whole network was not measured.")
    assert prediction((2.0, 1.4)).as_report()["measured_kept"] == 0.7


def test_a_mask_s_shares_go_through_the_log_to_the_bit(tmp_path):
    events = list(record_run(open_tiny(), CONFIG, tmp_path))
    again = of_kind(replay_run(tmp_path), CandidateEvaluated)
    for one, other in zip(of_kind(events, CandidateEvaluated), again, strict=True):
        assert one.further_kept == other.further_kept
        assert np.array_equal(one.keep, other.keep)


def test_a_rounded_run_holds_the_latency_budget_with_the_same_table(tmp_path, monkeypatch):
    opened, source = open_tiny(), tmp_path / "run"
    list(record_run(opened, CONFIG, source))

    def narrower(bench, keep, priority):
        fewer = keep.copy()
        fewer[np.flatnonzero(keep)[-1]] = False
        return fewer, "One channel fewer."

    monkeypatch.setattr("core.runs.rounding.round_winner", narrower)
    config = rounded_settings(source, 4)
    events = list(round_run(opened, config, source, tmp_path / "rounded"))
    (finished,) = of_kind(events, SearchFinished)
    assert 0 < finished.further_kept["latency"] <= 0.9
    tables = [tmp_path / name / "latency_table.json" for name in ("run", "rounded")]
    assert tables[0].read_text() == tables[1].read_text()
    report = json.loads((tmp_path / "rounded" / "report.json").read_text())
    assert report["further_budgets"]["latency"]["kept"] == finished.further_kept["latency"]
    (source / "latency_table.json").unlink()
    with pytest.raises(RunError, match="Cannot hold the latency budget"):
        list(round_run(opened, config, source, tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_a_prediction_for_another_device_is_not_compared():
    opened, given = open_tiny(), Prediction("A GPU", 1, 1, 0.5, 2.0, 1.0)
    measuring = measure_prediction(opened, opened.network.module, torch.device("cpu"), given)
    events, prediction = finish(measuring)
    assert prediction == given
    (notice,) = [event for event in events if isinstance(event, NoticeRaised)]
    assert notice.message == (
        "The predicted latency is that of A GPU, and this is CPU, so the two are not compared."
    )
