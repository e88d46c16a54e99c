"""What can go wrong that a user can mend.

EspalierError                 one sentence: what, where, the value, the remedy
├── ConfigError               a setting is out of range or unknown
│   └── BudgetError           the budget cannot be reached with this network
├── NetworkError              a network cannot be opened or run
│   ├── CheckpointError       a checkpoint is missing, broken, unsafe or does not fit
│   └── ConsentNeeded         opening a file would run its code, and nobody has agreed yet
├── DataError                 images cannot be opened or do not fit the network
├── GraphError                a network runs but cannot be understood
├── RunError                  a run's folder cannot be made, written or read
├── MemoryShortage            memory ran out, even for the smallest batch
└── ExportError               a file cannot be written
    └── ParityError           the exported network is not the network on the screen

Everything else is a bug and crashes with its traceback.
"""

from pathlib import Path


def readable(path: Path | str) -> str:
    """A path for a sentence: line breaks and what no screen can show are escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in str(path)
    )


class EspalierError(Exception):
    """Something that the user can mend; `details` unfolds behind the sentence."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class ConfigError(EspalierError):
    """A setting is out of range or unknown."""


class BudgetError(ConfigError):
    """The budget cannot be reached with this network."""


class NetworkError(EspalierError):
    """A network cannot be opened or run."""


class CheckpointError(NetworkError):
    """A checkpoint is missing, broken, unsafe or does not fit."""


class ConsentNeeded(NetworkError):
    """Opening a file would run its code, and nobody has agreed yet.

    What a person must see before agreeing: the real `path`, the `sha256` of what lies there,
    and `why` opening it runs code. core.networks.consent remembers the answer.
    """

    def __init__(self, path: Path, sha256: str, why: str) -> None:
        super().__init__(
            f"Opening {readable(path)} runs code: {why}. Agree in the window, or give --trust in "
            f"the terminal, if you trust where it came from (SHA-256 {sha256}).",
        )
        self.path = path
        self.sha256 = sha256
        self.why = why


class DataError(EspalierError):
    """Images cannot be opened or do not fit the network."""


class GraphError(EspalierError):
    """A network runs but cannot be understood."""


class RunError(EspalierError):
    """A run's folder cannot be made, written or read."""


class MemoryShortage(EspalierError):
    """Memory ran out, even for the smallest batch."""


class ExportError(EspalierError):
    """A file cannot be written."""


class ParityError(ExportError):
    """The exported network is not the network on the screen."""
