"""What is known of a network before it is opened, and what a source of networks is.

No torch here: the window names and describes networks before torch is imported.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import readable
from core.events import Event

if TYPE_CHECKING:
    from torch import Tensor, nn

InputShape = tuple[int, int, int]  # channels, height, width
PUBLISHED = "published"  # as a checkpoint: the weights that the source itself publishes


@dataclass(frozen=True)
class NetworkFacts:
    """A network's outside; None where only the images, or the user, can tell."""

    spec: str  # as the user wrote it: "resnet18", "nets.py:make"
    source: str  # a key of SOURCES
    label: str  # short, for the screen and for file names: "resnet18", "make"
    input_shape: InputShape | None = None  # of the images it was made for
    channels: int | None = None  # of its images, where their size does not matter
    class_count: int | None = None  # None: it is built for the images' classes
    is_trained: bool | None = None  # whether it has weights without a checkpoint
    has_published_weights: bool = False  # the checkpoint may be PUBLISHED
    normalisation: str = ""  # of the images it was trained on; a key of NORMALISATIONS
    needs_consent: bool = False  # no more is known until somebody agrees
    size_bytes: int = 0  # of its file


@dataclass(frozen=True, eq=False)
class FoundNetwork:
    """A network that is there and allowed, and how to get it."""

    facts: NetworkFacts
    make: Callable[[int, InputShape], "nn.Module"]  # class_count, input_shape
    weights: Path | None = None  # a state dict of its own
    # Fetches the published weights if that is allowed and needed, and reads them.
    fetch: "Callable[[bool], Generator[Event, None, dict[str, Tensor]]] | None" = None


@dataclass(frozen=True)
class NetworkSource:
    """Where networks come from: by name, or from a file."""

    recognises: Callable[[str], bool]
    # (spec, is the user's trust given); raises ConsentNeeded if it must be and is not
    find: Callable[[str, bool], Generator[Event, None, FoundNetwork]]
    names: tuple[str, ...] = ()  # those that can be listed
    suffixes: tuple[str, ...] = ()  # of the files it opens, for file dialogs


def expectation(facts: NetworkFacts) -> str:
    """A sentence about the images that a network was made for, if that is known."""
    if facts.input_shape is None:
        return ""
    return f"It was made for images of {shape_words(facts.input_shape)}."


def shape_words(shape: InputShape) -> str:
    """Say an input shape: "3 channels and 32 x 32 pixels"."""
    channels, height, width = shape
    return f"{count_words(channels, 'channel')} and {height} x {width} pixels"


def count_words(count: int, word: str) -> str:
    """Say a count: "1 channel", "3 channels"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def shorten(error: BaseException) -> str:
    """The first line of what an error says, without its full stop, 160 letters at the most."""
    line = readable((str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".!:"))
    return line if len(line) <= 160 else f"{line[:157]}..."
