"""A run's files: written while a search goes on, complete at its end, safe when things break."""

import dataclasses
import json
import shutil
import time
import tomllib
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from core.config import RunConfig, SearchConfig
from core.errors import ConfigError, ParityError, RunError
from core.events import (
    BestChanged,
    CandidateEvaluated,
    ExportFinished,
    NoticeRaised,
    PolicyUpdated,
    RecordingFailed,
    RunReported,
    SearchFinished,
    SearchStarted,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.export import EXPORTERS, Exporter
from core.runs.files import TRAJECTORY_HEADER, default_runs_folder, new_run_folder
from core.runs.flow import record_run
from tests.core.export.opened import RandomPart, build_tiny, half_mask, open_tiny

CONFIG = RunConfig(
    network="tiny",
    data="random",
    latency=False,
    search=SearchConfig(evaluations=3, threads=1),
)
REPORT_KEYS = {
    "network",
    "dataset",
    "seed",
    "macs_budget",
    "evaluations",
    "baseline",
    "pruned",
    "criteria",
    "parity",
    "approximate",
    "thop",
    "seconds",
}


@dataclass(frozen=True, eq=False)
class CountingPart(RandomPart):
    """A test part that counts how often each image is read."""

    reads: np.ndarray = field(default_factory=lambda: np.zeros(40, dtype=int))

    def batch(self, indices):
        np.add.at(self.reads, indices, 1)
        return super().batch(indices)


@dataclass
class FakeSearch:
    """Stands in for run_search: three candidates, the second and third each the best so far."""

    channel_count: int
    heard_stops: int = 0

    def __call__(self, opened, config):
        keep = half_mask(self.channel_count)
        yield SearchStarted(3, 0.5, 1000, 100, 0.9, 0.3, 0.1)
        evaluation = 0
        try:
            for evaluation in (1, 2, 3):
                yield make_candidate(evaluation, keep)
                if evaluation > 1:
                    yield BestChanged(evaluation, keep, 0.5, 0.6, 1.2)
                yield PolicyUpdated(
                    1, np.where(keep, 0.9, 0.2).astype(np.float32), keep, 0.0, 0.0, 0.1, 0.0, 0.0
                )
        except StopRequested:
            self.heard_stops += 1
        yield SearchFinished(
            keep=keep,
            macs_kept=0.4,
            accuracy=0.7,
            cross_entropy=1.0,
            evaluations=evaluation,
            criteria={"l1_uniform": ~keep, "random_uniform": keep},
            seconds={"total": 2.0, "analysis": 0.5, "evaluation": 1.0, "policy": 0.25},
            is_stopped=self.heard_stops > 0,
        )


def make_candidate(evaluation: int, keep) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation=evaluation,
        update=1,
        keep=keep,
        macs_kept=0.5,
        accuracy=0.25,
        cross_entropy=1.5,
        reward=-1.5,
        ema_accuracy=0.25,
        meets_budget=True,
        seconds=0.1 * evaluation,
    )


@pytest.fixture
def opened():
    return open_tiny()


@pytest.fixture
def search(monkeypatch, opened):
    """A fake search, and no exporter but the comparison of cut and masked."""
    fake = FakeSearch(opened.analysis.groups.channel_count)
    monkeypatch.setattr("core.runs.flow.run_search", fake)
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    return fake


