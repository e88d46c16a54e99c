import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from core.errors import NetworkError
from core.events import NoticeRaised
from core.networks import find_network, inspect_network, open_network
from core.pruning.verification import analyse_exactly

SHAPE = (3, 8, 8)


def write_onnx(path: Path, *, opset: int = 17, batch: Any = "batch", inputs: int = 1) -> Path:
    """conv 3 -> 6, ReLU, mean, linear 6 -> 4, written by hand."""
    rng = torch.Generator().manual_seed(0)
    weights = {
        "first.weight": torch.randn(6, 3, 3, 3, generator=rng),
        "head.weight": torch.randn(4, 6, generator=rng),
        "head.bias": torch.zeros(4),
    }
    nodes = [
        helper.make_node("Conv", ["x", "first.weight"], ["a"], pads=[1] * 4, kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    images = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *SHAPE])
        for name in ("x", "z")[:inputs]
    ]
    classes = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4])
    stored = [numpy_helper.from_array(value.numpy(), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "net", images, [classes], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path))
    return path


def by_hand() -> nn.Module:
    """What onnx2torch would give."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, 4),
    )  # fmt: skip


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(convert=lambda model: by_hand())
    monkeypatch.setitem(sys.modules, "onnx2torch", fake)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "net.onnx")


def test_the_signature_gives_its_facts(path: Path, converter: None) -> None:
    facts = inspect_network(str(path))
    assert (facts.source, facts.input_shape, facts.class_count) == ("onnx", SHAPE, 4)
    assert facts.is_trained and not facts.needs_consent


def test_sizes_that_are_not_fixed_are_left_open(tmp_path: Path, converter: None) -> None:
    path = write_onnx(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(model, str(path))
    facts = inspect_network(str(path))
    assert (facts.input_shape, facts.channels) == (None, 3)


def test_what_is_converted_is_a_network_as_any(path: Path, converter: None) -> None:
    network = open_network(str(path), class_count=4, input_shape=SHAPE)
    assert analyse_exactly(network.module, torch.randn(2, *SHAPE)).groups.channel_count == 6


def test_the_real_converter_computes_the_same(path: Path) -> None:
    pytest.importorskip("onnx2torch", reason="the extra onnx2torch is not installed")
    import onnxruntime

    network = open_network(str(path), class_count=4, input_shape=SHAPE)
    x = torch.randn(3, *SHAPE)
    expected = onnxruntime.InferenceSession(str(path)).run(None, {"x": x.numpy()})[0]
    with torch.no_grad():
        assert torch.allclose(network.module(x), torch.from_numpy(expected), atol=1e-5)
    assert analyse_exactly(network.module, x).groups.channel_count == 6


def test_equal_weights_that_were_written_once_are_given_to_each_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_onnx(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    shared = helper.make_node("Identity", ["head.bias"], ["other.bias"])
    model.graph.node.insert(0, shared)
    model.graph.node[-1].input[2] = "other.bias"
    onnx.save(model, str(path))
    seen: list[Any] = []

    def convert(model: Any) -> nn.Module:
        seen.append(model)
        return by_hand()

    monkeypatch.setitem(sys.modules, "onnx2torch", SimpleNamespace(convert=convert))
    inspect_network(str(path))
    graph = seen[0].graph
    assert "Identity" not in {node.op_type for node in graph.node}
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert (stored["other.bias"] == stored["head.bias"]).all()


def test_a_fixed_batch_raises_a_notice(tmp_path: Path, converter: None) -> None:
    path = write_onnx(tmp_path / "net.onnx", batch=1)
    notices = [event for event in find_network(str(path)) if isinstance(event, NoticeRaised)]
    assert len(notices) == 1 and "was exported for batches of 1" in notices[0].message


def refusal(path: Path) -> str:
    with pytest.raises(NetworkError) as refused:
        inspect_network(str(path))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_newer_opset_is_refused_with_the_remedy(tmp_path: Path) -> None:
    message = refusal(write_onnx(tmp_path / "net.onnx", opset=18))
    assert "uses ONNX opset 18, and 17 is the newest" in message
    assert "opset_version=17" in message and "torch.export as .pt2" in message


def test_without_the_extra_it_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx2torch", None)  # type: ignore[arg-type]
    assert "needs the package onnx2torch, which is not installed" in refusal(path)
    assert "pip install 'espalier[onnx2torch]'" in refusal(path)


def test_an_operation_that_cannot_be_converted_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(model: Any) -> nn.Module:
        raise NotImplementedError("Converter is not registered (Einsum)")

    fake = SimpleNamespace(convert=convert)
    monkeypatch.setitem(sys.modules, "onnx2torch", fake)  # type: ignore[arg-type]
    assert "cannot convert" in refusal(path) and "(Einsum)" in refusal(path)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    assert "not one batch of images" in refusal(write_onnx(tmp_path / "net.onnx", inputs=2))


@pytest.mark.parametrize("content", [b"no protobuf", b"\x08\x08"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    assert "no ONNX file" in refusal(tmp_path / "net.onnx")
