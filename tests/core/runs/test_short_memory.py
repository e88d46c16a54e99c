"""A run whose memory runs out: what it has found is reported, and one sentence says the rest."""

import dataclasses
import json

import pytest
import torch

from core.config import RunConfig, SearchConfig
from core.errors import MemoryShortage
from core.events import CheckpointReached, NoticeRaised, RunReported, SearchFinished
from core.export import cut_network
from core.runs.flow import record_run
from core.runs.measuring import measure_run
from core.runs.resuming import resume_run
from tests.core.export.opened import half_mask, open_tiny
from tests.core.runs.test_resuming import are_same, without_exporters
from tests.core.short_memory import REFUSALS, ShortMemory
from tests.core.tiny import finish

CONFIG = RunConfig(
    network="tiny",
    data="random",
    latency=False,
    search=SearchConfig(evaluations=8, reward_images=8, samples_per_update=4, threads=1),
)
_ = without_exporters  # used by all tests here


def drive(events):
    """All events, and the MemoryShortage that ended them."""
    told = []
    with pytest.raises(MemoryShortage) as caught:
        for event in events:
            told.append(event)
    return told, caught.value


def test_memory_that_runs_out_after_the_search_leaves_its_report(monkeypatch, tmp_path):
    opened = open_tiny()
    memory = ShortMemory(monkeypatch, 64)
    events = record_run(opened, CONFIG, tmp_path)
    told = []
    with pytest.raises(MemoryShortage):
        for event in events:
            told.append(event)
            if isinstance(event, SearchFinished):
                memory.most = 0
    assert isinstance(told[-1], RunReported)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["export_error"].startswith("Memory ran out while fitting the norms (CUDA out of")
    assert report["pruned"]["macs_kept"] <= 0.5
    assert report["pruned"]["accuracy"] is None
    assert (tmp_path / "masks.npz").is_file()


def test_a_search_that_memory_ends_can_be_resumed(monkeypatch, tmp_path):
    opened = open_tiny()
    whole = list(record_run(opened, CONFIG, tmp_path / "whole"))
    memory = ShortMemory(monkeypatch, 64)
    events = record_run(opened, CONFIG, tmp_path / "broken")
    told = []
    with pytest.raises(MemoryShortage, match="while scoring a mask"):
        for event in events:
            told.append(event)
            if getattr(event, "evaluation", 0) == 6:
                memory.most = 0
    assert (tmp_path / "broken" / "checkpoint.pt").is_file()
    memory.most = 64
    resumed = list(resume_run(opened, tmp_path / "broken"))
    assert are_same(resumed, whole)


def test_a_resumed_search_says_once_that_the_refit_is_measured_in_halves(monkeypatch, tmp_path):
    opened = open_tiny()
    search = dataclasses.replace(CONFIG.search, reward="refit")
    config = dataclasses.replace(CONFIG, search=search)
    ShortMemory(monkeypatch, 20)  # of 40 images at once
    whole = list(record_run(opened, config, tmp_path / "whole"))
    run = record_run(opened, config, tmp_path / "broken")
    next(event for event in run if isinstance(event, CheckpointReached))
    run.close()
    resumed = list(resume_run(opened, tmp_path / "broken"))
    for events in (whole, resumed):
        told = [event.message for event in events if isinstance(event, NoticeRaised)]
        assert len([words for words in told if "while measuring what layers read" in words]) == 1
    assert are_same(resumed, whole)


def test_any_other_allocation_is_told_with_the_way_to_go_on(monkeypatch, tmp_path):
    opened = open_tiny()

    def run_search(opened, config):
        yield from ()
        raise REFUSALS["cpu"]()

    monkeypatch.setattr("core.runs.flow.run_search", run_search)
    _, error = drive(record_run(opened, CONFIG, tmp_path))
    assert str(error).startswith("Memory ran out while searching (DefaultCPUAllocator: can't")
    assert "espalier resume" in str(error)


def test_a_latency_for_which_memory_does_not_suffice_leaves_the_run(monkeypatch, tmp_path):
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    pruned = cut_network(opened, keep, torch.device("cpu"))
    ShortMemory(monkeypatch, 0, "cpu")
    events, measured = finish(measure_run(opened, pruned, keep, tmp_path))
    assert measured.rows == []
    said = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert said[-1].startswith("Memory ran out while measuring what a run needs (")
