import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from core.errors import CheckpointError, NetworkError
from core.networks import PUBLISHED, inspect_network, open_network


class FakeTimm:
    """As much of timm's interface as is used."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def is_model(self, name: str) -> bool:
        return name in self.list_models()

    def list_models(self) -> list[str]:
        return ["resnet10t", "resnet14t", "vit_tiny"]

    def get_pretrained_cfg(self, name: str) -> Any:
        is_vit = name == "vit_tiny"
        return SimpleNamespace(
            input_size=(3, 32, 32) if is_vit else (3, 16, 16),
            mean=(0.5, 0.5, 0.5) if is_vit else (0.485, 0.456, 0.406),
            fixed_input_size=is_vit,
            has_weights=True,
        )

    def create_model(self, name: str, **options: Any) -> nn.Module:
        self.asked.append(options)
        if options.get("img_size") == (7, 7):
            raise AssertionError("img_size 7 is no multiple of 4")
        classes, channels = options.get("num_classes", 1000), options.get("in_chans", 3)
        module = nn.Sequential(
            nn.Conv2d(channels, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)
        )
        if options["pretrained"]:
            nn.init.constant_(module[0].weight, 0.5)
        return module


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> FakeTimm:
    fake = FakeTimm()
    monkeypatch.setitem(sys.modules, "timm", fake)  # type: ignore[arg-type]
    return fake


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match=r"needs the package timm.*'espalier\[timm\]'"):
        inspect_network("timm:resnet10t")


def test_its_facts_are_those_of_the_published_weights(timm: FakeTimm) -> None:
    facts = inspect_network("timm:vit_tiny")
    assert (facts.source, facts.label) == ("timm", "timm:vit_tiny")
    assert (facts.input_shape, facts.normalisation) == ((3, 32, 32), "half")
    assert facts.is_trained is False and facts.has_published_weights


def test_it_is_built_for_the_images(timm: FakeTimm) -> None:
    network = open_network("timm:resnet10t", class_count=7, input_shape=(1, 16, 16))
    assert network.name == "timm:resnet10t"
    assert timm.asked == [{"pretrained": False, "num_classes": 7, "in_chans": 1}]
    open_network("timm:vit_tiny", class_count=7, input_shape=(3, 24, 24))
    assert timm.asked[-1]["img_size"] == (24, 24)


def test_an_unknown_name_is_refused_with_the_nearest(timm: FakeTimm) -> None:
    with pytest.raises(NetworkError, match=r"no network 'resnet12t'.*timm:resnet1"):
        inspect_network("timm:resnet12t")


def test_what_timm_refuses_is_a_sentence(timm: FakeTimm) -> None:
    with pytest.raises(NetworkError, match=r"cannot build vit_tiny .*7 x 7 pixels: img_size 7"):
        open_network("timm:vit_tiny", class_count=4, input_shape=(3, 7, 7))


def test_published_weights_need_leave(timm: FakeTimm) -> None:
    with pytest.raises(NetworkError, match="--allow-download"):
        open_network("timm:resnet10t", PUBLISHED, class_count=1000, input_shape=(3, 16, 16))
    network = open_network(
        "timm:resnet10t",
        PUBLISHED,
        class_count=1000,
        input_shape=(3, 16, 16),
        allow_download=True,
    )
    assert torch.equal(network.module.get_parameter("0.weight"), torch.full((6, 3, 3, 3), 0.5))


def test_published_weights_of_other_classes_are_refused(timm: FakeTimm) -> None:
    with pytest.raises(CheckpointError, match="has 1000 outputs, but the images have 4 classes"):
        open_network(
            "timm:resnet10t", PUBLISHED, class_count=4, input_shape=(3, 16, 16), allow_download=True
        )


def test_an_unreachable_hub_is_a_sentence(timm: FakeTimm, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(name: str, **options: Any) -> nn.Module:
        if options["pretrained"]:
            raise ConnectionError("hub not reachable\nmore")
        return FakeTimm().create_model(name, **options)

    monkeypatch.setattr(timm, "create_model", create)
    with pytest.raises(NetworkError, match=r"through timm: hub not reachable\. Check"):
        open_network(
            "timm:resnet10t", PUBLISHED, class_count=4, input_shape=(3, 16, 16), allow_download=True
        )
