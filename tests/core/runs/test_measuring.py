"""The last stage of a run: latency, memory and what is said of them."""

import json
from dataclasses import replace

import pytest
import torch

from core.events import NoticeRaised, StageStarted, StopRequested
from core.export import cut_network
from core.export.latency import LatencyRow
from core.runs.flow import record_run
from core.runs.measuring import latency_note, measure_run, odd_widths
from tests.core.export.opened import half_mask, open_tiny
from tests.core.export.test_latency import finish
from tests.core.runs.test_runs import CONFIG, FakeSearch, build_tiny


@pytest.fixture(autouse=True)
def _no_time(monkeypatch):
    """One pair of runs of batch 1 for each runtime."""
    measure = measure_run.__globals__["measure_latency"]
    monkeypatch.setattr(
        "core.runs.measuring.measure_latency", lambda runtimes: measure(runtimes, seconds=0.0)
    )


@pytest.fixture
def opened():
    return open_tiny()


def measured_run(opened, folder):
    keep = half_mask(opened.analysis.groups.channel_count)
    return measure_run(opened, cut_network(opened, keep, torch.device("cpu")), keep, folder)


def row(before, after, batch=1):
    return LatencyRow("ONNX Runtime", "CPU", 1, batch, before, before, after, after, 9)


def test_pytorch_is_measured_where_nothing_was_exported(opened, tmp_path):
    _, measured = finish(measured_run(opened, tmp_path))
    assert measured.not_measured == {"ONNX Runtime": "pruned.onnx was not exported"}
    assert [one.runtime for one in measured.rows] == ["PyTorch", "PyTorch channels_last"]
    assert measured.peak_bytes["pruned"] < measured.peak_bytes["baseline"]
    assert json.loads(json.dumps(measured.as_report()))["latency"][0]["batch"] == 1


def test_a_stop_leaves_the_rest_of_the_run(opened, tmp_path):
    events = measured_run(opened, tmp_path)
    while next(events) != StageStarted("Measuring latency", 4):
        pass
    notice = events.throw(StopRequested())
    assert notice == NoticeRaised("Stopped: the latency of this run is not measured.")
    with pytest.raises(StopIteration) as end:
        next(events)
    assert end.value.value.as_report()["latency"] == []


def test_layers_with_odd_widths_are_named(opened):
    keep = half_mask(opened.analysis.groups.channel_count)
    assert odd_widths(opened.analysis, keep) == {
        "stem": 4,
        "widen": 6,
        "depthwise": 6,
        "narrow": 4,
    }
    assert set(odd_widths(opened.analysis, keep, 4)) == {"widen", "depthwise"}
    assert odd_widths(opened.analysis, keep | True) == {}


def test_nothing_is_said_where_all_is_faster():
    assert latency_note([row(3.0, 2.0), row(90.0, 60.0, 32)], {"stem": 13}) is None


def test_what_is_not_faster_is_said_with_the_layers():
    odd = {f"layer{number}": number for number in range(13, 20)}
    note = latency_note([row(3.0, 2.0), row(60.0, 60.5, 32)], odd)
    assert note.startswith(
        "Fewer MACs are not faster here: ONNX Runtime at batch 32 (60.00 ms before, 60.50 ms after)"
    )
    assert "layer13 (13)" in note
    assert "layer17 (17) and 2 more" in note
    assert "--round-to 8" in note
    assert "multiple" not in latency_note([row(1.0, 1.0)], {})


def run_of(monkeypatch, opened, folder, config):
    monkeypatch.setattr(
        "core.runs.flow.run_search", FakeSearch(opened.analysis.groups.channel_count)
    )
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    list(record_run(opened, config, folder))
    return json.loads((folder / "report.json").read_text())


def test_a_run_reports_its_latency(monkeypatch, opened, tmp_path):
    report = run_of(monkeypatch, opened, tmp_path, replace(CONFIG, latency=True))
    assert {one["runtime"] for one in report["latency"]} == {"PyTorch", "PyTorch channels_last"}
    assert set(report["peak_activation_bytes"]) == {"baseline", "pruned"}
    assert report["seconds"]["latency"] >= 0


def test_a_run_without_latency_says_nothing_of_it(monkeypatch, opened, tmp_path):
    report = run_of(monkeypatch, opened, tmp_path, CONFIG)
    assert report["latency"] == []
    assert "latency" not in report["seconds"]
