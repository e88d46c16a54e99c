"""Networks for images of 32 x 32: ResNet with option-A shortcuts, VGG-16 and MobileNet-V2.

Parameter names are those of the checkpoints that people have: conv1, bn1, layerN.M.conv1 ...,
linear for ResNet; features.N and classifier.N, as in torchvision, for the other two.
"""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import MobileNetV2

VGG16_WIDTHS = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)
# expansion, channels, blocks, stride; the second row has stride 1 where ImageNet's has 2
MOBILENET_V2_STAGES = [
    [1, 16, 1, 1],
    [6, 24, 2, 1],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


class OptionABlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters.

    Where the width doubles the shortcut takes every second pixel and pads zero channels on
    both sides.

    Source: He et al. 2016, section 3.3, option A.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.padded_channels = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.padded_channels:
            before = self.padded_channels // 2
            x = F.pad(x, (0, 0, 0, 0, before, self.padded_channels - before))
        return x


class CifarResNet(nn.Module):
    """ResNet for small images: three stages of 16, 32 and 64 channels.

    Source: He et al. 2016, section 4.2.
    """

    def __init__(self, depth: int, class_count: int = 10, channels: int = 3) -> None:
        super().__init__()
        blocks = (depth - 2) // 6  # two convolutions a block, three stages, stem and classifier
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _make_stage(16, 16, blocks, stride=1)
        self.layer2 = _make_stage(16, 32, blocks, stride=2)
        self.layer3 = _make_stage(32, 64, blocks, stride=2)
        self.linear = nn.Linear(64, class_count)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 16, H, W)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 64, H/4, W/4)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)  # (N, 64)
        logits: Tensor = self.linear(x)
        return logits


class CifarVgg(nn.Module):
    """VGG-16 with batch norm for small images: one pixel is left before the classifier.

    Source: Simonyan and Zisserman 2015, configuration D, with a 512-wide classifier.
    """

    def __init__(self, class_count: int = 10, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for widths in VGG16_WIDTHS:
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width)]
                layers += [nn.ReLU()]
                channels = width
            layers += [nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(512, class_count),
        )
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 512, H/32, W/32)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)  # (N, 512)
        logits: Tensor = self.classifier(x)
        return logits


def cifar_mobilenet_v2(class_count: int = 10, channels: int = 3) -> nn.Module:
    """Build MobileNet-V2 for small images: torchvision's, with two strides of 2 taken out.

    Source: Sandler et al. 2018.
    """
    network: nn.Module = MobileNetV2(
        num_classes=class_count, inverted_residual_setting=MOBILENET_V2_STAGES
    )
    stem = network.get_submodule("features.0")
    assert isinstance(stem, nn.Sequential)
    convolution = nn.Conv2d(channels, 32, 3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
    stem[0] = convolution
    return network


def _make_stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = OptionABlock(in_channels, channels, stride)
    return nn.Sequential(first, *(OptionABlock(channels, channels, 1) for _ in range(blocks - 1)))


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


CIFAR_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "cifar_resnet20": partial(CifarResNet, 20),
    "cifar_resnet32": partial(CifarResNet, 32),
    "cifar_resnet44": partial(CifarResNet, 44),
    "cifar_resnet56": partial(CifarResNet, 56),
    "cifar_resnet110": partial(CifarResNet, 110),
    "cifar_vgg16_bn": CifarVgg,
    "cifar_mobilenet_v2": cifar_mobilenet_v2,
}
