"""A run that was broken off goes on, in its folder, as if nothing had happened."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from core.config import RunConfig, load_begun_config
from core.errors import RunError, readable
from core.events import Event, Events, NoticeRaised, SearchResumed
from core.opening import Opened, open_run
from core.runs.checkpoint import Checkpoint, check_identity, load_checkpoint
from core.runs.event_log import LogContents, read_log
from core.runs.files import (
    CONFIG_FILE,
    EVENTS_FILE,
    REPORT_FILE,
    prepare_folder,
    remove_half_written,
)
from core.runs.flow import finish_run
from core.runs.lock import locked_folder
from core.runs.paths import with_absolute_paths
from core.runs.recording import RunRecorder
from core.search import run_search


def open_and_resume(folder: Path, *, allow_download: bool = False, trust: bool = False) -> Events:
    """Open what a run's config.toml names, and go on with the run; see open_run, resume_run."""
    config = run_settings(folder)
    opened = yield from open_run(config, allow_download=allow_download, trust=trust)
    yield from resume_run(opened, folder)


def run_settings(folder: Path) -> RunConfig:
    """Read the settings of an unfinished run; RunError if there is none in the folder."""
    if not (folder / CONFIG_FILE).is_file():
        raise RunError(
            f"There is no run in {readable(folder)}: it has no {CONFIG_FILE}. Name the folder of "
            "a run."
        )
    if (folder / REPORT_FILE).exists():
        raise RunError(
            f"The run in {readable(folder)} is finished. Start another one with --config "
            f"{readable(folder / CONFIG_FILE)}."
        )
    return with_absolute_paths(load_begun_config(folder / CONFIG_FILE))


def resume_run(opened: Opened, folder: Path) -> Events:
    """Go on with the run in `folder` after its last update; `opened` is what it searches.

    Yields: what the run told before, then what record_run yields. A run that was broken off
        before its first update begins again.
    Raises: RunError if there is nothing to go on with, if settings, network or images are
        others than those it began with, or if another Espalier writes into the folder; else as
        record_run.
    """
    config = run_settings(folder)
    prepare_folder(folder)
    with locked_folder(folder):
        remove_half_written(folder)
        checkpoint = load_checkpoint(folder)
        if checkpoint is None:
            yield from _begin_again(opened, config, folder)
            return
        check_identity(folder, checkpoint.identity, opened, config)
        earlier = _read_earlier(folder, checkpoint)
        with contextlib.closing(RunRecorder(opened, config, folder)) as recorder:
            yield from earlier.events
            yield from recorder.take_up(earlier, checkpoint.state.as_dict())
            done = checkpoint.state.evaluations
            words = f"Going on after {done} of {config.search.evaluations} evaluations."
            for event in (SearchResumed(done), NoticeRaised(words)):
                yield event
                yield from recorder.record(event)
            search = run_search(opened, config.search, checkpoint.state, earlier.events)
            yield from finish_run(opened, config, recorder, search)


def _begin_again(opened: Opened, config: RunConfig, folder: Path) -> Generator[Event, None, None]:
    yield NoticeRaised("The run was broken off before its first update, and begins again.")
    with contextlib.closing(RunRecorder(opened, config, folder, is_fresh=False)) as recorder:
        yield from finish_run(opened, config, recorder, run_search(opened, config.search))


def _read_earlier(folder: Path, checkpoint: Checkpoint) -> LogContents:
    earlier = read_log(folder / EVENTS_FILE, checkpoint.log_bytes)
    if earlier.byte_count != checkpoint.log_bytes:
        raise RunError(
            f"Cannot go on with the run in {readable(folder)}: {EVENTS_FILE} is damaged or cut. "
            "Its best mask is in masks.npz; start a new run with its config.toml."
        )
    return earlier
