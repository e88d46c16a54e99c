"""What is to be opened, as names and paths; and what a chosen or dropped file makes of it.

No Qt and no torch here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import RunConfig
from core.data.normalisation import AUTO
from core.errors import ConfigError, DataError, EspalierError, NetworkError, readable
from core.networks import FileKind, checkpoint_suffixes, file_suffixes, peek_kind

IMAGE_SUFFIXES = (".npz",)


@dataclass(frozen=True)
class Source:
    """Names and paths of a network, its weights and its images, as RunConfig has them."""

    network: str
    checkpoint: str
    data: str
    normalisation: str = AUTO
    input_shape: str = ""

    @classmethod
    def of(cls, config: RunConfig) -> "Source":
        """Take the source out of a run's settings."""
        return cls(
            config.network,
            config.checkpoint,
            config.data,
            config.normalisation,
            config.input_shape,
        )

    def put_into(self, config: RunConfig) -> RunConfig:
        """Return the settings with this source; ConfigError if something does not fit."""
        if not self.network:
            raise ConfigError("No network is named. Choose one from the list, for example 'demo'.")
        if not self.data:
            raise ConfigError("No images are named. Choose a dataset, a .npz file or a folder.")
        return replace(
            config,
            network=self.network,
            checkpoint=self.checkpoint,
            data=self.data,
            normalisation=self.normalisation,
            input_shape=self.input_shape,
        )

    def with_network(self, path: Path) -> "Source":
        """Take a file as the network; what belonged to the last one goes."""
        return replace(self, network=str(path), checkpoint="", input_shape="")

    def with_weights(self, path: Path, networks: Iterable[str]) -> "Source":
        """Take a file as weights, of the network that its name names."""
        network = guess_network(path.name, networks) or self.network
        shape = self.input_shape if network == self.network else ""
        return replace(self, network=network, checkpoint=str(path), input_shape=shape)


@dataclass(frozen=True)
class Chosen:
    """What files make of a source."""

    source: Source
    unclear: Path | None = None  # taken as weights, but it may hold a whole network


def source_of_files(paths: Sequence[Path], networks: Iterable[str], now: Source) -> Chosen:
    """Understand files and folders as a network, weights and images; runs no code of them.

    Raises: EspalierError in one sentence if one is of no known kind, or two are of the same.
    """
    names = tuple(networks)
    chosen = Chosen(now)
    roles: dict[str, Path] = {}
    # Weights after networks: they may name one, which a network beside them would overrule.
    for path in sorted(paths, key=lambda path: _role(path) == "weights"):
        role = _role(path)
        if role in roles:
            raise NetworkError(
                f"'{readable(roles[role].name)}' and '{readable(path.name)}' are both {role}. "
                "Choose one of them."
            )
        chosen = _with(chosen, path, role, () if "a network" in roles else names)
        roles[role] = path
    return chosen


def _with(chosen: Chosen, path: Path, role: str, networks: Sequence[str]) -> Chosen:
    if role == "images":
        return replace(chosen, source=replace(chosen.source, data=str(path)))
    if role == "a network":
        return Chosen(chosen.source.with_network(path))
    unclear = path if peek_kind(path) is FileKind.UNCLEAR else None
    return Chosen(chosen.source.with_weights(path, networks), unclear)


def _role(path: Path) -> str:
    """Say what a file is for; EspalierError if nothing here can read it."""
    suffix = path.suffix.lower()
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise DataError(f"Cannot look at {readable(path)}: {error.strerror}.") from error
    if is_folder or suffix in IMAGE_SUFFIXES:
        return "images"
    if suffix not in (*file_suffixes(), *checkpoint_suffixes()):
        raise _unknown_kind(path)
    return "a network" if peek_kind(path) is FileKind.NETWORK else "weights"


def _unknown_kind(path: Path) -> EspalierError:
    ending = f"ends in '{readable(path.suffix)}'" if path.suffix else "has no ending"
    networks = ", ".join(suffix for suffix in file_suffixes() if suffix in (".py", ".pt2", ".onnx"))
    return NetworkError(
        f"'{readable(path.name)}' {ending}, which is no network, weights or images. Choose a "
        f"network ({networks}, .pt), weights (.pt, .pth, .safetensors), a .npz file, or a folder "
        "of images."
    )


def guess_network(file_name: str, networks: Iterable[str]) -> str:
    """Guess which network a checkpoint belongs to: the longest name found in the file's name."""
    wanted = _letters(file_name)
    fitting = [name for name in networks if _letters(name.removeprefix("cifar_")) in wanted]
    # A CIFAR network is preferred because torchvision loads its own weights without a file.
    fitting.sort(key=lambda name: (len(name.removeprefix("cifar_")), name.startswith("cifar_")))
    return fitting[-1] if fitting else ""


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
