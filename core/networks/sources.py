"""Where networks come from, by name; torch is imported only when a network is built.

A source is one NetworkSource at the end of this file and one entry in SOURCES of
core/networks/__init__.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import NetworkError

if TYPE_CHECKING:
    from torch import nn

InputShape = tuple[int, int, int]  # channels, height, width

DEMO_INPUT: InputShape = (1, 16, 16)
DEMO_WEIGHTS = Path(__file__).parents[2] / "resources" / "demo" / "demo.pt"
# The classifiers that torchvision lists, so that naming them does not import it.
_TORCHVISION = """
    alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161
    densenet169 densenet201 efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3
    efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_v2_l
    efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet0_75
    mnasnet1_0 mnasnet1_3 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf
    regnet_x_1_6gf regnet_x_32gf regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf
    regnet_y_128gf regnet_y_16gf regnet_y_1_6gf regnet_y_32gf regnet_y_3_2gf regnet_y_400mf
    regnet_y_800mf regnet_y_8gf resnet101 resnet152 resnet18 resnet34 resnet50 resnext101_32x8d
    resnext101_64x4d resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5
    shufflenet_v2_x2_0 squeezenet1_0 squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s
    swin_v2_t vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32
    vit_h_14 vit_l_16 vit_l_32 wide_resnet101_2 wide_resnet50_2
"""
# The side of the images that torchvision's own weights were trained on, where it is not 224.
TORCHVISION_SIDES = {
    "inception_v3": 299,
    "efficientnet_b1": 240,
    "efficientnet_b2": 288,
    "efficientnet_b3": 300,
    "efficientnet_b4": 380,
    "efficientnet_b5": 456,
    "efficientnet_b6": 528,
    "efficientnet_b7": 600,
    "efficientnet_v2_s": 384,
    "efficientnet_v2_m": 480,
    "efficientnet_v2_l": 480,
    "swin_v2_t": 256,
    "swin_v2_s": 256,
    "swin_v2_b": 256,
}


@dataclass(frozen=True)
class NetworkSource:
    """A family of networks: their names, the images they expect, and how one is built."""

    names: tuple[str, ...]
    expected_input: Callable[[str], InputShape | None]
    build: Callable[[str, int, InputShape], "nn.Module"]  # name, class_count, input_shape
    weights: Path | None = None  # the source's own trained weights


def _build_demo(name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
    from core.networks.demo import DemoResNet

    return DemoResNet(class_count=class_count, channels=input_shape[0])


def _build_cifar(name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
    from core.networks.cifar import CIFAR_NETWORKS

    return CIFAR_NETWORKS[name](class_count=class_count, channels=input_shape[0])


def _expect_torchvision(name: str) -> InputShape:
    side = TORCHVISION_SIDES.get(name, 224)
    return (3, side, side)


def _build_torchvision(name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
    channels, height, width = input_shape
    if channels != 3:
        raise NetworkError(
            f"Network '{name}' expects 3 channels, but the images have {channels}. "
            "Choose colour images, or a network that was trained on such images."
        )
    from torchvision.models import get_model

    options: dict[str, object] = {"weights": None, "num_classes": class_count}
    if name in ("googlenet", "inception_v3"):
        # The auxiliary classifiers only serve training; torchvision's published weights, and
        # what is fine-tuned from them, expect the input transform.
        options.update(aux_logits=False, init_weights=False, transform_input=True)
    elif name.startswith("vit_"):
        options.update(image_size=height)
    elif name.startswith("maxvit_"):
        options.update(input_size=(height, width))
    module: nn.Module = get_model(name, **options)
    return module


DEMO = NetworkSource(
    names=("demo",),
    expected_input=lambda name: DEMO_INPUT,
    build=_build_demo,
    weights=DEMO_WEIGHTS,
)
CIFAR = NetworkSource(
    names=(
        "cifar_resnet20",
        "cifar_resnet32",
        "cifar_resnet44",
        "cifar_resnet56",
        "cifar_resnet110",
        "cifar_vgg16_bn",
        "cifar_mobilenet_v2",
    ),
    expected_input=lambda name: (3, 32, 32),
    build=_build_cifar,
)
TORCHVISION = NetworkSource(
    names=tuple(_TORCHVISION.split()), expected_input=_expect_torchvision, build=_build_torchvision
)
