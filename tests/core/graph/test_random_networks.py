"""Networks put together at random: whatever comes out is cut exactly and counted exactly."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network, slice_state, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from tests.networks import build, conv_bn, example_images


class Plain(nn.Sequential):
    def __init__(self, width: int, new_width: int) -> None:
        super().__init__(conv_bn(width, new_width))


class Bottleneck(nn.Module):
    """A residual block; its shortcut is a projection where the width changes."""

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.inner = conv_bn(width, 5)
        self.outer = nn.Conv2d(5, new_width, 1)
        self.shortcut = nn.Identity() if width == new_width else nn.Conv2d(width, new_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.outer(self.inner(x)) + self.shortcut(x))


class Growing(nn.Module):
    """Dense concatenation, then a transition to the new width."""

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.grow = conv_bn(width, 3)
        self.transition = nn.Conv2d(width + 3, new_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.transition(torch.cat([x, self.grow(x)], dim=1))


class Excited(nn.Module):
    """Depthwise convolution and squeeze-excite, then a projection to the new width."""

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.squeeze = nn.Conv2d(width, 2, 1)
        self.excite = nn.Conv2d(2, width, 1)
        self.project = nn.Conv2d(width, new_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(x)
        weight = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.project(x * weight)


class Shuffled(nn.Module):
    """Two halves that are convolved apart and shuffled together, then a projection."""

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(width, 8, 3, padding=1, groups=2)
        self.project = nn.Conv2d(8, new_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.grouped(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.project(F.relu(x))


class HourGlass(nn.Module):
    """Down, up, and the skip between them."""

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.deep = conv_bn(width, 4)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.join = nn.Conv2d(width + 3, new_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        up = self.up(self.deep(F.max_pool2d(x, 2)))
        return F.relu(self.join(torch.cat([up, x], dim=1)))


class Stacked(nn.Module):
    """Blocks one after the other, a hidden linear layer, and a head."""

    blocks: tuple[tuple[type[nn.Module], int], ...] = ()

    def __init__(self) -> None:
        super().__init__()
        layers, width = [], 3
        for block, new_width in self.blocks:
            layers.append(block(width, new_width) if width != 3 else conv_bn(3, new_width))
            width = new_width
        self.body = nn.Sequential(*layers)
        self.hidden = nn.Linear(width * 4, 6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(self.body(x), 2).flatten(1)
        return self.head(F.relu(self.hidden(x)))


BLOCKS = (Plain, Bottleneck, Growing, Excited, Shuffled, HourGlass)
layers = st.tuples(st.sampled_from(BLOCKS), st.sampled_from([4, 6, 8]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(blocks=st.lists(layers, min_size=1, max_size=5), seed=st.integers(0, 100))
def test_a_random_network_is_cut_and_counted_exactly(blocks, seed):
    module = build(type("Stack", (Stacked,), {"blocks": tuple(blocks)}), seed)
    analysis = analyse_exactly(module, example_images(2))
    assert not any("does not equal" in f.reason for f in analysis.groups.frozen)
    keep = random_keep(analysis, seed=seed)
    pruned, x = prune_network(module, analysis.plan, keep), example_images(seed=seed)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        cut = pruned(x)
    with torch.no_grad():
        masked = soft_prune_network(module, analysis.plan, keep)(x)
    assert relative_difference(masked, cut) < 1e-5
    macs = MacsModel(analysis, module)
    assert float(macs.macs(keep)) == counter.get_total_flops() / 2 / len(x)
    assert float(macs.params(keep)) == sum(p.numel() for p in pruned.parameters())


@settings(max_examples=10, deadline=None, derandomize=True)
@given(blocks=st.lists(layers, min_size=1, max_size=4), seed=st.integers(0, 100))
def test_every_index_of_a_cut_weight_is_an_index_of_the_whole_one(blocks, seed):
    module = build(type("Stack", (Stacked,), {"blocks": tuple(blocks)}), seed)
    analysis = analyse_exactly(module, example_images(2))
    keep = random_keep(analysis, seed=seed)
    whole = dict(module.state_dict())
    for key, tensor in slice_state(analysis.plan, whole, keep).items():
        cut_dims = [d for d, n in enumerate(tensor.shape) if n < whole[key].shape[d]]
        assert set(cut_dims) <= set(analysis.plan.owners.get(key, {}))
        assert torch.isin(tensor, whole[key]).all()
