"""What published networks are made of, each in the middle of a small classifier."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from tests.networks import conv_bn
from tests.unusual_networks import Classifier


class WithConv(Classifier):
    """Another convolution at the end of the middle, so that two groups meet the unusual."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv_bn(8, 8)


class InstanceAndBatchNorm(WithConv):
    """IBN-Net: half of the channels are normalised image by image."""

    def __init__(self) -> None:
        super().__init__()
        self.instance = nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
        self.batch = nn.BatchNorm2d(4)

    def middle(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, dim=1)
        return self.conv(torch.cat([self.instance(one), self.batch(other)], dim=1))


class RootMeanSquare(Classifier):
    """RMSNorm over the channels of a residual stream."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 12), nn.SiLU(), nn.Linear(12, 8))

    def middle(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class NormByHand(WithConv):
    """The LayerNorm of ConvNeXt and SAM: mean and variance over channels, written out."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(8))
        self.bias = nn.Parameter(torch.rand(8))

    def middle(self, x: Tensor) -> Tensor:
        x = x - x.mean(1, keepdim=True)
        x = x / torch.sqrt(x.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.conv(self.weight[:, None, None] * x + self.bias[:, None, None])


class UnitLength(WithConv):
    """Features of length one, as before a head of cosines."""

    def middle(self, x: Tensor) -> Tensor:
        return F.normalize(self.conv(x))


class SelectiveKernel(Classifier):
    """SKNet: stacked branches, a softmax over them, their weighted sum."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList([conv_bn(8, 8), conv_bn(8, 8, 5)])
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.select = nn.ModuleList([nn.Conv2d(4, 8, 1), nn.Conv2d(4, 8, 1)])

    def middle(self, x: Tensor) -> Tensor:
        stacked = torch.stack([branch(x) for branch in self.branches], dim=1)
        pooled = torch.sigmoid(self.squeeze(stacked.sum(1).mean((2, 3), keepdim=True)))
        weights = torch.stack([select(pooled) for select in self.select], dim=1)
        return (stacked * torch.softmax(weights, dim=1)).sum(1)


class WeightedFusion(Classifier):
    """EfficientDet: branches stacked behind the pixels, one learned weight each."""

    def __init__(self) -> None:
        super().__init__()
        self.one = conv_bn(8, 8)
        self.other = conv_bn(8, 8)
        self.weights = nn.Parameter(torch.tensor([0.3, 0.9]))

    def middle(self, x: Tensor) -> Tensor:
        stacked = torch.stack([self.one(x), self.other(x)], dim=-1)
        return (stacked * torch.softmax(self.weights, 0)).sum(-1)


class BlurPooled(WithConv):
    """Anti-aliased pooling: one fixed kernel, repeated for however many channels come."""

    def __init__(self) -> None:
        super().__init__()
        kernel = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("kernel", (kernel[:, None] * kernel / 16)[None, None])

    def middle(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        x = F.conv2d(x, self.kernel.expand(channels, -1, -1, -1), padding=1, groups=channels)
        x = F.conv2d(x, self.kernel.repeat(channels, 1, 1, 1), padding=1, groups=channels)
        return self.conv(x)


class GatedLinearUnit(WithConv):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(8, 16, 1)

    def middle(self, x: Tensor) -> Tensor:
        return self.conv(F.glu(self.wide(x), dim=1))


class ShuffledByModule(Classifier):
    """ShuffleNet with PyTorch's own shuffle, of three groups."""

    features = 12

    def __init__(self) -> None:
        super().__init__()
        self.wide = conv_bn(8, 12, 1)
        self.first = conv_bn(12, 12, groups=3)
        self.shuffle = nn.ChannelShuffle(3)
        self.second = conv_bn(12, 12, groups=3)

    def middle(self, x: Tensor) -> Tensor:
        return self.second(self.shuffle(self.first(self.wide(x))))


class CircularPadding(WithConv):
    """Panoramas: PyTorch pads by writing into a new tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.round = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")

    def middle(self, x: Tensor) -> Tensor:
        return self.conv(F.relu(self.round(x)))


class PaddedByHand(WithConv):
    """Zeros around the images, by writing them into a larger tensor."""

    def middle(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        larger = torch.zeros(n, c, h + 2, w + 2)
        larger[:, :, 1:-1, 1:-1] = x
        return self.conv(larger)


class JoinedByHand(Classifier):
    """Concatenation by writing into a new tensor of a width that is in the code."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(8, 4, 1)
        self.other = nn.Conv2d(8, 4, 1)

    def middle(self, x: Tensor) -> Tensor:
        joined = x.new_empty(x.shape[0], 8, *x.shape[2:])
        joined[:, :4] = self.one(x)
        joined[:, 4:] = self.other(x)
        return F.relu(joined)


class GridSampled(WithConv):
    """Channels read at places that another convolution computes."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Conv2d(8, 2, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        grid = torch.tanh(self.places(x)).permute(0, 2, 3, 1)
        return self.conv(F.grid_sample(x, grid, align_corners=False))


class Deformable(WithConv):
    def __init__(self) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(8, 18, 3, padding=1)
        self.deformable = DeformConv2d(8, 6, 3, padding=1)
        self.after = nn.Conv2d(6, 8, 1)

    def middle(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.after(self.deformable(x, self.offsets(x)))


class Volumetric(nn.Module):
    """The colours as the depth of a volume."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, 6, 3, padding=(0, 1, 1))
        self.second = nn.Conv3d(6, 7, (1, 3, 3), padding=(0, 1, 1))
        self.head = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(F.relu(self.first(x.unsqueeze(1))), (1, 2, 2))
        x = F.avg_pool3d(F.relu(self.second(x)), (1, 2, 2))
        return self.head(F.adaptive_avg_pool3d(x, 1).flatten(1))


PARTS: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        InstanceAndBatchNorm,
        RootMeanSquare,
        NormByHand,
        UnitLength,
        SelectiveKernel,
        WeightedFusion,
        BlurPooled,
        GatedLinearUnit,
        ShuffledByModule,
        CircularPadding,
        PaddedByHand,
        JoinedByHand,
        GridSampled,
        Deformable,
        Volumetric,
    )
}