def of_type(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_the_searchs_events_pass_through_in_their_order(search, opened, tmp_path):
    events = list(record_run(opened, CONFIG, tmp_path / "run"))
    names = [type(event).__name__ for event in events]
    assert names[:4] == [
        "SearchStarted",
        "CandidateEvaluated",
        "PolicyUpdated",
        "CandidateEvaluated",
    ]
    assert names[-1] == "RunReported"
    assert names.index("SearchFinished") < names.index("ExportFinished")


def test_the_report_has_the_keys_that_were_agreed(search, opened, tmp_path):
    events = list(record_run(opened, CONFIG, tmp_path / "run"))
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert set(report) >= REPORT_KEYS
    scores = {"accuracy", "cross_entropy"}
    assert set(report["baseline"]) == scores | {"macs", "params", "file_bytes"}
    assert set(report["pruned"]) == scores | {"macs", "macs_kept", "params", "file_bytes"}
    assert set(report["criteria"]) == {"l1_uniform", "random_uniform"}
    assert set(report["criteria"]["l1_uniform"]) == scores | {"macs_kept"}
    assert set(report["parity"]) == {"hard_vs_soft", "reloaded", "onnx"}
    assert set(report["thop"]) == {"macs", "difference"}
    assert set(report["seconds"]) >= {"total", "analysis", "evaluation", "policy"}
    assert report == json.loads(json.dumps(events[-1].report))


def test_a_pause_after_the_search_is_not_counted(search, opened, tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    for event in record_run(opened, CONFIG, tmp_path / "run"):
        if isinstance(event, StageStarted | StageAdvanced | ExportFinished):
            now[0] += 3600.0  # before anybody asks for the next event
    seconds = json.loads((tmp_path / "run" / "report.json").read_text())["seconds"]
    assert now[0] > 3700.0
    assert (seconds["test"], seconds["export"]) == (0.0, 0.0)
    assert seconds["total"] == pytest.approx(opened.analysis_seconds + 2.0)


def test_the_reports_numbers_are_those_of_the_tiny_network(search, opened, tmp_path):
    (reported,) = of_type(record_run(opened, CONFIG, tmp_path), RunReported)
    report = reported.report
    # 64 positions x (stem 8*3*9 + widen 12*8 + depthwise 12*9 + narrow 8*12) + classifier 4*8
    assert report["baseline"]["macs"] == 64 * (216 + 96 + 108 + 96) + 32
    # every second channel gone: 4*3*9 + 6*4 + 6*9 + 4*6, and 4*4
    assert report["pruned"]["macs"] == 64 * (108 + 24 + 54 + 24) + 16
    assert report["pruned"]["macs_kept"] == pytest.approx(13456 / 33056)
    assert report["thop"] == {"macs": 13456, "difference": 0.0}
    assert report["parity"]["hard_vs_soft"] < 1e-5
    assert report["criteria"]["random_uniform"] == {
        name: report["pruned"][name] for name in ("accuracy", "cross_entropy", "macs_kept")
    }
    assert report["pruned"]["cross_entropy"] > 0
    assert report["pruned"]["params"] == sum(
        p.numel() for p in pruned_parameters(opened, half_mask(search.channel_count))
    )
    assert report["pruned"]["file_bytes"] < report["baseline"]["file_bytes"]
    assert report["evaluations"] == 3
    assert report["stopped"] is False
    assert report["is_labelled"] is True


def pruned_parameters(opened, keep):
    from core.pruning.surgery import prune_network

    return prune_network(opened.network.module, opened.analysis.plan, keep).parameters()


def test_refitted_networks_are_exported_and_reported_before_and_after(search, opened, tmp_path):
    config = dataclasses.replace(CONFIG, refit=True)
    part = CountingPart(seed=3)
    object.__setattr__(opened.images, "test", part)
    (reported,) = of_type(record_run(opened, config, tmp_path), RunReported)
    report = reported.report
    plain = of_type(record_run(opened, CONFIG, tmp_path / "plain"), RunReported)[0].report
    assert plain["before_refit"] == {}
    scores = ("accuracy", "cross_entropy")
    assert report["before_refit"]["pruned"] == {name: plain["pruned"][name] for name in scores}
    assert set(report["before_refit"]) == {"pruned", *report["criteria"]}
    assert report["pruned"]["cross_entropy"] != plain["pruned"]["cross_entropy"]
    # the criterion of the same mask is treated alike
    for name in scores:
        assert report["criteria"]["random_uniform"][name] == report["pruned"][name]
    # cut and masked network agree after the refit as well
    assert report["export_error"] is None
    assert 0 <= report["parity"]["hard_vs_soft"] < 1e-5
    assert part.reads.tolist() == [2] * 40  # once for each of both runs


def test_every_test_image_is_read_exactly_once(search, opened, tmp_path):
    part = CountingPart(seed=3)
    object.__setattr__(opened.images, "test", part)
    list(record_run(opened, CONFIG, tmp_path))
    assert part.reads.tolist() == [1] * 40


def test_the_opened_network_is_left_as_it_was(search, opened, tmp_path):
    before = {k: v.clone() for k, v in opened.network.module.state_dict().items()}
    list(record_run(opened, CONFIG, tmp_path))
    after = opened.network.module.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_settings_and_trajectory_are_written_while_it_goes(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    while not isinstance(next(run), CandidateEvaluated):
        pass
    settings = tomllib.loads((tmp_path / "config.toml").read_text())
    assert settings["search"]["evaluations"] == 3
    lines = (tmp_path / "trajectory.csv").read_text().splitlines()
    assert lines[0] == ",".join(TRAJECTORY_HEADER)
    assert lines[1] == "1,1,0.5,0.25,1.5,-1.5,0.25,1,0.1"
    run.close()
    assert not (tmp_path / "report.json").exists()


def test_the_best_mask_is_on_disk_as_soon_as_it_is_known(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    while not isinstance(next(run), BestChanged):
        assert not (tmp_path / "masks.npz").exists()
    with np.load(tmp_path / "masks.npz", allow_pickle=False) as arrays:
        assert arrays["best"].tolist() == half_mask(search.channel_count).tolist()
        assert not arrays["is_final"]
    run.close()


def test_final_masks_have_the_criteria_and_the_policys_probabilities(search, opened, tmp_path):
    list(record_run(opened, CONFIG, tmp_path))
    keep = half_mask(search.channel_count)
    with np.load(tmp_path / "masks.npz", allow_pickle=False) as arrays:
        assert arrays["is_final"]
        assert arrays["criteria_names"].tolist() == ["l1_uniform", "random_uniform"]
        assert (arrays["criteria"] == np.stack([~keep, keep])).all()
        assert (arrays["last"] == keep).all()
        assert arrays["keep_probability"][:2].tolist() == pytest.approx([0.9, 0.2])
        assert arrays["group_names"].tolist() == ["stem", "widen"]
        assert arrays["group_of_channel"].tolist() == [0] * 8 + [1] * 12


def test_a_stop_ends_the_search_and_the_run_still_has_all_its_files(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    while not isinstance(next(run), BestChanged):
        pass
    events = [run.throw(StopRequested()), *run]
    report = events[-1].report
    assert search.heard_stops == 1
    assert report["stopped"] is True
    assert report["evaluations"] == 2
    assert report["pruned"]["accuracy"] is not None
    assert report["parity"]["hard_vs_soft"] is not None


def test_a_stop_at_the_very_end_of_the_search_loses_nothing(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    while not isinstance(next(run), SearchFinished):
        pass
    events = [run.throw(StopRequested()), *run]
    assert events[-1].report["pruned"]["accuracy"] is not None


def test_a_stop_after_the_search_skips_to_the_report(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    for event in run:
        if isinstance(event, StageStarted) and "test" in event.stage:
            break
    events = [run.throw(StopRequested()), *run]
    report = json.loads((tmp_path / "report.json").read_text())
    words = "Stopped: the test images were not read and nothing was exported."
    assert events[0] == NoticeRaised(words)
    assert isinstance(events[-1], RunReported)
    assert report["stopped"] is True
    assert report["pruned"]["accuracy"] is None
    assert report["pruned"]["macs"] == 13456


def test_a_stop_of_the_export_says_that_the_test_images_were_read(search, opened, tmp_path):
    run = record_run(opened, CONFIG, tmp_path)
    for event in run:
        if isinstance(event, StageStarted) and event.stage.startswith("Comparing the cut"):
            break
    events = [run.throw(StopRequested()), *run]
    assert NoticeRaised("Stopped: nothing was exported.") in events
    assert events[-1].report["pruned"]["accuracy"] is not None
    assert not list(tmp_path.glob("pruned*"))


def test_an_unwritable_folder_is_refused_before_the_search(search, opened, tmp_path):
    (tmp_path / "file").write_text("")
    run = record_run(opened, CONFIG, tmp_path / "file" / "run")
    with pytest.raises(RunError, match="Choose another folder"):
        next(run)


def test_a_folder_that_vanishes_is_said_once_and_the_files_go_elsewhere(
    search, opened, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "run"
    events = []
    for event in record_run(opened, CONFIG, folder):
        events.append(event)
        if isinstance(event, SearchStarted):
            shutil.rmtree(folder)
            folder.write_text("a file where the folder was")
    failures = of_type(events, RecordingFailed)
    assert len(failures) == 1
    assert str(folder) in failures[0].message
    assert "best mask stays in memory" in failures[0].message
    assert len(of_type(events, CandidateEvaluated)) == 3
    place = default_runs_folder() / "run-saved"
    assert events[-1].folder == str(place)
    assert any(str(place) in notice.message for notice in of_type(events, NoticeRaised))
    assert {file.name for file in place.iterdir()} == {
        "config.toml",
        "environment.json",
        "trajectory.csv",
        "events.jsonl",
        "masks.npz",
        "candidates.npz",
        "report.json",
        "report.html",
    }
    assert len((place / "trajectory.csv").read_text().splitlines()) == 4


def test_a_disk_that_fills_for_a_while_loses_no_line(search, opened, tmp_path):
    folder, away = tmp_path / "run", tmp_path / "away"
    events = []
    for event in record_run(opened, CONFIG, folder):
        events.append(event)
        if isinstance(event, SearchStarted):
            folder.rename(away)
        if isinstance(event, BestChanged) and event.evaluation == 2:
            away.rename(folder)
    assert len(of_type(events, RecordingFailed)) == 1
    assert events[-1].folder == str(folder)
    lines = (folder / "trajectory.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_a_folder_too_full_for_the_exports_sends_them_elsewhere(
    search, opened, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def write(pruned, stage):
        if stage.parent == tmp_path / "run":
            raise OSError(28, "No space left on device")
        (stage / "weights").write_text("all of them")

    exporter = Exporter("Stub", ("weights",), "reloaded", write, None, lambda *args: iter(()))
    monkeypatch.setitem(EXPORTERS, "stub", exporter)
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {"stub": exporter})
    events = list(record_run(opened, CONFIG, tmp_path / "run"))
    place = default_runs_folder() / "run-saved"
    assert len(of_type(events, RecordingFailed)) == 1
    assert events[-1].folder == str(place)
    assert events[-1].report["export_error"] is None
    assert (place / "weights").read_text() == "all of them"
    assert {"masks.npz", "report.json"} <= {file.name for file in place.iterdir()}


def test_a_search_that_does_not_begin_leaves_an_earlier_run_alone(opened, tmp_path, monkeypatch):
    def refuse(opened, config):
        yield StageStarted("Checking")
        raise ConfigError("Setting 'reward' must be another.")

    monkeypatch.setattr("core.runs.flow.run_search", refuse)
    (tmp_path / "report.json").write_text("precious")
    with pytest.raises(ConfigError):
        list(record_run(opened, CONFIG, tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_refused_export_is_reported_first_and_raised_last(search, opened, tmp_path, monkeypatch):
    monkeypatch.setattr("core.export.pruned.mask_state", lambda plan, state, keep: state)
    run = record_run(opened, CONFIG, tmp_path)
    events = []
    with pytest.raises(ParityError):
        for event in run:
            events.append(event)
    report = json.loads((tmp_path / "report.json").read_text())
    assert isinstance(events[-1], RunReported)
    assert "refused" in report["export_error"]
    assert report["pruned"]["accuracy"] is not None


def test_run_folders_are_new_and_speak_for_themselves(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = new_run_folder(CONFIG)
    assert folder.parent == default_runs_folder()
    assert folder.name.endswith("_tiny_50")
    assert not folder.exists()
