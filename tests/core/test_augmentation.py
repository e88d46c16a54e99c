"""Images that get a piece of another one, and what is then to be learned of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.augmentation import mix
from core.config import FinetuneConfig

HALF = FinetuneConfig(cutmix=0.5)


def numbered_images(count: int, height: int, width: int) -> torch.Tensor:
    """Images (N, 2, H, W) whose every pixel is the number of its image."""
    return torch.arange(float(count)).view(-1, 1, 1, 1).expand(count, 2, height, width)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))
def test_labels_have_the_shares_of_the_pixels(count, height, width, seed):
    images, labels = numbered_images(count, height, width), torch.arange(count)
    random = torch.Generator().manual_seed(seed)
    mixed, shares = mix(images, labels, count, HALF, random)
    for image, share in zip(mixed, shares, strict=True):
        pixels = torch.bincount(image[0].flatten().long(), minlength=count) / (height * width)
        assert share == pytest.approx(pixels, abs=1e-6)
    assert sum(not torch.equal(*pair) for pair in zip(mixed, images, strict=True)) <= round(
        count / 2
    )


@pytest.mark.parametrize(("share", "count"), [(0.5, 8), (0.5, 2), (0.25, 8), (0.75, 8), (1.0, 3)])
def test_mixed_images_are_spread_evenly_over_a_batch(share, count):
    images, random = numbered_images(count, 64, 64), torch.Generator().manual_seed(0)
    mixed, _ = mix(images, torch.arange(count), count, FinetuneConfig(cutmix=share), random)
    changed = torch.tensor([not torch.equal(*pair) for pair in zip(mixed, images, strict=True)])
    assert changed.sum() == share * count
    assert abs(changed[: count // 2].sum() - share * (count // 2)) < 1


def test_a_piece_is_a_rectangle_of_the_neighbour_of_any_size():
    images = numbered_images(500, 16, 8)
    every = FinetuneConfig(cutmix=1.0)
    mixed, _ = mix(images, torch.arange(500), 500, every, torch.Generator().manual_seed(0))
    pasted = mixed[:, 0] != images[:, 0]
    assert torch.equal(mixed[:, 0][pasted], images.roll(1, 0)[:, 0][pasted])
    assert torch.equal(pasted, pasted.any(2)[:, :, None] & pasted.any(1)[:, None, :])
    assert not torch.equal(pasted.any(2).sum(1), pasted.any(1).sum(1))  # rows are not columns
    areas = pasted.float().mean((1, 2))
    assert areas.min() < 0.02
    assert areas.max() > 0.8
    # an area of a uniform share, of which the borders cut off a part
    assert 0.25 < areas.mean() < 0.4


def test_nothing_is_mixed_where_nobody_asks_for_it():
    images, labels = numbered_images(8, 4, 4), torch.arange(8)
    for config, count in ((FinetuneConfig(cutmix=0.0), 8), (HALF, 0)):
        mixed, learned = mix(images[:count], labels[:count], 8, config, torch.Generator())
        assert torch.equal(mixed, images[:count])
        assert torch.equal(learned, labels[:count])
