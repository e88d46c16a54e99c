"""Each bad checkpoint gives its sentence, and nothing else leaves the reader."""

from pathlib import Path

import pytest
import torch

from core.errors import EspalierError
from core.networks import open_network
from tests.bad_input.case import CLASSES, SHAPE, Case, check_sentence
from tests.bad_input.checkpoints import CHECKPOINTS, state

NETS = """
import torch
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, 4),
    )
"""


def opened(folder: Path, checkpoint: str) -> object:
    (folder / "nets.py").write_text(NETS)
    spec = f"{folder / 'nets.py'}:make"
    return open_network(spec, checkpoint, class_count=CLASSES, input_shape=SHAPE, trust=True)


@pytest.mark.parametrize("case", CHECKPOINTS, ids=lambda case: case.name)
def test_it_gives_its_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = case.make(tmp_path)
    with pytest.raises(EspalierError) as refused:
        opened(tmp_path, checkpoint)
    check_sentence(refused.value, case.sentence)
    assert not (tmp_path / "made-by-a-pickle").exists()


def test_a_checkpoint_from_another_device_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What lies on a GPU is written with the GPU's name; this machine need not have one.
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:7")
    torch.save(state(), tmp_path / "weights.pt")
    monkeypatch.undo()
    assert b"cuda:7" in (tmp_path / "weights.pt").read_bytes()
    network = opened(tmp_path, str(tmp_path / "weights.pt"))
    assert {p.device.type for p in network.module.parameters()} == {"cpu"}  # type: ignore[attr-defined]


def test_what_can_be_read_is_read(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "weights.pt")
    assert opened(tmp_path, str(tmp_path / "weights.pt"))
