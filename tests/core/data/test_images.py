import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import DATASETS, Images, open_images
from core.data.images import (
    ArrayPart,
    IndexArray,
    check_sizes,
    split_training,
    stratified_sample,
    to_batch,
)
from core.errors import DataError


def array_part(part: object) -> ArrayPart:
    assert isinstance(part, ArrayPart)
    return part


def batch_of(images: Images) -> torch.Tensor:
    return images.reward.batch(np.arange(len(images.reward)))[0]


def test_names_are_known_without_importing_torch() -> None:
    code = "import sys, core.data as d; assert d.DATASETS; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert tuple(DATASETS) == ("digits", "cifar10", "cifar100")


def test_a_fifth_is_held_out_of_each_class() -> None:
    labels = np.repeat(np.arange(4), [100, 50, 25, 25])
    reward, held_out = split_training(labels, seed=0)
    assert np.bincount(labels[held_out]).tolist() == [20, 10, 5, 5]
    assert np.bincount(labels[reward]).tolist() == [80, 40, 20, 20]


def test_parts_cover_the_training_images_once() -> None:
    labels = np.random.default_rng(1).integers(0, 7, size=333)
    reward, held_out = split_training(labels, seed=5)
    assert sorted(np.concatenate([reward, held_out]).tolist()) == list(range(333))


def test_no_more_than_2048_images_are_held_out() -> None:
    reward, held_out = split_training(np.arange(50_000) % 10, seed=0)
    assert (len(reward), len(held_out)) == (47_952, 2048)


def test_splits_follow_from_the_seed() -> None:
    labels = np.arange(100) % 3
    first, again, other = (split_training(labels, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_parts_are_shuffled_so_that_any_stretch_is_a_fair_sample() -> None:
    reward, _ = split_training(np.repeat([0, 1], 500), seed=0)
    assert 20 < np.count_nonzero(reward[:100] < 500) < 80


@pytest.mark.parametrize("count", [0, 1, 7, 20])
def test_a_stratified_sample_has_the_size_asked_for(count: int) -> None:
    labels = np.repeat([0, 1, 2], [3, 7, 10])
    chosen = stratified_sample(labels, count, seed=0)
    assert len(set(chosen.tolist())) == len(chosen) == count
    shares = np.bincount(labels[chosen], minlength=3) - np.array([3, 7, 10]) * count / 20
    assert np.abs(shares).max() < 1


def test_bytes_are_normalised_by_hand() -> None:
    pixels = np.array([[[[0, 255]]]], dtype=np.uint8)  # one pixel, two channels
    x, y = to_batch(pixels, np.array([3]), (0.5, 0.25), (0.5, 0.25))
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    assert x.shape == (1, 2, 1, 1) and x.is_contiguous()
    assert x.flatten().tolist() == [-1.0, 3.0]
    assert y.tolist() == [3]


def test_grey_batches_have_plain_strides() -> None:
    x, _ = to_batch(np.zeros((2, 4, 4, 1), dtype=np.uint8), np.zeros(2, int), (0.5,), (0.5,))
    assert x.stride() == (16, 16, 4, 1)


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        ([], [0, 1], "no training images"),
        ([0, 1] * 5, [], "no test images"),
        ([0, 1] * 4, [0, 1], "have 8 training images, which are too few"),
        ([0], [0, 1], "have 1 training image, which is too few"),
        ([1] * 10, [0, 1], "of one class"),
    ],
)
def test_images_too_few_to_split_are_refused(
    train: list[int], test: list[int], sentence: str
) -> None:
    labels: tuple[IndexArray, IndexArray] = (np.array(train, int), np.array(test, int))
    with pytest.raises(DataError, match=sentence):
        check_sizes("few", *labels)


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images 'cifra10'\. Did you mean cifar10\?"):
        open_images("cifra10")
    with pytest.raises(DataError, match=r"no images '.*nowhere\.npz'\. Give one of digits"):
        open_images(str(tmp_path / "nowhere.npz"))


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"unknown kind, '\.zip'.*unpack"):
        open_images(str(tmp_path / "images.zip"))


def test_digits_are_split_once_and_never_overlap() -> None:
    images = open_images("digits")
    parts = [array_part(part) for part in (images.reward, images.held_out, images.test)]
    assert [len(part) for part in parts] == [1150, 288, 359]
    assert not set(parts[0].indices) & set(parts[1].indices)
    training = {parts[0].pixels[i].tobytes() for i in range(len(parts[0].pixels))}
    test = {parts[2].pixels[i].tobytes() for i in range(len(parts[2].pixels))}
    assert not training & test  # no digit was drawn twice, so bytes tell images apart


def test_digits_keep_their_test_part_whatever_the_seed() -> None:
    first, other = (open_images("digits", seed=seed) for seed in (0, 1))
    assert np.array_equal(array_part(first.test).labels, array_part(other.test).labels)
    assert not np.array_equal(array_part(first.reward).indices, array_part(other.reward).indices)


def test_digits_come_in_their_own_size_or_the_network_s() -> None:
    own, resized = open_images("digits"), open_images("digits", input_shape=(1, 16, 16))
    assert own.image_shape == (1, 8, 8)
    assert resized.image_shape == (1, 16, 16)
    assert resized.reward.batch(np.arange(3))[0].shape == (3, 1, 16, 16)
    assert own.class_names == tuple("0123456789")
    assert open_images("digits", input_shape=(3, 32, 32)).image_shape == (1, 8, 8)


def test_digits_are_resized_as_torch_does_it() -> None:
    own = array_part(open_images("digits").test).pixels[:5, ..., 0]
    resized = array_part(open_images("digits", input_shape=(1, 16, 16)).test).pixels[:5, ..., 0]
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(own).float()[:, None], size=16, mode="bilinear", align_corners=False
    )
    assert np.abs(resized - expected[:, 0].numpy()).max() <= 1.5  # bytes, rounded twice


def test_digits_are_normalised_to_zero_mean_and_unit_deviation() -> None:
    x = batch_of(open_images("digits"))
    assert abs(float(x.mean())) < 0.02
    assert abs(float(x.std()) - 1) < 0.02
