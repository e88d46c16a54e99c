"""Latency: turns, medians and bounds, by a clock that only a run moves on."""

from functools import partial

import pytest
import torch
from torch import nn

from core.events import NoticeRaised, StageAdvanced, StageStarted, StopRequested
from core.export import latency
from core.export.latency import (
    LARGE_BATCH,
    LatencyRow,
    Runtime,
    affordable_batch,
    measure_latency,
    quantile,
    torch_runtimes,
)
from core.export.memory import peak_activation_bytes
from tests.core.export.opened import build_tiny


class FakeClock:
    """Time that passes only while a network runs; keeps who ran."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def __call__(self) -> float:
        return self.now

    def run(self, name: str, seconds: float) -> None:
        self.ran.append(name)
        self.now += seconds

    def runtime(self, before: float, after: float, name: str = "PyTorch") -> Runtime:
        """A runtime whose networks take so many seconds an image."""
        return Runtime(
            name,
            "CPU",
            1,
            lambda batch: (
                lambda: self.run("before", before * batch),
                lambda: self.run("after", after * batch),
            ),
        )


def finish(events):
    """All events, and what the generator returns."""
    told = []
    while True:
        try:
            told.append(next(events))
        except StopIteration as end:
            return told, end.value


def row(before, after):
    return LatencyRow("PyTorch", "CPU", 1, 1, before, before, after, after, 5)


def test_a_network_of_half_the_time_is_twice_as_fast_at_both_batches():
    clock = FakeClock()
    _, result = finish(measure_latency([clock.runtime(0.002, 0.001)], seconds=100, clock=clock))
    assert [(one.batch, one.runs) for one in result.rows] == [(1, 200), (LARGE_BATCH, 200)]
    for one in result.rows:
        assert one.before_p50_ms == pytest.approx(2 * one.batch)
        assert one.after_p95_ms == pytest.approx(one.batch)
        assert one.speedup == pytest.approx(2)


def test_before_and_after_take_turns_and_change_who_is_first():
    clock = FakeClock()
    finish(measure_latency([clock.runtime(1, 1)], seconds=20, clock=clock))
    warm_up = ["before", "after"] * 2
    assert clock.ran[:8] == [*warm_up, "before", "after", "after", "before"]


def test_slow_networks_end_in_time_and_take_the_batch_that_fits():
    clock = FakeClock()
    _, result = finish(measure_latency([clock.runtime(0.1, 0.1)], seconds=10, clock=clock))
    # 5 s a row: 5 pairs of batch 4 take 4 s, of batch 8 twice that
    assert [one.batch for one in result.rows] == [1, 4]
    assert clock.now < 11


def test_a_network_slower_than_the_time_is_measured_once():
    clock = FakeClock()
    _, result = finish(measure_latency([clock.runtime(60, 30)], seconds=1, clock=clock))
    assert [(one.batch, one.runs) for one in result.rows] == [(1, 1)]
    assert clock.now == 180  # one pair of warm-up, one that counts


@pytest.mark.parametrize(
    ("pair_ms", "seconds", "batch"), [(10, 1.6, 32), (10, 1.5, 16), (9e9, 1, 1)]
)
def test_five_pairs_of_the_larger_batch_must_fit(pair_ms, seconds, batch):
    assert affordable_batch(row(pair_ms / 2, pair_ms / 2), seconds) == batch


def test_a_runtime_that_fails_is_named_and_the_others_are_measured():
    clock = FakeClock()

    def fail(batch):
        raise RuntimeError("no such layout\nat line 3")

    runtimes = [Runtime("odd", "CPU", 1, fail), clock.runtime(0.1, 0.1)]
    _, result = finish(measure_latency(runtimes, seconds=5, clock=clock))
    assert result.not_measured == {"odd": "RuntimeError: no such layout."}
    assert {one.runtime for one in result.rows} == {"PyTorch"}


def test_a_stop_between_two_runs_ends_it():
    clock = FakeClock()
    events = measure_latency([clock.runtime(1, 1)], seconds=100, clock=clock)
    assert next(events) == StageStarted("Measuring latency", 2)
    assert next(events) == StageAdvanced(0)
    with pytest.raises(StopRequested):
        events.throw(StopRequested())
    assert clock.ran == ["before", "after"]


def test_quantiles_lie_between_the_values():
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([0, 100], 0.95) == pytest.approx(95)
    assert quantile([7], 0.95) == 7


def test_pytorch_runs_in_both_layouts_and_leaves_the_networks_alone():
    before, after = build_tiny(), build_tiny(seed=2)
    runtimes = torch_runtimes(before, after, (3, 8, 8))
    assert [one.name for one in runtimes[:2]] == ["PyTorch", "PyTorch channels_last"]
    _, result = finish(measure_latency(runtimes[:2], seconds=0.0))
    assert not result.not_measured
    assert all(one.before_p50_ms > 0 and one.threads >= 1 for one in result.rows)
    assert before.stem.weight.is_contiguous()


def test_the_peak_of_two_convolutions_is_that_of_the_widest_pair():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
    # the image stays with its owner; 8 channels go into ReLU and 8 come out
    assert peak_activation_bytes(network, (3, 16, 16)) == 4 * 256 * (3 + 8 + 8)


def test_views_and_weights_are_no_activations():
    network = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 4, 4)))
    assert peak_activation_bytes(network, (3, 4, 4)) == 4 * 48


def test_the_gpu_is_measured_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A GPU")
    runtimes = torch_runtimes(build_tiny(), build_tiny(), (3, 8, 8))
    assert [(one.name, one.device) for one in runtimes][2:] == [("PyTorch CUDA", "A GPU")]


def test_a_batch_for_which_memory_does_not_suffice_is_halved_and_said():
    clock, sizes = FakeClock(), []

    def prepare(batch):
        sizes.append(batch)
        if batch > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8.00 GiB.")
        run = partial(clock.run, "x", 0.001)
        return run, run

    runtime = Runtime("PyTorch CUDA", "a GPU", 1, prepare)
    events, result = finish(measure_latency([runtime], seconds=10, clock=clock))
    assert [row.batch for row in result.rows] == [1, 8]
    assert sizes == [1, 32, 16, 8]
    assert result.not_measured == {}
    assert [event.message for event in events if isinstance(event, NoticeRaised)][-1] == (
        "Memory ran out while measuring PyTorch CUDA: its latency is that of 8 images at once, "
        "not 16."
    )


def test_a_gpu_is_measured_too_and_waited_for(monkeypatch):
    """A GPU returns before it has computed; what is timed must wait for it."""
    asked, waits = [], []

    class OnGpu:
        """Stands in for images on a GPU."""

        is_cuda = True

    def prepare(networks, input_shape, device, layout, batch):
        asked.append((device, layout, batch))
        runs = [partial(latency._run_torch, network, OnGpu()) for network in networks]
        return runs[0], runs[1]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append(True))
    monkeypatch.setattr(latency, "_prepare_torch", prepare)
    runtimes = torch_runtimes(lambda images: None, lambda images: None, (3, 8, 8))
    assert [(one.name, one.device) for one in runtimes] == [
        ("PyTorch", "CPU"),
        ("PyTorch channels_last", "CPU"),
        ("PyTorch CUDA", "Some GPU"),
    ]
    _, result = finish(measure_latency(runtimes[2:], seconds=0.0))
    assert [(row.runtime, row.device, row.batch) for row in result.rows] == [
        ("PyTorch CUDA", "Some GPU", 1)
    ]
    assert asked == [("cuda", torch.contiguous_format, 1)]
    assert len(waits) == 4  # one pair to warm up, one that counts


def test_a_gpu_that_fails_is_named_and_the_rest_is_measured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(latency, "_prepare_torch", no_driver)
    runtimes = torch_runtimes(build_tiny(), build_tiny(), (3, 8, 8))
    _, result = finish(measure_latency(runtimes, seconds=0.0))
    assert [row.runtime for row in result.rows] == ["PyTorch", "PyTorch channels_last"]
    assert result.not_measured == {"PyTorch CUDA": "RuntimeError: no driver."}


def no_driver(networks, input_shape, device, layout, batch, prepare=latency._prepare_torch):
    if device == "cuda":
        raise RuntimeError("no driver")
    return prepare(networks, input_shape, device, layout, batch)
