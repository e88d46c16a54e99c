"""The process in which conversion.py lets exporters work: `worker FOLDER NAME ...`."""

import sys
from pathlib import Path

import torch

from core.export.conversion import (
    EXIT_UNREADABLE,
    EXIT_UNWRITABLE,
    HALF_MARK,
    NETWORK_FILE,
    Convert,
    convert_all,
)
from core.export.exporting import EXPORTERS


def main(stage: Path, names: list[str]) -> int:
    """Convert the network that lies in `stage` with each named exporter."""
    # It was written a moment ago, by us, into a folder that only this user can read.
    try:
        module, input_shape = torch.load(stage / NETWORK_FILE, weights_only=False)
    except Exception:
        # Its class lives in a file that was run over there and not here.
        return EXIT_UNREADABLE
    whole = [name for name in names if not name.startswith(HALF_MARK)]
    half = [name.removeprefix(HALF_MARK) for name in names if name.startswith(HALF_MARK)]
    converters = _known({name: EXPORTERS[name].convert for name in whole})
    halves = _known({name: EXPORTERS[name].convert_half for name in half})
    try:
        convert_all(module, input_shape, converters, stage, halves)
    except OSError:
        return EXIT_UNWRITABLE
    return 0


def _known(converters: dict[str, Convert | None]) -> dict[str, Convert]:
    return {name: convert for name, convert in converters.items() if convert is not None}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
