"""A tiny file for every row of the table of sources, and how a person would name it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from core.networks import build_network
from tests.core.networks.test_onnx_file import write_onnx

CLASSES = 4
SIDE = 8
TORCHVISION = "squeezenet1_1"
NETS = """
from torch import nn

def make(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, num_classes),
    )
"""
TWO_FACTORIES = f"{NETS}\ndef wide(num_classes):\n    raise RuntimeError('not this one')\n"


@dataclass(frozen=True)
class Named:
    """What a person gives: names, and the files that can be dropped."""

    network: str
    images: Path
    checkpoint: str = ""
    dropped: tuple[Path, ...] = ()
    classes: int = CLASSES
    runs_code: bool = False
    factory: str = ""  # to choose in the window
    downloads: bool = False


def tiny() -> nn.Module:
    """conv 3 -> 6, ReLU, mean, linear."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)
    ).eval()


def write_images(path: Path, side: int = SIDE, classes: int = CLASSES) -> Path:
    """Forty colour images of noise, each class as often as any other."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, side, side, 3), dtype=np.uint8)
    labels = np.arange(40) % min(classes, 4)
    names = np.array([f"class {i}" for i in range(classes)])
    parts = {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}
    np.savez(path, **parts, classes=names)
    return path


def _cifar(folder: Path) -> Named:
    images = write_images(folder / "images.npz")
    return Named("cifar_resnet20", images, dropped=(images,))


def _torchvision(folder: Path) -> Named:
    images = write_images(folder / "images.npz", side=32)
    return Named(TORCHVISION, images, dropped=(images,))


def _torchvision_weights(folder: Path) -> Named:
    images, weights = write_images(folder / "images.npz", side=32), folder / f"{TORCHVISION}.pth"
    module = build_network(TORCHVISION, class_count=CLASSES, input_shape=(3, 32, 32))
    torch.save(module.state_dict(), weights)
    return Named(TORCHVISION, images, str(weights), (weights, images))


def _published(folder: Path) -> Named:
    images = write_images(folder / "images.npz", side=32, classes=1000)
    return Named(TORCHVISION, images, "published", (images,), classes=1000, downloads=True)


def _timm(folder: Path) -> Named:
    images = write_images(folder / "images.npz", side=32)
    return Named("timm:resnet10t", images, dropped=(images,))


def _python(folder: Path) -> Named:
    images, path = write_images(folder / "images.npz"), folder / "nets.py"
    path.write_text(TWO_FACTORIES)
    return Named(f"{path}:make", images, "", (path, images), runs_code=True, factory="make")


def _python_weights(folder: Path) -> Named:
    images, path = write_images(folder / "images.npz"), folder / "nets.py"
    path.write_text(NETS)
    weights = folder / "trained.safetensors.pt"
    torch.save({"state_dict": tiny().state_dict()}, weights)
    return Named(str(path), images, str(weights), (weights, path, images), runs_code=True)


def _pickled(folder: Path) -> Named:
    images, path = write_images(folder / "images.npz"), folder / "whole.pth"
    torch.save(tiny(), path)
    return Named(str(path), images, "", (path, images), runs_code=True)


def _exported(folder: Path) -> Named:
    images, path = write_images(folder / "images.npz"), folder / "program.pt2"
    shapes = ({0: torch.export.Dim("batch")},)
    x = torch.zeros(2, 3, SIDE, SIDE)
    torch.export.save(torch.export.export(tiny(), (x,), dynamic_shapes=shapes), path)
    return Named(str(path), images, "", (path, images), runs_code=True)


def _onnx(folder: Path) -> Named:
    images = write_images(folder / "images.npz")
    path = write_onnx(folder / "net.onnx")
    return Named(str(path), images, "", (path, images))


def published_weights(folder: Path) -> tuple[Any, Path]:
    """What stands for torchvision's list of published weights, and its cache; from a file."""
    from torchvision.models import SqueezeNet1_1_Weights

    state = build_network(TORCHVISION, class_count=1000, input_shape=(3, 32, 32)).state_dict()
    folder.mkdir()
    torch.save(state, folder / "raw")
    content = (folder / "raw").read_bytes()
    name = f"{TORCHVISION}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(content)
    weights: Any = SimpleNamespace(url=(folder / name).as_uri(), meta={"_file_size": 4.7})
    real = type(SqueezeNet1_1_Weights.DEFAULT).get_state_dict
    weights.get_state_dict = lambda **options: real(weights, **options)
    weights.DEFAULT = weights
    return weights, folder / "hub"


ROWS: dict[str, Callable[[Path], Named]] = {
    "demo": lambda folder: Named("demo", Path("digits"), classes=10),
    "cifar": _cifar,
    "torchvision": _torchvision,
    "torchvision with weights": _torchvision_weights,
    "torchvision's own weights": _published,
    "timm": _timm,
    "python file": _python,
    "python file with weights": _python_weights,
    "pickled module": _pickled,
    "exported program": _exported,
    "onnx": _onnx,
}
EXTRAS = {"timm": "timm", "onnx": "onnx2torch"}
