from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data import open_images
from core.data.images import IMAGENET_MEAN, IMAGENET_STD, ArrayPart
from core.errors import DataError
from core.networks import open_network

SHARED = Path(__file__).parents[3].parent / "shared"


def make_arrays(train: int = 20, test: int = 6, shape: tuple[int, ...] = (4, 4, 3)) -> Any:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, size=(train, *shape), dtype=np.uint8),
        "y_train": np.arange(train) % 2,
        "x_test": rng.integers(0, 256, size=(test, *shape), dtype=np.uint8),
        "y_test": np.arange(test) % 2,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shapes.npz"


def test_colour_images_are_normalised_as_imagenet(path: Path) -> None:
    arrays = make_arrays()
    np.savez(path, **arrays)
    images = open_images(str(path))
    assert images.name == "shapes"
    assert images.image_shape == (3, 4, 4)
    assert images.class_names == ("0", "1")
    assert (len(images.reward), len(images.held_out), len(images.test)) == (16, 4, 6)
    x, y = images.test.batch(np.array([5, 0]))
    expected = (arrays["x_test"][5, 2, 1, 0] / 255 - IMAGENET_MEAN[0]) / IMAGENET_STD[0]
    assert float(x[0, 0, 2, 1]) == pytest.approx(expected, abs=1e-5)
    assert y.tolist() == [1, 0]


def test_parts_never_overlap(path: Path) -> None:
    np.savez(path, **make_arrays(train=50))
    images = open_images(str(path))
    assert isinstance(images.reward, ArrayPart) and isinstance(images.held_out, ArrayPart)
    assert not set(images.reward.indices) & set(images.held_out.indices)
    assert images.reward.pixels is images.held_out.pixels
    assert isinstance(images.test, ArrayPart)
    assert images.test.pixels is not images.reward.pixels


def test_grey_images_are_normalised_by_their_training_part(path: Path) -> None:
    arrays = make_arrays(shape=(5, 7))
    np.savez(path, **arrays)
    images = open_images(str(path))
    assert images.image_shape == (1, 5, 7)
    assert images.mean == pytest.approx((arrays["x_train"].mean() / 255,))
    assert images.std == pytest.approx((arrays["x_train"].std() / 255,))


def test_names_and_normalisation_in_the_file_are_used(path: Path) -> None:
    extra = {"classes": np.array(["cat", "dog", "fox"]), "mean": np.zeros(3), "std": np.ones(3)}
    np.savez(path, **make_arrays(), **extra)
    images = open_images(str(path))
    assert images.class_names == ("cat", "dog", "fox")
    assert images.mean == (0.0, 0.0, 0.0)
    assert float(images.reward.batch(np.arange(16))[0].min()) >= 0


def test_labels_in_a_column_are_read(path: Path) -> None:
    arrays = make_arrays()
    arrays["y_train"] = arrays["y_train"][:, None].astype(np.uint8)
    np.savez(path, **arrays)
    assert open_images(str(path)).reward.batch(np.arange(4))[1].dtype == torch.int64


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x_train": np.zeros((20, 4, 4, 3))}, r"x_train is float64 .*must be uint8"),
        ({"x_train": np.zeros((20, 3, 9, 9), np.uint8)}, r"transpose\(0, 2, 3, 1\)"),
        ({"x_train": np.zeros((20, 9), np.uint8)}, r"must be \(images, height, width, channels\)"),
        ({"x_test": np.zeros((6, 5, 5, 3), np.uint8)}, r"\(4, 4, 3\), but x_test of \(5, 5, 3\)"),
        ({"y_train": np.zeros(20)}, "y_train is float64 .*whole number"),
        ({"y_train": np.zeros(19, int)}, "x_train has 20 images"),
        ({"y_test": np.full(6, -1)}, "label -1"),
        ({"y_train": np.zeros(20, int)}, "of one class"),
        ({"classes": np.array(["cat"])}, "label 1, but names for 1 classes"),
        ({"mean": np.zeros(1), "std": np.ones(1)}, "must be 3 numbers each"),
    ],
)
def test_arrays_that_do_not_fit_are_named(path: Path, change: Any, sentence: str) -> None:
    np.savez(path, **(make_arrays() | change))
    with pytest.raises(DataError, match=sentence):
        open_images(str(path))


def test_missing_arrays_are_named_with_those_there(path: Path) -> None:
    np.savez(path, images=np.zeros(3), x_test=np.zeros(3))
    with pytest.raises(DataError, match="no x_train, y_train, y_test, but images, x_test"):
        open_images(str(path))


def test_python_objects_are_refused_because_they_could_run_code(path: Path) -> None:
    arrays = make_arrays() | {"y_train": np.array([{}] * 20, dtype=object)}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="refused, because they hold Python objects"):
        open_images(str(path))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_named(path: Path, share: float) -> None:
    np.savez_compressed(path, **make_arrays())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"shapes\.npz are truncated"):
        open_images(str(path))


def test_a_damaged_or_foreign_file_is_named(path: Path) -> None:
    np.savez_compressed(path, **make_arrays(train=500))
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(DataError, match="truncated or not"):
        open_images(str(path))
    path.write_text("no arrays here\n")
    with pytest.raises(DataError, match="truncated or not"):
        open_images(str(path))
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="one array"):
        open_images(str(path))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared CIFAR-10 subset is not here")
@pytest.mark.parametrize(
    ("name", "file", "count", "least"),
    [
        ("cifar_resnet20", "resnet20-12fca82f.th", 1017, 0.91),
        ("cifar_resnet56", "resnet56-4bfd9763.th", 300, 0.92),
    ],
)
def test_real_networks_score_what_they_should_on_the_cifar10_subset(
    name: str, file: str, count: int, least: float
) -> None:
    images = open_images(str(SHARED / "data" / "cifar10_subset.npz"))
    assert (len(images.reward), len(images.held_out), len(images.test)) == (4068, 1017, 1017)
    assert images.class_names[:2] == ("airplane", "automobile")
    checkpoint = str(SHARED / "checkpoints" / file)
    network = open_network(name, checkpoint, class_count=10, input_shape=images.image_shape)
    correct = 0
    with torch.no_grad():
        for places in np.array_split(np.arange(count), 4):
            x, y = images.test.batch(places)
            correct += int((network.module(x).argmax(1) == y).sum())
    assert least <= correct / count < least + 0.04
