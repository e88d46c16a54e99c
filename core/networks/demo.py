"""The demo network: a small residual network for handwritten digits of 16 x 16."""

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, with a 1x1 projection where the width changes."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.projection: nn.Module = nn.Identity()
        if stride > 1 or in_channels != channels:
            self.projection = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.projection(x))


class DemoResNet(nn.Module):
    """Three stages of two blocks, with 16, 32 and 64 channels.

    Small enough that a search takes seconds, and with everything that makes pruning
    interesting: residual streams, projections, and widths to choose between.
    """

    def __init__(self, class_count: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.stage1 = nn.Sequential(ResidualBlock(16, 16, 1), ResidualBlock(16, 16, 1))
        self.stage2 = nn.Sequential(ResidualBlock(16, 32, 2), ResidualBlock(32, 32, 1))
        self.stage3 = nn.Sequential(ResidualBlock(32, 64, 2), ResidualBlock(64, 64, 1))
        self.classifier = nn.Linear(64, class_count)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 16, H, W)
        x = self.stage3(self.stage2(self.stage1(x)))  # (N, 64, H/4, W/4)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)  # (N, 64)
        logits: Tensor = self.classifier(x)
        return logits
