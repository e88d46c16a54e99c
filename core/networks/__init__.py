"""Where a network comes from: the demo, the CIFAR family, or torchvision, by name.

Importing this is cheap: torch is imported when the first network is built.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CheckpointError, NetworkError
from core.networks.sources import CIFAR, DEMO, TORCHVISION, InputShape, NetworkSource

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "SOURCES",
    "Network",
    "NetworkSource",
    "build_network",
    "expected_input",
    "has_own_weights",
    "network_names",
    "open_network",
]


@dataclass(frozen=True, eq=False)
class Network:
    """A network that is ready to be pruned: in eval mode, on the CPU, in float32."""

    name: str  # "cifar_resnet20"
    module: "nn.Module"
    input_shape: InputShape  # channels, height, width
    class_count: int
    checkpoint: str = ""  # where the weights came from; empty: the source's own, or none


def network_names() -> tuple[str, ...]:
    """All names that can be opened, the demo first."""
    return tuple(name for source in SOURCES.values() for name in source.names)


def expected_input(name: str) -> InputShape | None:
    """The shape of the images that a network was made for, or None if it does not matter.

    Raises: NetworkError if there is no such network.
    """
    return _find_source(name).expected_input(name)


def has_own_weights(name: str) -> bool:
    """Whether a network is trained without a checkpoint: only the demo is.

    Raises: NetworkError if there is no such network.
    """
    return _find_source(name).weights is not None


def build_network(name: str, *, class_count: int, input_shape: InputShape) -> "nn.Module":
    """Build a network with random weights, in eval mode; the same weights every time.

    Raises: NetworkError if there is no such network or it cannot take such images.
    """
    import torch

    source = _find_source(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return source.build(name, class_count, input_shape).eval()
        except (AssertionError, RuntimeError, ValueError) as error:
            raise NetworkError(
                f"Cannot build {name} for images of {_shape_words(input_shape)}: "
                f"{_shorten(error)}. {_expectation(name)}",
                str(error),
            ) from error


def open_network(
    name: str, checkpoint: str = "", *, class_count: int, input_shape: InputShape
) -> Network:
    """Build a network, load its weights and run it once on a blank image.

    Without a checkpoint the source's own weights are loaded; the demo has some, the other
    sources have none and keep random weights. Nothing is ever downloaded.

    Raises: CheckpointError if the weights cannot be read or do not fit; NetworkError if the
    network cannot take such images.
    """
    from core.networks.checkpoints import fit_keys, load_state, read_checkpoint

    source = _find_source(name)
    weights = Path(checkpoint).expanduser() if checkpoint else source.weights
    if checkpoint == "" and source.weights is not None:
        _check_own_input(name, input_shape)
    module = build_network(name, class_count=class_count, input_shape=input_shape)
    if weights is not None:
        state = fit_keys(read_checkpoint(weights), module.state_dict())
        _check_ends(module, state, name, str(weights), class_count, input_shape[0])
        load_state(module, state, network=name, source=str(weights))
    _check_output(module, name, class_count, input_shape)
    return Network(name, module, input_shape, class_count, checkpoint)


def _find_source(name: str) -> NetworkSource:
    for source in SOURCES.values():
        if name in source.names:
            return source
    close = difflib.get_close_matches(name, network_names(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else "Try demo, cifar_resnet20, resnet18."
    raise NetworkError(f"There is no network '{name}'. {hint}")


def _check_own_input(name: str, input_shape: InputShape) -> None:
    """Refuse images that the source's own weights were not trained on."""
    expected = expected_input(name)
    if expected is None or expected == input_shape:
        return
    if expected[0] != input_shape[0]:
        raise _channel_error(name, expected[0], input_shape[0])
    raise NetworkError(
        f"Network '{name}' expects images of {_shape_words(expected)}, but these are "
        f"{_shape_words(input_shape)}. Choose its own images, or give a checkpoint."
    )


def _check_ends(
    module: "nn.Module",
    state: "Mapping[str, Tensor]",
    name: str,
    source: str,
    class_count: int,
    channels: int,
) -> None:
    """Say in the user's words when only the classes or the image channels do not fit."""
    from core.networks.checkpoints import compare_state

    difference = compare_state(module.state_dict(), state)
    if difference.missing or difference.unexpected or not difference.shapes:
        return
    shapes = difference.shapes  # key -> (the checkpoint's, the network's)
    stem = next((key for key, value in module.state_dict().items() if value.ndim == 4), "")
    classifier = {
        key: given[0]
        for key, (given, own) in shapes.items()
        if own[0] == class_count and given[1:] == own[1:]
    }
    if not set(shapes) <= {stem, *classifier}:
        return
    if stem in shapes and stem not in classifier:
        given, own = shapes[stem]
        if own[1] == channels and (given[0], *given[2:]) == (own[0], *own[2:]):
            raise _channel_error(name, given[1], channels)
    elif classifier:
        raise CheckpointError(
            f"The classifier of checkpoint {source} has {next(iter(classifier.values()))} outputs, "
            f"but the images have {class_count} classes. "
            "Choose the images that it was trained on."
        )


def _channel_error(name: str, expected: int, channels: int) -> NetworkError:
    return NetworkError(
        f"Network '{name}' expects {_count(expected, 'channel')}, but the images have "
        f"{channels}. Choose images with {_count(expected, 'channel')}."
    )


def _check_output(
    module: "nn.Module", name: str, class_count: int, input_shape: InputShape
) -> None:
    import torch

    try:
        with torch.no_grad():
            output = module(torch.zeros(1, *input_shape))
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise NetworkError(
            f"Cannot run {name} on images of {_shape_words(input_shape)}: {_shorten(error)}. "
            f"{_expectation(name)}",
            str(error),
        ) from error
    if not isinstance(output, torch.Tensor) or tuple(output.shape) != (1, class_count):
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise NetworkError(
            f"Network '{name}' gives {shape} for one image, but the images have {class_count} "
            f"classes, so (1, {class_count}) is needed. Choose a classifier for these classes."
        )
    if not torch.isfinite(output).all():
        raise NetworkError(
            f"Network '{name}' gives NaN or infinite values for a blank image of "
            f"{_shape_words(input_shape)}. Choose a checkpoint from before the training broke down."
        )


def _expectation(name: str) -> str:
    expected = expected_input(name)
    return f"It was made for images of {_shape_words(expected)}." if expected else ""


def _shape_words(shape: InputShape) -> str:
    channels, height, width = shape
    return f"{_count(channels, 'channel')} and {height} x {width} pixels"


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _shorten(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".!")
    return line if len(line) <= 160 else f"{line[:157]}..."


SOURCES: dict[str, NetworkSource] = {
    "demo": DEMO,
    "cifar": CIFAR,
    "torchvision": TORCHVISION,
}
