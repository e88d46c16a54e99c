"""Where a network comes from: by name, or out of a file. See SOURCES.

Importing this is cheap: torch is imported when the first network is found in a file or built.
"""

import difflib
from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

from core.errors import ConsentNeeded, NetworkError, readable
from core.events import Event
from core.networks.exported import TORCH_EXPORT
from core.networks.facts import (
    PUBLISHED,
    FoundNetwork,
    InputShape,
    NetworkFacts,
    NetworkSource,
)
from core.networks.loading import Network, load_network, make_module
from core.networks.onnx_file import ONNX
from core.networks.peek import CHECKPOINT_SUFFIXES, FileKind, peek_kind
from core.networks.pickled import PICKLE
from core.networks.python_file import PYTHON, list_factories, split_spec
from core.networks.sources import CIFAR, DEMO
from core.networks.timm_models import TIMM
from core.networks.torchvision_models import TORCHVISION

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "PUBLISHED",
    "SOURCES",
    "FileKind",
    "FoundNetwork",
    "InputShape",
    "Network",
    "NetworkFacts",
    "NetworkSource",
    "build_network",
    "checkpoint_suffixes",
    "expected_input",
    "file_suffixes",
    "find_network",
    "inspect_network",
    "inspecting",
    "list_factories",
    "load_network",
    "network_names",
    "open_network",
    "peek_kind",
    "split_spec",
]

T = TypeVar("T")


def network_names() -> tuple[str, ...]:
    """All names that can be listed, the demo first; timm's are not among them."""
    return tuple(name for source in SOURCES.values() for name in source.names)


def file_suffixes() -> tuple[str, ...]:
    """The endings of the files that a network may come in."""
    return tuple(dict.fromkeys(suffix for one in SOURCES.values() for suffix in one.suffixes))


def checkpoint_suffixes() -> tuple[str, ...]:
    """The endings of the files that weights may come in."""
    return CHECKPOINT_SUFFIXES


def find_network(spec: str, *, trust: bool = False) -> Generator[Event, None, FoundNetwork]:
    """Find a network by name or in a file, read and understood as far as it can be unbuilt.

    spec: a name of `network_names`, "timm:NAME", "nets.py:make", or the path of a pickled
        module, a .pt2 or an .onnx file.
    trust: run the file's code without asking, this once.

    Yields: stages and progress for large files; a Stop ends it between two pieces.
    Raises: ConsentNeeded if finding it would run code that nobody has agreed to; NetworkError
    if there is no such network or it cannot be read.
    """
    for source in SOURCES.values():
        if source.recognises(spec):
            return (yield from source.find(spec, trust))
    close = difflib.get_close_matches(spec, network_names(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else "Try demo, cifar_resnet20, resnet18."
    files = f"; a file must end in {', '.join(file_suffixes())}" if "." in spec else ""
    raise NetworkError(f"There is no network '{readable(spec)}'{files}. {hint}")


def inspect_network(spec: str, *, trust: bool = False) -> NetworkFacts:
    """Say what is known of a network without the images; reads its file but runs no code of it.

    A file that nobody has agreed to run gives facts with `needs_consent` and little else.
    Raises: NetworkError if there is no such network or it cannot be read.
    """
    return _run_to_end(inspecting(spec, trust=trust))


def inspecting(spec: str, *, trust: bool = False) -> Generator[Event, None, NetworkFacts]:
    """Do as `inspect_network`; a Stop ends it between two pieces of a large file."""
    try:
        return (yield from find_network(spec, trust=trust)).facts
    except ConsentNeeded as asked:
        source = next(name for name, source in SOURCES.items() if source.recognises(spec))
        size = asked.path.stat().st_size
        return NetworkFacts(spec, source, asked.path.stem, needs_consent=True, size_bytes=size)


def expected_input(spec: str) -> InputShape | None:
    """The shape of the images that a network was made for, None if it is not known.

    Raises: NetworkError as `inspect_network` does.
    """
    return inspect_network(spec).input_shape


def build_network(
    spec: str, *, class_count: int, input_shape: InputShape, trust: bool = False
) -> "nn.Module":
    """Build a network in eval mode: by name with random weights, the same every time.

    Raises: NetworkError if there is no such network or it cannot take such images.
    """
    found = _run_to_end(find_network(spec, trust=trust))
    return make_module(found, class_count, input_shape)[0]


def open_network(
    spec: str,
    checkpoint: str = "",
    *,
    class_count: int,
    input_shape: InputShape,
    trust: bool = False,
    allow_download: bool = False,
) -> Network:
    """Find a network, load its weights and run it once: `load_network` without its events.

    checkpoint: a state dict's path; PUBLISHED for the weights that torchvision or timm
        publish; or nothing, for the weights it comes with. Without any they stay random.

    Raises: CheckpointError if the weights cannot be read or do not fit; ConsentNeeded;
    NetworkError if the network cannot take such images or cannot be pruned.
    """
    found = _run_to_end(find_network(spec, trust=trust))
    loading = load_network(
        found, checkpoint, class_count, input_shape, allow_download=allow_download
    )
    return _run_to_end(loading)


def _run_to_end(events: Generator[Event, None, T]) -> T:
    while True:
        try:
            next(events)
        except StopIteration as stop:
            result: T = stop.value
            return result


SOURCES: dict[str, NetworkSource] = {
    "demo": DEMO,
    "cifar": CIFAR,
    "torchvision": TORCHVISION,
    "timm": TIMM,
    "python": PYTHON,
    "pickle": PICKLE,
    "torch_export": TORCH_EXPORT,
    "onnx": ONNX,
}
