from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig, run_config_from_toml, to_toml
from core.data import NORMALISATIONS, are_resized, open_images
from core.data.normalisation import IMAGENET, choose_normalisation
from core.errors import ConfigError


def test_a_preset_is_used_instead_of_the_usual_one() -> None:
    assert choose_normalisation("auto", 3, IMAGENET) == IMAGENET
    assert choose_normalisation("half", 3, IMAGENET) == ((0.5,) * 3, (0.5,) * 3)
    assert choose_normalisation("none", 1, IMAGENET) == ((0.0,), (1.0,))


def test_grey_images_get_the_average_of_the_channels() -> None:
    mean, std = choose_normalisation("imagenet", 1, ((0.3,), (0.4,)))
    assert mean == (pytest.approx((0.485 + 0.456 + 0.406) / 3),)
    assert std == (pytest.approx((0.229 + 0.224 + 0.225) / 3),)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="one of auto, imagenet, cifar10, half, none, not 'hlaf'"):
        open_images("digits", normalisation="hlaf")


def npz(folder: Path) -> str:
    pixels = np.full((20, 4, 4, 3), 255, dtype=np.uint8)
    labels = np.arange(20) % 2
    path = folder / "white.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return str(path)


@pytest.mark.parametrize(("name", "white"), [("half", 1.0), ("none", 1.0), ("imagenet", 2.64)])
def test_batches_are_normalised_with_it(tmp_path: Path, name: str, white: float) -> None:
    images = open_images(npz(tmp_path), normalisation=name)
    assert (images.mean, images.std) == NORMALISATIONS[name]
    batch, _ = images.test.batch(np.arange(2))
    assert float(batch[0, 2, 0, 0]) == pytest.approx(white, abs=0.01)


def test_digits_take_a_preset_too() -> None:
    images = open_images("digits", normalisation="none")
    batch, _ = images.reward.batch(np.arange(4))
    assert images.mean == (0.0,) and float(batch.min()) == 0.0


def test_only_folders_are_resized(tmp_path: Path) -> None:
    assert are_resized(str(tmp_path))
    assert not are_resized("digits") and not are_resized(npz(tmp_path))


def test_the_settings_come_back_from_toml() -> None:
    config = RunConfig(normalisation="half", input_shape="3x32x48")
    assert run_config_from_toml(to_toml(config)) == config
    assert config.image_shape == (3, 32, 48)
    assert RunConfig().image_shape is None


@pytest.mark.parametrize("text", ["32", "3x32", "3x0x32", "3x32x32x1", "axbxc", "3 x 32 x 32"])
def test_a_shape_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="'input_shape' must be channels, height and width"):
        RunConfig(input_shape=text)
