"""Tiny networks, one for each way in which channels hang together."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int = 3, **options: int) -> nn.Sequential:
    """Convolution with "same" padding, BN and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **options),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Chain(nn.Module):
    """conv 3->8, conv 8->6, mean, linear: nothing but a chain."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv_bn(3, 8)
        self.second = conv_bn(8, 6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x)).mean((2, 3)))


class Flattened(nn.Module):
    """A linear layer that reads every position of every channel, then a hidden linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.hidden = nn.Linear(5 * 4 * 4, 7)
        self.head = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return self.head(F.relu(self.hidden(torch.flatten(x, 1))))


class Residual(nn.Module):
    """A residual block with a projection, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 6)
        self.inner = conv_bn(6, 5)
        self.outer = nn.Conv2d(5, 6, 3, padding=1)
        self.wide = conv_bn(6, 8, stride=2)
        self.wide_outer = nn.Conv2d(8, 10, 3, padding=1)
        self.projection = nn.Conv2d(6, 10, 1, stride=2)
        self.head = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = F.relu(x + self.outer(self.inner(x)))
        x = F.relu(self.wide_outer(self.wide(x)) + self.projection(x))
        return self.head(x.mean((2, 3)))


class PaddedShortcut(nn.Module):
    """Option A: the shortcut skips pixels and adds channels of zeros on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 4)
        self.inner = conv_bn(4, 6, stride=2)
        self.outer = nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        x = F.relu(self.outer(self.inner(x)) + shortcut)
        return self.head(x.mean((2, 3)))


class Dense(nn.Module):
    """Concatenation, read after a norm of its own as in DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv_bn(3, 4)
        self.second = conv_bn(4, 5)
        self.norm = nn.BatchNorm2d(9)
        self.last = nn.Conv2d(9, 6, 1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        joined = torch.cat([first, self.second(first)], dim=1)
        x = self.last(F.relu(self.norm(joined)))
        return self.head(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze-excite, project, add."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 4)
        self.expand = conv_bn(4, 12, 1)
        self.depthwise = conv_bn(12, 12, groups=12)
        self.squeeze = nn.Conv2d(12, 3, 1)
        self.excite = nn.Conv2d(3, 12, 1)
        self.project = nn.Conv2d(12, 4, 1)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depthwise(self.expand(x))
        weight = torch.sigmoid(self.excite(F.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        return self.head((x + self.project(y * weight)).mean((2, 3)))


class Grouped(nn.Module):
    """Grouped convolutions with a channel shuffle between them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.first = conv_bn(8, 8, groups=2)
        self.second = conv_bn(8, 8, groups=2)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.stem(x))
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(self.second(x).mean((2, 3)))


class Gated(nn.Module):
    """`chunk` into halves that gate each other, PReLU, and a depth multiplier of two."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.act = nn.PReLU(4)
        self.depthwise = nn.Conv2d(4, 8, 3, padding=1, groups=4)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        values, gates = self.stem(x).chunk(2, dim=1)
        x = self.act(values * torch.sigmoid(gates))
        return self.head(self.depthwise(x).mean((2, 3)))


class Upsampled(nn.Module):
    """A small U-Net: pool, transposed convolution, interpolate, concatenate."""

    def __init__(self) -> None:
        super().__init__()
        self.down = conv_bn(3, 4)
        self.deep = conv_bn(4, 6)
        self.up = nn.ConvTranspose2d(6, 5, 2, stride=2)
        self.joined = conv_bn(9, 6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        deep = self.deep(F.max_pool2d(skip, 2))
        up = F.interpolate(self.up(F.avg_pool2d(deep, 2)), scale_factor=2.0)
        return self.head(self.joined(torch.cat([skip, up], dim=1)).mean((2, 3)))


class Shared(nn.Module):
    """One convolution used twice, so its inputs and outputs are the same channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 6)
        self.twice = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = F.relu(self.twice(F.relu(self.twice(x))))
        return self.head(x.mean((2, 3)))


class HardCoded(nn.Module):
    """A width written into a `view`: cutting the first convolution would break the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 5, 3, padding=1)
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        x = x.view(x.shape[0], 6, -1).view(x.shape[0], 6, 8, 8)
        return self.head(F.relu(self.second(x)).mean((2, 3)))


class Normalised(nn.Module):
    """LayerNorm over channels: its statistics change with the width."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.LayerNorm(6)
        self.hidden = nn.Linear(6, 12)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x).permute(0, 2, 3, 1))
        return self.head(F.gelu(self.hidden(x)).mean((1, 2)))


class Sorted(nn.Module):
    """An operation without a rule (sort over channels) freezes what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 5, 3, padding=1)
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sort(self.first(x), dim=1).values
        return self.head(F.relu(self.second(x)).mean((2, 3)))


EXACT: dict[str, type[nn.Module]] = {
    "chain": Chain,
    "flattened": Flattened,
    "residual": Residual,
    "padded_shortcut": PaddedShortcut,
    "dense": Dense,
    "inverted_residual": InvertedResidual,
    "grouped": Grouped,
    "gated": Gated,
    "upsampled": Upsampled,
    "shared": Shared,
    "hard_coded": HardCoded,
    "sorted": Sorted,
}


def example_images(count: int = 4, seed: int = 0) -> Tensor:
    """Random images (count, 3, 8, 8)."""
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def build(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    """Make a network with seeded weights and BN statistics that are not the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = kind().eval()
        with torch.no_grad():
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.running_mean.normal_(0, 0.1)
                    part.running_var.uniform_(0.5, 1.5)
                    part.weight.uniform_(0.5, 1.5)
                    part.bias.normal_(0, 0.1)
    return module
