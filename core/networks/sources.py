"""The networks that Espalier brings itself: the demo and the CIFAR family.

torch is imported only when a network is built.
"""

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.events import Event
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource

if TYPE_CHECKING:
    from torch import nn

DEMO_NAME = "demo"
DEMO_INPUT: InputShape = (1, 16, 16)
DEMO_WEIGHTS = Path(__file__).parents[2] / "resources" / "demo" / "demo.pt"
CIFAR_NAMES = (
    "cifar_resnet20",
    "cifar_resnet32",
    "cifar_resnet44",
    "cifar_resnet56",
    "cifar_resnet110",
    "cifar_vgg16_bn",
    "cifar_mobilenet_v2",
)


def _find_demo(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    yield from ()  # finding is a generator everywhere; a name needs no reading
    facts = NetworkFacts(
        spec, "demo", spec, DEMO_INPUT, DEMO_INPUT[0], is_trained=True, class_count=10
    )
    return FoundNetwork(facts, _make_demo, weights=DEMO_WEIGHTS)


def _make_demo(class_count: int, input_shape: InputShape) -> "nn.Module":
    from core.networks.demo import DemoResNet

    return DemoResNet(class_count=class_count, channels=input_shape[0])


def _find_cifar(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    yield from ()
    facts = NetworkFacts(spec, "cifar", spec, input_shape=(3, 32, 32), is_trained=False)
    return FoundNetwork(facts, partial(_make_cifar, spec))


def _make_cifar(name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
    from core.networks.cifar import CIFAR_NETWORKS

    return CIFAR_NETWORKS[name](class_count=class_count, channels=input_shape[0])


DEMO = NetworkSource(lambda spec: spec == DEMO_NAME, _find_demo, names=(DEMO_NAME,))
CIFAR = NetworkSource(lambda spec: spec in CIFAR_NAMES, _find_cifar, names=CIFAR_NAMES)
