"""The layout in which networks read images: fast where they can, plain where they cannot."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.augmentation import augment
from core.config import FinetuneConfig
from core.layout import place_images
from core.scoring import MaskScorer
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual, build, example_images
from tests.unusual_networks import DynamicView, LayerDrop, NarrowHead

CPU = torch.device("cpu")


def is_last(images: Tensor) -> bool:
    return images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()


def place(kind: type[nn.Module], *, is_learning: bool = False) -> Tensor:
    return place_images(example_images(), build(kind), CPU, is_learning=is_learning)


@pytest.mark.parametrize("is_learning", [True, False])
def test_channels_lie_side_by_side_where_the_network_takes_it(is_learning):
    placed = place(Chain, is_learning=is_learning)
    assert is_last(placed)
    assert torch.equal(placed, example_images())


def test_a_view_behind_a_convolution_gets_the_plain_layout():
    network = build(DynamicView)
    with pytest.raises(RuntimeError, match="view"):
        network(example_images().contiguous(memory_format=torch.channels_last))
    assert not is_last(place_images(example_images(), network, CPU, is_learning=False))


@pytest.mark.parametrize(("channels", "expected"), [(15, False), (16, True)])
def test_no_backward_pass_of_a_narrow_strided_convolution_in_channels_last(channels, expected):
    """uxlfoundation/oneDNN issue 6035: it writes beyond its memory."""
    network = nn.Sequential(
        nn.Conv2d(3, channels, 3), nn.Conv2d(channels, 4, 1, stride=2), nn.Flatten()
    )
    learned = place_images(example_images(), network, CPU, is_learning=True)
    assert is_last(learned) == expected
    assert is_last(place_images(example_images(), network, CPU, is_learning=False))


def test_a_cut_may_make_a_convolution_too_narrow():
    """Residual's projection reads 6 channels."""
    assert not is_last(place(Residual, is_learning=True))


def test_a_kernel_of_a_module_of_the_users_is_not_trusted_to_be_safe():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(4, 3, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.conv2d(x, self.kernel, stride=2).mean((2, 3))

    assert not is_last(place_images(example_images(), Own(), CPU, is_learning=True))
    assert is_last(place_images(example_images(), Own(), CPU, is_learning=False))


def test_trying_a_network_changes_nothing_of_it():
    network = build(LayerDrop).train()
    network.head.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    random = torch.get_rng_state()
    place_images(example_images(), network, CPU, is_learning=True)
    assert network.training
    assert not network.head.training
    assert torch.equal(torch.get_rng_state(), random)
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_what_a_network_keeps_of_its_first_pass_can_be_differentiated():
    class Keeping(Chain):
        scale: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.scale is None:
                self.scale = torch.ones(3, 1, 1).sqrt()
            return super().forward(x * self.scale)

    network = build(Keeping)
    images = example_images().requires_grad_()
    place_images(images.detach(), network, CPU, is_learning=True)
    network(images).sum().backward()
    assert images.grad is not None
    assert network.scale is not None


def test_a_network_is_tried_once():
    network, seen = build(Chain), []
    hook = network.register_forward_hook(lambda *_: seen.append(1))
    for _ in range(3):
        place_images(example_images(), network, CPU, is_learning=False)
    hook.remove()
    assert len(seen) == 1


def test_vectors_stay_as_they_are():
    vectors = torch.randn(5, 7)
    placed = place_images(vectors, nn.Linear(7, 2), CPU, is_learning=True)
    assert torch.equal(placed, vectors)


class GreyView(nn.Module):
    """The network of many tutorials, for images of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.head = nn.Linear(3 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).view(x.size(0), -1))


@pytest.mark.parametrize("is_learning", [True, False])
@pytest.mark.parametrize("is_augmented", [True, False])
def test_images_of_one_channel_have_plain_strides_where_a_view_needs_them(
    is_learning, is_augmented
):
    images = example_images()[:, :1]
    if is_augmented:
        images = augment(images, FinetuneConfig(), torch.Generator().manual_seed(0))
    network = GreyView()
    placed = place_images(images, network, CPU, is_learning=is_learning)
    assert torch.equal(placed, images)
    assert network(placed).shape == (4, 4)


def test_a_mask_that_leaves_one_channel_says_nothing_of_the_next_one():
    opened = open_tiny(NarrowHead)
    groups = opened.analysis.groups
    narrow = next(group for group in groups.groups if group.name == "narrow")
    keep = np.ones(groups.channel_count, dtype=np.bool_)
    scorer = MaskScorer(opened.network.module, opened.analysis.plan, CPU)
    batch = opened.images.reward.batch(np.arange(8))
    keep[narrow.start] = False
    cut = scorer.score(keep, *batch)
    whole = scorer.score(np.ones_like(keep), *batch)
    assert cut.cross_entropy != whole.cross_entropy
