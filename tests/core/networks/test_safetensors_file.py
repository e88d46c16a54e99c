import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CheckpointError
from core.networks import build_network, open_network
from core.networks.checkpoints import read_checkpoint

NAME = "cifar_resnet20"


def write(path: Path, header: dict[str, Any], data: bytes = b"") -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_tensors_are_read_as_the_format_lays_them_out(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "a": entry("F32", [2, 1], 0, 8),
        "b": entry("I64", [], 8, 16),
        "empty": entry("F16", [0, 3], 16, 16),
    }
    data = struct.pack("<ffq", 1.5, -2.0, 7)
    state = read_checkpoint(write(tmp_path / "w.safetensors", header, data))
    assert state["a"].tolist() == [[1.5], [-2.0]]
    assert state["b"].item() == 7
    assert state["empty"].shape == (0, 3) and state["empty"].dtype == torch.float16


def test_a_network_opens_with_them(tmp_path: Path) -> None:
    module = build_network(NAME, class_count=10, input_shape=(3, 32, 32))
    header, data = {}, b""
    for key, value in module.state_dict().items():
        raw = (value.float() + 1).numpy().tobytes()
        header[key] = entry("F32", list(value.shape), len(data), len(data) + len(raw))
        data += raw
    path = write(tmp_path / "w.safetensors", header, data)
    network = open_network(NAME, str(path), class_count=10, input_shape=(3, 32, 32))
    expected = module.state_dict()["linear.bias"] + 1
    assert torch.equal(network.module.state_dict()["linear.bias"], expected)


@pytest.mark.parametrize(
    "content",
    [
        b"short",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}"[:1],
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is truncated or not a \.safetensors file"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (entry("F32", [2], 0, 8), "is truncated"),
        (entry("F32", [3], 0, 4), "is truncated"),
        (entry("F32", [1], -4, 0), "is truncated"),
        (entry("F32", [2**30], 4, 4), "is truncated"),
        ({"dtype": "F32"}, "is truncated"),
        (entry("F8_E4M3", [4], 0, 4), "'a' is F8_E4M3, which cannot be pruned"),
    ],
)
def test_tensors_that_do_not_fit_the_file_are_refused(
    tmp_path: Path, given: dict[str, Any], sentence: str
) -> None:
    path = write(tmp_path / "w.safetensors", {"a": given}, b"\0" * 4)
    with pytest.raises(CheckpointError, match=sentence):
        read_checkpoint(path)
