"""Chosen and dropped files become a network, weights and images; none of their code runs."""

import os
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from app.source import Source, source_of_files
from core.config import RunConfig
from core.errors import ConfigError, NetworkError

NETWORKS = ("demo", "cifar_resnet20", "resnet18")
NOW = Source("demo", "", "digits", "half", "1x16x16")


class Strange:
    """Something in a pickle that only its writer knows; unpickling it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def understood(*paths: Path, now: Source = NOW) -> Source:
    chosen = source_of_files(paths, NETWORKS, now)
    assert chosen.unclear is None
    return chosen.source


@pytest.mark.parametrize("name", ["net.pt2", "net.onnx", "nets.py", "NET.PT2"])
def test_a_whole_network_becomes_the_network_and_the_old_checkpoint_goes(
    tmp_path: Path, name: str
) -> None:
    now = replace(NOW, checkpoint="old.pt")
    expected = Source(str(tmp_path / name), "", "digits", "half", "")
    assert understood(tmp_path / name, now=now) == expected


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".th", ".pkl"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_pickles_are_told_apart_by_what_they_hold(
    tmp_path: Path, suffix: str, is_zip: bool
) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    whole, weights = tmp_path / f"whole{suffix}", tmp_path / f"weights{suffix}"
    torch.save(module, whole, _use_new_zipfile_serialization=is_zip)
    content = {"epoch": 3, "state_dict": module.state_dict()}
    torch.save(content, weights, _use_new_zipfile_serialization=is_zip)
    assert understood(whole).network == str(whole)
    assert understood(weights) == replace(NOW, checkpoint=str(weights))


def test_a_pickle_of_unknown_things_is_asked_about_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "strange.pt"
    torch.save({"thing": Strange(tmp_path / "made")}, path)
    assert source_of_files([path], NETWORKS, NOW).unclear == path
    path.write_bytes(pickle.dumps(Strange(tmp_path / "made"), protocol=4))
    assert source_of_files([path], NETWORKS, NOW).unclear == path
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4 cut off", b"\x80\x02}q"])
def test_a_broken_file_counts_as_weights_whose_reader_says_what_is_wrong(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    assert understood(path).checkpoint == str(path)


def test_a_traced_program_becomes_the_network(tmp_path: Path) -> None:
    path = tmp_path / "traced.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TorchScript's age
        torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(path))
    assert understood(path).network == str(path)


def test_weights_name_their_network(tmp_path: Path) -> None:
    path = tmp_path / "resnet20-12fca82f.th"
    assert understood(path) == replace(
        NOW, network="cifar_resnet20", checkpoint=str(path), input_shape=""
    )


def test_folders_and_archives_become_images(tmp_path: Path) -> None:
    assert understood(tmp_path) == replace(NOW, data=str(tmp_path))
    assert understood(tmp_path / "x.NPZ") == replace(NOW, data=str(tmp_path / "x.NPZ"))


def test_several_files_fill_several_fields_in_any_order(tmp_path: Path) -> None:
    network, weights = tmp_path / "nets.py", tmp_path / "resnet18.pt"
    images = tmp_path / "images.npz"
    for order in ([weights, images, network], [network, weights, images]):
        source = understood(*order)
        assert (source.network, source.checkpoint, source.data) == (
            str(network),
            str(weights),
            str(images),
        )


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["notes.txt"], r"'notes\.txt' ends in '\.txt', which is no network, weights or images\. "),
        (["README"], r"'README' has no ending"),
        (["a.py", "b.onnx"], r"'a\.py' and 'b\.onnx' are both a network\. Choose one of them\."),
        (["a.npz", "b.npz"], "are both images"),
        (["a.th", "b.safetensors"], "are both weights"),
        (["odd\nname.tx\x1bt"], r"'odd\\nname\.tx\\x1bt' ends in '\.tx\\x1bt'"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_a_sentence(
    tmp_path: Path, names: list[str], sentence: str
) -> None:
    with pytest.raises(NetworkError, match=sentence) as refused:
        source_of_files([tmp_path / name for name in names], NETWORKS, NOW)
    assert "\n" not in str(refused.value)


def test_a_source_goes_into_settings_and_comes_back() -> None:
    assert Source.of(NOW.put_into(RunConfig())) == NOW


@pytest.mark.parametrize("shape", ["3x32", "0x8x8", "axbxc", "3x32x32x32", "-3x8x8"])
def test_a_shape_that_is_none_is_refused(shape: str) -> None:
    with pytest.raises(ConfigError, match="channels, height and width such as 3x32x32"):
        replace(NOW, input_shape=shape).put_into(RunConfig())
