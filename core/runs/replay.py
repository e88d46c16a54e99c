"""A run's folder tells again what its search told, so that the window can open it: no torch."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.archives import read_array_file
from core.errors import RunError, readable
from core.events import (
    BoolArray,
    Event,
    Events,
    NoticeRaised,
    RunReported,
    SearchFinished,
    SearchStarted,
)
from core.graph.coupling import CouplingGroups
from core.runs.event_log import LogHeader, read_events, read_header
from core.runs.files import EVENTS_FILE, MASKS_FILE, REPORT_FILE
from core.runs.stored_masks import BROKEN, MASKS_BYTES

if TYPE_CHECKING:
    from core.opening import Opened

SECONDS = ("total", "analysis", "evaluation", "policy")  # that whoever shows a search relies on


def replay_run(folder: Path, opened: "Opened | None" = None) -> Events:
    """Tell the events of a run again, from SearchStarted as far as it came, to the bit.

    opened: what the masks are for, if it is known; the run of another network is refused.
    A run of Espalier 0.1 has no log of events: its masks and its report are told.
    Raises: RunError if the folder holds no run that can be read, or that of another network.
    """
    groups = None if opened is None else opened.analysis.groups
    if (folder / EVENTS_FILE).exists():
        yield from _logged(folder, groups)
    elif (folder / MASKS_FILE).exists():
        yield from _older(folder, groups)
    else:
        raise RunError(
            f"There is no run in {readable(folder)}: it has neither {EVENTS_FILE} nor "
            f"{MASKS_FILE}. Choose the folder of a run."
        )
    report = _report(folder)
    if report is not None:
        yield RunReported(str(folder), report)


def _logged(folder: Path, groups: CouplingGroups | None) -> Iterator[Event]:
    header = read_header(folder / EVENTS_FILE)
    if groups is not None:
        _check_groups(folder, header.groups, LogHeader.of("", groups).groups)
    for event in read_events(folder / EVENTS_FILE):
        if isinstance(event, SearchFinished):
            seconds = dict.fromkeys(SECONDS, 0.0) | dict(event.seconds)
            yield dataclasses.replace(event, seconds=seconds)
        else:
            yield event


def _check_groups(
    folder: Path, theirs: tuple[tuple[str, int], ...], ours: tuple[tuple[str, int], ...]
) -> None:
    if theirs == ours:
        return
    counts = [sum(count for _, count in groups) for groups in (theirs, ours)]
    numbers = (
        f"they have {counts[0]:,} channels, it has {counts[1]:,}"
        if counts[0] != counts[1]
        else "its layers have other names or widths"
    )
    raise RunError(
        f"The masks of the run in {readable(folder)} do not fit the open network: {numbers}. "
        "Open the network of that run first."
    )


def _older(folder: Path, groups: CouplingGroups | None) -> Iterator[Event]:
    """Tell what a run without a log of events has kept: how it began and how it ended."""
    try:
        masks = read_array_file(folder / MASKS_FILE, most_bytes=MASKS_BYTES)
        theirs = _group_sizes(masks)
        best = _mask(masks["best"], len(masks["group_of_channel"]))
        names = [str(name) for name in masks["criteria_names"]]
        criteria = {
            name: _mask(keep, len(best))
            for name, keep in zip(names, masks["criteria"], strict=True)
        }
        macs_kept, accuracy = float(masks["macs_kept"]), float(masks["accuracy"])
    except BROKEN as error:
        raise RunError(
            f"Cannot read the run in {readable(folder)}: {MASKS_FILE} is damaged.", str(error)
        ) from error
    if groups is not None:
        _check_groups(folder, theirs, LogHeader.of("", groups).groups)
    report = _report(folder) or {}
    if (started := _started(report)) is not None:
        yield started
    yield NoticeRaised("This run was made by an older Espalier, which kept only its best masks.")
    yield SearchFinished(
        keep=best,
        macs_kept=macs_kept,
        accuracy=accuracy,
        cross_entropy=_number(report, "held_out", "cross_entropy"),
        evaluations=_count(report, "evaluations"),
        criteria=criteria,
        seconds={name: _seconds(report, name) for name in SECONDS},
        is_stopped=report.get("stopped") is True,
    )


def _group_sizes(masks: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    sizes = np.bincount(masks["group_of_channel"], minlength=len(masks["group_names"]))
    return tuple(
        (str(name), int(size)) for name, size in zip(masks["group_names"], sizes, strict=True)
    )


def _mask(keep: Any, channels: int) -> BoolArray:
    if keep.dtype != np.bool_ or keep.shape != (channels,):
        raise ValueError(f"a mask of shape {keep.shape}, not ({channels},)")
    mask: BoolArray = keep
    return mask


def _started(report: Mapping[str, Any]) -> SearchStarted | None:
    budget = _number(report, "macs_budget")
    if not 0 < budget <= 1:
        return None
    return SearchStarted(
        evaluations=_count(report, "evaluations"),
        macs_budget=budget,
        macs=_count(report, "baseline", "macs"),
        params=_count(report, "baseline", "params"),
        baseline_accuracy=_number(report, "baseline", "accuracy"),
        baseline_cross_entropy=_number(report, "baseline", "cross_entropy"),
        least_macs_kept=0.0,
    )


def _report(folder: Path) -> Mapping[str, Any] | None:
    try:
        report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return report if isinstance(report, Mapping) else None


def _number(report: Mapping[str, Any], *names: str) -> float:
    """Return a number of the report; NaN if it is not there."""
    value: Any = report
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 else math.nan


def _seconds(report: Mapping[str, Any], name: str) -> float:
    number = _number(report, "seconds", name)
    return number if number == number else 0.0


def _count(report: Mapping[str, Any], *names: str) -> int:
    number = _number(report, *names)
    return int(number) if number == number and number >= 0 else 0
