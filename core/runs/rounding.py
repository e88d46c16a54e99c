"""A finished run once more, with widths that hardware likes: `espalier round`."""

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.config import RunConfig, load_begun_config
from core.errors import RunError, readable
from core.evaluation import limited_threads
from core.events import (
    Event,
    Events,
    FloatArray,
    LatencyTableMeasured,
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    RunReported,
    SearchFinished,
    StageStarted,
)
from core.memory import told_shortage
from core.opening import Opened, open_run
from core.pruning.latency_table import LatencyTable
from core.runs.adapted import read_weights
from core.runs.event_log import BROKEN
from core.runs.files import CONFIG_FILE, LATENCY_FILE, folder_to_fill
from core.runs.flow import finish_run
from core.runs.lock import locked_folder
from core.runs.paths import with_absolute_paths
from core.runs.recording import RunRecorder
from core.runs.replay import replay_run
from core.search.bench import Bench
from core.search.held_out import score_held_out
from core.search.rounding import round_winner


def open_and_round(
    source: Path,
    folder: Path | None,
    multiple: int,
    *,
    macs_budget: float | None = None,
    allow_download: bool = False,
    trust: bool = False,
) -> Events:
    """Open what the run in `source` searched, and round its mask; see open_run, round_run.

    folder: where the rounded run's files go; None: beside `source`.
    macs_budget: another one than the run's, for widths that cost more; 0-1.
    """
    config = rounded_settings(source, multiple, macs_budget)
    opened = yield from open_run(config, allow_download=allow_download, trust=trust)
    yield from round_run(opened, config, source, folder or rounded_folder(source, multiple))


def rounded_settings(source: Path, multiple: int, macs_budget: float | None = None) -> RunConfig:
    """Return a run's settings with `round_to`; RunError if there is no run in the folder."""
    path = source / CONFIG_FILE
    if not path.is_file():
        raise RunError(
            f"There is no run in {readable(source)}: it has no {CONFIG_FILE}. Name the folder of "
            "a run."
        )
    config = with_absolute_paths(load_begun_config(path))
    search = dataclasses.replace(config.search, round_to=multiple)
    if macs_budget is not None:
        search = dataclasses.replace(search, macs_budget=macs_budget)
    return dataclasses.replace(config, search=search)


def rounded_folder(source: Path, multiple: int) -> Path:
    """Where the files of a rounded run go: beside those of the run."""
    source = source.absolute()
    return source.with_name(f"{source.name}-rounded-{multiple}")


def round_run(opened: Opened, config: RunConfig, source: Path, folder: Path) -> Events:
    """Round the widths of the mask of the run in `source` to multiples of `config.search.round_to`.

    What the search told is told again, with the rounded mask at its end, and the run ends as
    record_run's do: tested, exported and measured, in a folder of its own.
    Yields: the events of the run in `source`, what the rounding costs, then those of record_run.
    Raises: RunError if that run is not finished, has such widths already, or has none within
        its budget; else as record_run.
    """
    yield StageStarted("Reading the run")
    earlier = [event for event in replay_run(source, opened) if not isinstance(event, RunReported)]
    if not earlier or not isinstance(earlier[-1], SearchFinished):
        raise RunError(
            f"The run in {readable(source)} is not finished. Finish it with 'espalier resume'."
        )
    finished = earlier[-1]
    table = read_latency_table(source) if config.search.latency_budget < 1 else None
    weights = read_weights(source, opened, finished.keep)
    with limited_threads(config.search.threads), told_shortage("rounding the widths"):
        bench = Bench.of(opened, config.search, table)
        if weights is not None:  # the network adapted, and its masks are scored as it is now
            bench.scorer.weights.take({k: torch.from_numpy(one) for k, one in weights.items()})
        rounded, told = _rounded(bench, finished, earlier)
    measured = [] if table is None else [LatencyTableMeasured(table.as_dict())]
    adapted = [] if weights is None else [NetworkAdapted(weights)]
    with (
        folder_to_fill(folder),
        locked_folder(folder),
        contextlib.closing(RunRecorder(opened, config, folder)) as recorder,
    ):
        notice = NoticeRaised(told)
        search = _search([*measured, *earlier[:-1], notice, *adapted, rounded])
        name = source.absolute().name
        yield from finish_run(opened, config, recorder, search, rounded_run=name)


def read_latency_table(folder: Path) -> LatencyTable:
    """Read the times that a run's latency budget was held with; RunError if they are not there."""
    try:
        return LatencyTable.from_dict(json.loads((folder / LATENCY_FILE).read_text("utf-8")))
    except BROKEN as error:
        raise RunError(
            f"Cannot hold the latency budget of the run in {readable(folder)}: its {LATENCY_FILE} "
            "is missing or damaged. Search again, or set latency_budget = 1 in its config.toml.",
            str(error),
        ) from error


def _rounded(
    bench: Bench, finished: SearchFinished, earlier: Sequence[Event]
) -> tuple[SearchFinished, str]:
    """The end of the search with the rounded mask, scored as it would have been, and the words."""
    keep, told = round_winner(bench, finished.keep, _priority(finished, earlier))
    if np.array_equal(keep, finished.keep):
        raise RunError(told)
    score = score_held_out(bench, keep)
    changed = dataclasses.replace(
        finished,
        keep=keep,
        macs_kept=float(bench.macs.kept_share(keep)),
        accuracy=score.accuracy,
        cross_entropy=score.cross_entropy,
        further_kept=bench.further_kept(keep),
    )
    return changed, told


def _priority(finished: SearchFinished, earlier: Sequence[Event]) -> FloatArray:
    """What the policy thought of each channel at last, (C,); of a run without one its mask."""
    policies = [event for event in earlier if isinstance(event, PolicyUpdated)]
    if policies:
        return policies[-1].keep_probability
    return finished.keep.astype(np.float32)


def _search(events: Sequence[Event]) -> Events:
    yield from events
