import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.data import open_images
from core.errors import CheckpointError, NetworkError
from core.networks import build_network, expected_input, network_names, open_network
from core.networks.cifar import CifarResNet, OptionABlock
from core.networks.sources import DEMO_WEIGHTS

CHECKPOINTS = Path(__file__).parents[3].parent / "shared" / "checkpoints"
COLOUR = (3, 32, 32)


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_names_are_known_without_importing_torch() -> None:
    code = (
        "import sys, core.networks as n;"
        "assert n.network_names()[0] == 'demo' and n.expected_input('resnet18') == (3, 224, 224);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_torchvision_name_is_one_of_torchvision() -> None:
    from torchvision import models

    known = set(models.list_models(module=models))
    named = [n for n in network_names() if n != "demo" and not n.startswith("cifar_")]
    assert len(named) == len(set(named)) == 80
    assert set(named) <= known


def test_expected_inputs_are_those_of_the_published_weights() -> None:
    assert expected_input("cifar_resnet56") == (3, 32, 32)
    assert expected_input("inception_v3") == (3, 299, 299)
    assert expected_input("demo") == (1, 16, 16)


def test_an_unknown_name_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(NetworkError, match=r"no network 'resnt18'.*resnet18"):
        build_network("resnt18", class_count=10, input_shape=COLOUR)


@pytest.mark.parametrize(
    ("name", "parameters"),
    # He et al. 2016 with option A; the others counted by hand from their layer tables
    [("cifar_resnet20", 269_722), ("cifar_resnet32", 464_154), ("cifar_resnet56", 853_018)],
)
def test_resnets_have_the_parameters_of_the_paper(name: str, parameters: int) -> None:
    module = build_network(name, class_count=10, input_shape=COLOUR)
    assert count_parameters(module) == parameters


def test_option_a_takes_every_second_pixel_and_pads_channels_on_both_sides() -> None:
    block = OptionABlock(2, 4, stride=2).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.arange(1.0, 33.0).reshape(1, 2, 4, 4)
    y = block(x)  # the convolutions give zero, so only the shortcut is left
    assert y.shape == (1, 4, 2, 2)
    assert y[0, 0].abs().sum() == 0 and y[0, 3].abs().sum() == 0
    assert y[0, 1].tolist() == [[1.0, 3.0], [9.0, 11.0]]


def test_parameter_names_are_those_of_the_checkpoints() -> None:
    keys = list(CifarResNet(20).state_dict())
    assert keys[0] == "conv1.weight"
    assert "layer3.2.bn2.running_var" in keys
    assert keys[-2:] == ["linear.weight", "linear.bias"]


@pytest.mark.parametrize("name", ["cifar_vgg16_bn", "cifar_mobilenet_v2", "demo"])
def test_untrained_networks_run_on_the_images_they_expect(name: str) -> None:
    shape = expected_input(name)
    assert shape is not None
    module = build_network(name, class_count=7, input_shape=shape)
    with torch.no_grad():
        assert module(torch.zeros(2, *shape)).shape == (2, 7)
    assert not module.training


def test_the_same_name_gives_the_same_untrained_weights_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = build_network("cifar_resnet20", class_count=10, input_shape=COLOUR)
    assert torch.equal(torch.rand(1), expected)
    again = build_network("cifar_resnet20", class_count=10, input_shape=COLOUR)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )


def test_a_torchvision_network_gets_the_classes_of_the_images() -> None:
    network = open_network("squeezenet1_1", class_count=5, input_shape=(3, 64, 64))
    assert network.class_count == 5
    assert network.checkpoint == ""


def test_a_torchvision_network_refuses_grey_images() -> None:
    with pytest.raises(NetworkError, match="expects 3 channels, but the images have 1"):
        open_network("resnet18", class_count=5, input_shape=(1, 64, 64))


def test_images_that_are_too_small_are_named_with_their_shape() -> None:
    with pytest.raises(NetworkError, match=r"3 channels and 16 x 16 pixels: .*too small.*32 x 32"):
        open_network("cifar_vgg16_bn", class_count=10, input_shape=(3, 16, 16))


def test_images_that_do_not_divide_into_patches_are_refused() -> None:
    with pytest.raises(NetworkError, match=r"Cannot build vit_b_32 .* 30 x 30 .*224 x 224"):
        open_network("vit_b_32", class_count=10, input_shape=(3, 30, 30))


def test_the_demo_brings_its_own_weights() -> None:
    network = open_network("demo", class_count=10, input_shape=(1, 16, 16))
    untrained = build_network("demo", class_count=10, input_shape=(1, 16, 16))
    assert isinstance(network.module.classifier, nn.Linear)
    assert not torch.equal(network.module.conv1.weight, untrained.conv1.weight)


def test_the_demo_reads_the_digits_that_it_has_not_seen() -> None:
    images = open_images("digits", input_shape=expected_input("demo"))
    network = open_network("demo", class_count=10, input_shape=images.image_shape)
    x, y = images.test.batch(np.arange(len(images.test)))
    with torch.no_grad():
        correct = int((network.module(x).argmax(1) == y).sum())
    assert correct >= 354  # of 359; the training script reached 357
    assert DEMO_WEIGHTS.stat().st_size < 2 * 2**20


@pytest.mark.parametrize(
    ("shape", "classes", "sentence"),
    [
        ((3, 32, 32), 10, "expects 1 channel, but the images have 3"),
        ((1, 28, 28), 10, r"1 channel and 16 x 16 pixels, but these are 1 channel and 28 x 28"),
        ((1, 16, 16), 4, "has 10 outputs, but the images have 4 classes"),
    ],
)
def test_the_demo_refuses_images_that_it_was_not_trained_on(
    shape: tuple[int, int, int], classes: int, sentence: str
) -> None:
    with pytest.raises(NetworkError, match=sentence):
        open_network("demo", class_count=classes, input_shape=shape)


needs_checkpoints = pytest.mark.skipif(
    not CHECKPOINTS.is_dir(), reason="the shared checkpoints are not here"
)


@needs_checkpoints
@pytest.mark.parametrize(
    ("name", "file"),
    [("cifar_resnet20", "resnet20-12fca82f.th"), ("cifar_resnet56", "resnet56-4bfd9763.th")],
)
def test_real_checkpoints_load_as_they_are(name: str, file: str) -> None:
    network = open_network(name, str(CHECKPOINTS / file), class_count=10, input_shape=COLOUR)
    raw = torch.load(CHECKPOINTS / file, map_location="cpu", weights_only=True)["state_dict"]
    own = network.module.state_dict()
    assert all(torch.equal(own[key.removeprefix("module.")], raw[key]) for key in raw)
    assert network.checkpoint.endswith(file)


@needs_checkpoints
def test_a_real_checkpoint_of_another_depth_is_refused_with_its_keys() -> None:
    with pytest.raises(CheckpointError, match=r"does not fit cifar_resnet56: missing layer1\.3\."):
        open_network(
            "cifar_resnet56",
            str(CHECKPOINTS / "resnet20-12fca82f.th"),
            class_count=10,
            input_shape=COLOUR,
        )
