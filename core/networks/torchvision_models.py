"""torchvision's classifiers, untrained or with the weights that torchvision publishes.

torchvision itself is imported when the first network is built.
"""

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import NetworkError
from core.events import Event
from core.networks.downloads import fetch
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource

if TYPE_CHECKING:
    from torch import Tensor, nn

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
SIDES = {
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
PUBLISHED_CLASSES = 1000  # ImageNet's
# Published weights that were trained on images of another mean than ImageNet's.
HALF_NORMALISED = ("efficientnet_v2_l",)


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    yield from ()  # finding is a generator everywhere; a name needs no reading
    side = SIDES.get(spec, 224)
    facts = NetworkFacts(
        spec,
        "torchvision",
        spec,
        input_shape=(3, side, side),
        channels=3,
        is_trained=False,
        has_published_weights=True,
        normalisation="half" if spec in HALF_NORMALISED else "imagenet",
    )
    return FoundNetwork(facts, partial(_make, spec), fetch=partial(_fetch_weights, spec))


def _make(name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
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


def _fetch_weights(name: str, allow_download: bool) -> "Generator[Event, None, dict[str, Tensor]]":
    """Read torchvision's best weights of a network, downloading them if that is allowed.

    Raises: NetworkError if they are not here and may not or cannot be downloaded.
    """
    import torch
    from torchvision.models import get_model_weights

    weights: Any = get_model_weights(name).DEFAULT
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    label = f"the weights of {name}"
    if not allow_download and not (folder / weights.url.rpartition("/")[2]).is_file():
        size = weights.meta.get("_file_size", 0.0)
        raise NetworkError(
            f"torchvision's weights of {name} are not on this machine yet. Allow their download "
            f"({size:.0f} MB; in the terminal --allow-download), or give a checkpoint."
        )
    path = yield from fetch(weights.url, folder, label)
    try:
        state: dict[str, Tensor] = weights.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
    except Exception as error:
        # torch.load raises almost anything on a broken file.
        raise NetworkError(
            f"Cannot read {label} in {path}: {type(error).__name__}. Delete that file and open "
            "the network again.",
            str(error),
        ) from error
    return state


def _recognises(spec: str) -> bool:
    return spec in NAMES


NAMES = tuple(_TORCHVISION.split())
TORCHVISION = NetworkSource(_recognises, _find, names=NAMES)
