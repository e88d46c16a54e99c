"""Open a network that was found: make it, check it, load its weights, run it once."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CheckpointError, NetworkError, readable
from core.events import Event, NoticeRaised
from core.networks.facts import (
    PUBLISHED,
    FoundNetwork,
    InputShape,
    NetworkFacts,
    expectation,
    shape_words,
    shorten,
)
from core.networks.files import LARGE_BYTES, find_file, read_through

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Network:
    """A network that is ready to be pruned: in eval mode, on the CPU, in float32."""

    name: str  # "cifar_resnet20"
    module: "nn.Module"
    input_shape: InputShape  # channels, height, width
    class_count: int
    checkpoint: str = ""  # where the weights came from; empty: the source's own, or none
    # Makes the full-size network again, of the file as it was when it was opened; None: by name
    build: "Callable[[], nn.Module] | None" = field(default=None, repr=False)


def make_module(
    found: FoundNetwork, class_count: int, input_shape: InputShape
) -> "tuple[nn.Module, tuple[str, ...]]":
    """Make a network as its source gives it; random weights are the same every time.

    Returns: the network and notices about what was changed to make it prunable.
    Raises: NetworkError if it cannot take such images or cannot be pruned.
    """
    import torch

    from core.networks.checks import prepare_network

    facts = found.facts
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            module = found.make(class_count, input_shape)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise NetworkError(
                f"Cannot build {facts.label} for images of {shape_words(input_shape)}: "
                f"{shorten(error)}. {expectation(facts)}",
                str(error),
            ) from error
    return prepare_network(module, facts.label)


def load_network(
    found: FoundNetwork,
    checkpoint: str,
    class_count: int,
    input_shape: InputShape,
    *,
    allow_download: bool = False,
) -> Generator[Event, None, Network]:
    """Make a network, load its weights and run it once on blank images.

    checkpoint: a state dict's path; PUBLISHED; or nothing, for the weights it comes with.
    Raises: CheckpointError if the weights cannot be read or do not fit; NetworkError if the
    network cannot take such images or cannot be pruned.
    """
    from core.networks.checks import check_channels, check_output, drop_watching_hooks

    facts = found.facts
    if found.weights is None or not checkpoint:
        _check_own_input(facts, input_shape)
    module, notices = make_module(found, class_count, input_shape)
    yield from map(NoticeRaised, notices)
    source = checkpoint or str(found.weights or "")
    if source:
        states = yield from _read_weights(found, source, allow_download)
        told = _fit_and_load(module, states, facts, readable(source), class_count, input_shape[0])
        if told:
            yield NoticeRaised(told)
    try:
        check_output(module, facts, class_count, input_shape)
    except NetworkError:
        check_channels(module, facts.label, input_shape)  # the likeliest reason, in plain words
        raise
    yield from map(NoticeRaised, drop_watching_hooks(module, input_shape))
    build = partial(_rebuild, found, class_count, input_shape)
    return Network(facts.label, module, input_shape, class_count, checkpoint, build)


def _rebuild(found: FoundNetwork, class_count: int, input_shape: InputShape) -> "nn.Module":
    return make_module(found, class_count, input_shape)[0]


def _read_weights(
    found: FoundNetwork, source: str, allow_download: bool
) -> "Generator[Event, None, dict[str, dict[str, Tensor]]]":
    from core.networks.checkpoints import read_states

    if source == PUBLISHED:
        if found.fetch is None:
            raise CheckpointError(
                f"Nobody publishes weights of {found.facts.label}. Give a file as its checkpoint."
            )
        return {"": (yield from found.fetch(allow_download))}
    path = find_file(source, "checkpoint", CheckpointError)
    if path.stat().st_size >= LARGE_BYTES:
        yield from read_through(path)
    return read_states(Path(source).expanduser())


def _fit_and_load(
    module: "nn.Module",
    states: "Mapping[str, dict[str, Tensor]]",
    facts: NetworkFacts,
    source: str,
    class_count: int,
    channels: int,
) -> str:
    """Load the weights that a file has for the module; returns what to say of others in it."""
    from core.networks.checkpoints import fit_states, load_state

    fitted, told = fit_states(states, module.state_dict(), source)
    _check_ends(module, fitted, facts.label, source, class_count, channels)
    load_state(module, fitted, network=facts.label, source=source)
    return told


def _check_own_input(facts: NetworkFacts, input_shape: InputShape) -> None:
    """Refuse images that a network's own weights, or its own program, cannot take."""
    from core.networks.checks import channel_error

    expected = facts.input_shape
    if expected is None or not facts.is_trained or expected == input_shape:
        return
    if expected[0] != input_shape[0]:
        raise channel_error(facts.label, expected[0], input_shape[0])
    raise NetworkError(
        f"Network '{facts.label}' expects images of {shape_words(expected)}, but these are "
        f"{shape_words(input_shape)}. Choose its own images, or give a checkpoint."
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
    from core.networks.checks import channel_error

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
            raise channel_error(name, given[1], channels)
    elif classifier:
        raise CheckpointError(
            f"The classifier of checkpoint {source} has {next(iter(classifier.values()))} outputs, "
            f"but the images have {class_count} classes. "
            "Choose the images that it was trained on."
        )
