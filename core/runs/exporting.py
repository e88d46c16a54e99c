"""Export by hand of a mask that a run may have chosen: with the weights that it was chosen with."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from core.config import RunConfig
from core.events import BoolArray, Events, NoticeRaised
from core.export import export_pruned
from core.opening import Opened
from core.runs.adapted import UNREFITTED, read_adapted


def export_of_run(
    opened: Opened,
    keep: BoolArray,
    folder: Path,
    formats: Sequence[str],
    config: RunConfig,
    run_folder: Path | None = None,
) -> Events:
    """Write the network of a mask (C,) into `folder`, after the parity gate.

    run_folder: of the run on the screen. If its network adapted, its winner is cut out of the
        adapted weights, as in the run's own export; other masks out of those that were opened.
    Raises: RunError if the adapted weights are damaged; else as export_pruned.
    """
    adapted = None if run_folder is None else read_adapted(run_folder, opened, keep)
    if adapted is not None and config.refit:
        yield NoticeRaised(UNREFITTED)
        config = dataclasses.replace(config, refit=False)
    yield from export_pruned(adapted or opened, keep, folder, formats=formats, config=config)
