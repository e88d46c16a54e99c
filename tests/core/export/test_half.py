"""The network in float16: written where it is wanted, near float32, and named where it is not."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from core.config import RunConfig
from core.events import ExportFinished, NoticeRaised, StopRequested
from core.export import cut_network, export_pruned
from core.export.half import HALF_LIMIT, HalfParity, compare_half
from core.export.onnx import read_metadata
from core.export.verify import ParityGate
from tests.core.export.opened import build_tiny, half_mask, open_network, open_tiny
from tests.core.tiny import finish

KEPT = RunConfig(export_half=True)


@pytest.fixture(autouse=True)
def _tiny_has_a_name(monkeypatch):
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())


def test_the_file_reads_and_gives_float16_and_says_so(tmp_path):
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    last = list(export_pruned(opened, keep, tmp_path, formats=("onnx",), config=KEPT))[-1]
    path = tmp_path / "pruned_float16.onnx"
    assert str(path) in last.files
    assert set(last.half) == {"onnx"}
    images = torch.randn(5, 3, 8, 8)
    session = onnxruntime.InferenceSession(str(path))
    (logits,) = session.run(None, {"images": images.half().numpy()})
    assert logits.dtype == np.float16
    with torch.no_grad():
        expected = cut_network(opened, keep, torch.device("cpu"))(images).numpy()
    assert np.abs(logits - expected).max() < HALF_LIMIT * np.abs(expected).max()
    assert read_metadata(path)["input"].startswith("float16 (batch, 3, 8, 8)")
    assert read_metadata(tmp_path / "pruned.onnx")["input"].startswith("float32")
    kinds = {tensor.data_type for tensor in onnx.load(str(path)).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    assert onnx.TensorProto.FLOAT not in kinds
    whole = (tmp_path / "pruned.onnx").stat().st_size
    assert path.stat().st_size < whole


class Loud(nn.Module):
    """Its activations are beyond the largest number of float16, 65504."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 4)
        with torch.no_grad():
            self.first.weight.mul_(1e6)
            self.second.weight.mul_(1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.second(self.first(images))).mean((2, 3)))


def test_a_network_that_is_too_loud_for_float16_is_named_and_the_rest_is_written(
    monkeypatch, tmp_path
):
    torch.manual_seed(0)
    monkeypatch.setattr("core.export.pruned.build_network", lambda *_, **__: Loud().eval())
    opened = open_network(Loud().eval())
    keep = half_mask(opened.analysis.groups.channel_count)
    (tmp_path / "pruned_float16.onnx").write_text("that of an earlier network")
    events = list(export_pruned(opened, keep, tmp_path, formats=("onnx",), config=KEPT))
    assert isinstance(events[-1], ExportFinished)
    assert {file.name for file in tmp_path.iterdir()} == {"pruned.onnx"}
    (said,) = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert said == (
        "pruned_float16.onnx is not written: it differs by inf (relative; 2e-02 is allowed)."
    )


def test_what_cannot_be_converted_is_named(monkeypatch, tmp_path):
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    monkeypatch.setattr("core.export.exporting.convert_apart", without_half)
    events = list(export_pruned(opened, keep, tmp_path, formats=("onnx",), config=KEPT))
    assert events[-1].half_not_measured == {"onnx": "ValueError: no float16 here."}
    said = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert said == ["pruned_float16.onnx is not written: ValueError: no float16 here."]


def without_half(module, shape, converters, stage, halves):
    from core.export.conversion import convert_all, quietly

    def refuse(program, folder):
        raise ValueError("no float16 here")

    with quietly():
        convert_all(module, shape, converters, stage, {"onnx": refuse})
    yield from ()


class Pruned:
    """What compare_half asks of a pruned network."""

    def __init__(self, macs: int) -> None:
        self.macs = macs


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU takes no time for it")
def test_a_large_network_is_not_computed_in_float16_on_a_cpu(tmp_path):
    opened = open_tiny()
    gate = ParityGate.of(opened.network.module, opened.images.held_out)
    _, found = finish(compare_half(Pruned(10**9), tmp_path, gate, ["state", "program"]))
    assert found.differences == {}
    assert set(found.not_measured) == {"state", "program"}
    assert "there is no GPU" in found.not_measured["state"]


def test_a_stop_passes_through(tmp_path):
    opened = open_tiny()
    gate = ParityGate.of(opened.network.module, opened.images.held_out)
    events = compare_half(Pruned(1), tmp_path, gate, ["onnx"])
    next(events)
    with pytest.raises(StopRequested):
        events.throw(StopRequested())


def test_the_limit_is_said():
    assert HalfParity({"onnx": 9e-3}).why_refused is None
    assert HalfParity({"onnx": 0.5}).why_refused == (
        "it differs by 5.0e-01 (relative; 2e-02 is allowed)."
    )
    assert HalfParity().why_refused == "ONNX is not among the formats."
