from pathlib import Path

import numpy as np
import pytest

from core.data import open_images, usual_normalisation
from core.data.normalisation import IMAGENET


def save(path: Path, channels: int = 3, **more: object) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 4, channels), dtype=np.uint8)
    labels = np.arange(20) % 2
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels, **more)
    return str(path)


@pytest.mark.parametrize(
    ("channels", "more"),
    [(3, {}), (3, {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}), (1, {"mean": 0.2, "std": 1})],
)
def test_what_is_said_before_is_what_opening_uses(
    tmp_path: Path, channels: int, more: dict[str, object]
) -> None:
    spec = save(tmp_path / "x.npz", channels, **more)
    images = open_images(spec)
    assert usual_normalisation(spec) == (images.mean, images.std)


def test_digits_are_known_and_cifar_and_folders_are_as_imagenet(tmp_path: Path) -> None:
    images = open_images("digits")
    assert usual_normalisation("digits") == (images.mean, images.std)
    assert usual_normalisation("cifar100") == usual_normalisation(str(tmp_path)) == IMAGENET


def test_grey_images_without_numbers_are_measured(tmp_path: Path) -> None:
    assert usual_normalisation(save(tmp_path / "x.npz", 1)) is None


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"x" * 100])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    assert usual_normalisation(str(tmp_path / "x.npz")) is None
    assert usual_normalisation("~nobody\0/x.npz") is None
