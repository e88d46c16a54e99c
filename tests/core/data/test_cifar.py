from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets

from core.data import open_images
from core.errors import DataError


class FakeCifar:
    """Stands for torchvision's CIFAR-10; is there once it was downloaded."""

    url = "https://example.org/cifar-10.tar.gz"
    is_here = False
    fails = False

    def __init__(self, root: str, train: bool, download: bool) -> None:
        if download and self.fails:
            raise OSError("no route to host")
        if download:
            type(self).is_here = True
        if not self.is_here:
            raise RuntimeError("Dataset not found or corrupted.")
        count = 40 if train else 10
        self.data = np.zeros((count, 32, 32, 3), dtype=np.uint8)
        self.targets = [number % 10 for number in range(count)]
        self.classes = ["airplane", *map(str, range(1, 10))]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    kind = type("Fake", (FakeCifar,), {})
    monkeypatch.setattr(datasets, "CIFAR10", kind)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return kind


def test_nothing_is_downloaded_unless_it_is_allowed(fake: Any) -> None:
    with pytest.raises(DataError, match=r"cifar10 is not in .*images\. Allow its download"):
        open_images("cifar10")
    assert not fake.is_here


def test_a_download_is_made_when_it_is_allowed(fake: Any) -> None:
    images = open_images("cifar10", allow_download=True)
    assert (len(images.reward), len(images.held_out), len(images.test)) == (32, 8, 10)
    assert images.class_names[0] == "airplane"
    assert images.image_shape == (3, 32, 32)


def test_what_is_here_needs_no_leave(fake: Any) -> None:
    fake.is_here = True
    assert open_images("cifar10").name == "cifar10"


def test_a_failed_download_is_named(fake: Any) -> None:
    fake.fails = True
    with pytest.raises(DataError, match=r"Cannot download cifar10 .*no route to host"):
        open_images("cifar10", allow_download=True)
