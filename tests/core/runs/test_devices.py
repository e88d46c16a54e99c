"""What a GPU would be given, without one: tensors without values stand for its own."""

import copy

import pytest
import torch

from core.config import RunConfig
from core.config.searching import SearchConfig
from core.events import SearchFinished, StopRequested
from core.runs import flow
from core.runs.report import RunResult
from core.scoring import MaskScorer
from core.search import run_search
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain
from tests.unusual_networks import TiedConvolutions

META = torch.device("meta")


def device_of(module: torch.nn.Module) -> str:
    return next(module.parameters()).device.type


def test_all_networks_are_on_the_device_that_reads_the_test_images(monkeypatch):
    opened, seen = open_tiny(Chain), {}
    config = RunConfig(search=SearchConfig(evaluations=2, samples_per_update=2, threads=1))
    *_, finished = run_search(opened, config.search)
    assert isinstance(finished, SearchFinished)

    def reading(modules, part, *, device, stage):
        seen.update({name: device_of(module) for name, module in modules.items()})
        raise StopRequested
        yield

    # cut networks come on the CPU, whatever they were cut on
    whole = opened.network.module
    monkeypatch.setattr(flow, "cut_network", lambda *given: copy.deepcopy(whole))
    monkeypatch.setattr(flow, "resolve_device", lambda name: META)
    monkeypatch.setattr(flow, "read_part", reading)
    with pytest.raises(StopRequested):
        finish(flow._judge(opened, config, RunResult(finished)))
    assert len(seen) == 2 + len(finished.criteria)
    assert set(seen.values()) == {"meta"}
    assert device_of(whole) == "cpu"


def test_tied_weights_stay_tied_on_another_device():
    opened = open_tiny(TiedConvolutions)
    scorer = MaskScorer(opened.network.module, opened.analysis.plan, META)
    state = scorer.weights.state
    assert state["one.weight"] is state["other.weight"]
    assert state["one.weight"].device == META
    assert state["one.bias"] is not state["other.bias"]
