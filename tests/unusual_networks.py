"""What users write: networks whose code does more than chain modules. 3x8x8 images, 4 classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.vision_transformer import VisionTransformer

from tests.attention_networks import EncoderLayer, HeadsByHand, Transformer, WrittenHeads
from tests.networks import conv_bn


class Classifier(nn.Module):
    """A stem of 8 channels, something unusual in the middle, a last convolution and a head."""

    features = 8

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.last = nn.Conv2d(self.features, 5, 1)
        self.head = nn.Linear(5, 4)

    def middle(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.last(self.middle(self.stem(x))))
        return self.head(x.mean((2, 3)))


class FunctionalSqueezeExcite(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.Parameter(torch.rand(3, 8) * 0.3)  # positive: no unit is dead
        self.excite = nn.Parameter(torch.randn(8, 3) * 0.3)

    def middle(self, x: Tensor) -> Tensor:
        weight = F.relu(F.linear(x.mean((2, 3)), self.squeeze))
        weight = torch.sigmoid(F.linear(weight, self.excite))
        return x * weight[:, :, None, None]


class HardCodedShuffle(Classifier):
    def middle(self, x: Tensor) -> Tensor:
        x = x.view(-1, 2, 4, 8, 8).transpose(1, 2)
        return x.reshape(-1, 8, 8, 8)


class SplitGate(Classifier):
    features = 4

    def middle(self, x: Tensor) -> Tensor:
        a, b = torch.split(x, 4, dim=1)
        return a * torch.tanh(b)


class ConstantSlice(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.partial = nn.Conv2d(3, 3, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        return torch.cat([self.partial(x[:, :3]), x[:, 3:]], dim=1)


class PixelShuffled(Classifier):
    features = 2

    def middle(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, 2)


class GroupNormalised(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 8)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(self.norm(x)))


class StandardisedConv(nn.Conv2d):
    """Weight standardisation: the weight that convolves is computed from the parameter."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        mean = weight.mean((1, 2, 3), keepdim=True)
        weight = (weight - mean) / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class WeightStandardised(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.first = StandardisedConv(8, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))))


class FunctionalConv(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 8, 3, 3) * 0.1)
        self.bias = nn.Parameter(torch.randn(8) * 0.1)
        self.scale = nn.Parameter(torch.rand(1, 8, 1, 1))

    def middle(self, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(x, self.kernel, self.bias, padding=1)) * self.scale


class FunctionalAttention(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def middle(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        attention = torch.softmax(q @ k.transpose(1, 2) * 8**-0.5, dim=-1)
        return self.out(attention @ v).transpose(1, 2).reshape(n, -1, h, w)


class SpatialAttention(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Conv2d(2, 1, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        pooled = torch.stack([x.mean(1), x.max(1).values], dim=1)
        return x * torch.sigmoid(self.map(pooled))


class MaxOut(Classifier):
    features = 4

    def middle(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, c // 2, 2, h, w).max(2).values


class DynamicView(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(8 * 16, 8)

    def middle(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 2)
        return F.relu(self.hidden(x.view(x.size(0), -1)))[:, :, None, None]


class DictOutput(Classifier):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": super().forward(x)}


class TwoHeads(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 6, 3, padding=1)
        self.second_head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.stem(x)
        other = F.relu(self.conv(features))
        first = self.head(F.relu(self.last(features)).mean((2, 3)))
        return first, self.second_head(other.mean((2, 3)))


class FrozenWeights(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.stem.requires_grad_(False)

    def middle(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            weight = torch.sigmoid(x.mean((2, 3), keepdim=True))
        return F.relu(self.conv(x * weight.detach()))


class DataDependent(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.often = nn.Conv2d(8, 8, 3, padding=1)
        self.never = nn.Conv2d(8, 8, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        return F.relu(self.often(x)) if x.sum().item() > -1e9 else self.never(x)


class LayerDrop(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))

    def middle(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            if not self.training or torch.rand(()) > 0.5:
                x = x + F.relu(block(x))
        return x


class WidthOfAnother(Classifier):
    """The width of one layer is taken from the shape of another one."""

    times = 1

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8 * self.times, 3, padding=1)
        self.after = nn.Conv2d(8 * self.times, 8, 3, padding=1)

    def middle(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return self.after(F.relu(self.conv(x)).view(n, self.times * c, h, w))


class TwiceTheWidth(WidthOfAnother):
    """Halves of both layers would fit."""

    times = 2


class TiedConvolutions(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(8, 8, 3, padding=1)
        self.other = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.other_norm = nn.BatchNorm2d(8)
        self.other.weight = self.one.weight
        self.other_norm.weight = self.norm.weight

    def middle(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.one(x)))
        return F.relu(self.other_norm(self.other(x)))


class KeptGrid(Classifier):
    """Keeps what it computes for images of one shape until others come."""

    def __init__(self) -> None:
        super().__init__()
        self.grid: Tensor | None = None

    def middle(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        if self.grid is None or self.grid.shape[0] != n:
            self.grid = torch.linspace(0.5, 1.5, h * w).view(1, 1, h, w).repeat(n, 1, 1, 1)
        return x * self.grid


class NarrowHead(nn.Module):
    """Two channels before a `view`: of a single one every layout is the same."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.narrow = nn.Conv2d(8, 2, 1)
        self.head = nn.Linear(2 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.narrow(self.stem(x)))
        return self.head(x.view(x.shape[0], -1))


class InstanceNormalised(Classifier):
    """GroupNorm with one channel a group: nothing in it depends on the width."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, 8)

    def middle(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(x))


class ChannelSoftmax(Classifier):
    def middle(self, x: Tensor) -> Tensor:
        return x * torch.softmax(x, dim=1)


class SmallConvNeXt(ConvNeXt):
    """torchvision's, with two stages of one block: LayerNorm in every stream."""

    def __init__(self) -> None:
        stages = [CNBlockConfig(8, 12, 1), CNBlockConfig(12, None, 1)]
        super().__init__(stages, layer_scale=1.0, num_classes=4)


class SmallVit(nn.Module):
    """torchvision's, with one layer of two heads; it writes the stream's width into its code."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = VisionTransformer(8, 4, 1, 2, 8, 16, num_classes=4)
        nn.init.normal_(self.vit.heads.head.weight)  # it would be zero

    def forward(self, x: Tensor) -> Tensor:
        return self.vit(x)


UNUSUAL: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        FunctionalSqueezeExcite,
        HardCodedShuffle,
        SplitGate,
        ConstantSlice,
        PixelShuffled,
        GroupNormalised,
        WeightStandardised,
        FunctionalConv,
        FunctionalAttention,
        SpatialAttention,
        MaxOut,
        DynamicView,
        DictOutput,
        TwoHeads,
        FrozenWeights,
        DataDependent,
        LayerDrop,
        Transformer,
        EncoderLayer,
        HeadsByHand,
        WrittenHeads,
        WidthOfAnother,
        TwiceTheWidth,
        TiedConvolutions,
        NarrowHead,
        KeptGrid,
        InstanceNormalised,
        ChannelSoftmax,
        SmallConvNeXt,
        SmallVit,
    )
}
