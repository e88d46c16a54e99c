"""A comparison of methods in a terminal: what goes on, a bar for it, and the table at the end."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from app.headless import (
    Screen,
    bar_size,
    drive_to_exit,
)
from core.config import RunConfig
from core.errors import ConfigError, readable
from core.events import (
    ComparisonReported,
    Event,
    Events,
    StageAdvanced,
    StageStarted,
)
from core.runs.comparing import USUAL_METHODS
from core.runs.comparison_table import table_text
from core.runs.files import new_run_folder

STAGE_BAR = "  {desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {remaining} left]"
MOST_SEEDS = 1000


def run_comparison(
    config: RunConfig,
    methods: Sequence[str],
    seed_count: int,
    finetune_epochs: int,
    out: Path | None,
    *,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Compare the methods (none: the default ones) over so many seeds; returns the exit code.

    out: folder of the comparison; what is finished in it is not done again. None: a new one.
    """
    _check("--seeds", seed_count, 1)
    _check("--finetune-epochs", finetune_epochs, 0)
    folder = out or comparison_folder(config)
    screen = ComparisonScreen(sys.stdout, sys.stderr, is_quiet=is_quiet)
    events = _open_and_compare(
        config, methods, (seed_count, finetune_epochs), folder, allow_download, trust
    )
    return drive_to_exit(
        events,
        screen,
        broken_off=(
            "Broken off. The same command goes on; name the folder by --out "
            f"{shlex.quote(readable(folder))}"
        ),
        stopped="Stopped before anything was compared.",
        stopping="the table is written of what is finished",
        is_verbose=is_verbose,
    )


def comparison_folder(config: RunConfig) -> Path:
    """Name a folder for a new comparison; makes nothing."""
    folder = new_run_folder(config)
    return folder.with_name(f"{folder.name}-compared")


def _check(word: str, count: int, least: int) -> None:
    most = MOST_SEEDS if least else 10_000
    if not least <= count <= most:
        raise ConfigError(f"{word} must be between {least} and {most:,}, not {count}.")


def _open_and_compare(
    config: RunConfig,
    methods: Sequence[str],
    counts: tuple[int, int],
    folder: Path,
    allow_download: bool,
    trust: bool,
) -> Events:
    yield StageStarted("Preparing")
    from core.opening import open_run
    from core.runs.comparison_flow import (
        check_comparison,
        plan_comparison,
        record_comparison,
    )

    chosen = check_comparison(config, methods or USUAL_METHODS)
    opened = yield from open_run(config, allow_download=allow_download, trust=trust)
    plan = plan_comparison(opened, config, chosen, *counts)
    yield from record_comparison(opened, config, plan, folder)


class ComparisonScreen(Screen):
    """Turns the events of a comparison into lines and bars on `err`, and a table on `out`."""

    def __init__(self, out: TextIO, err: TextIO, *, is_quiet: bool = False) -> None:
        super().__init__(out, err, is_quiet=is_quiet)
        self._run = ""

    def show(self, event: Event) -> None:
        """Show what a person wants to know of `event`."""
        match event:
            case StageStarted():
                run, _, stage = event.stage.partition(": ")
                if run != self._run:
                    self._run = run
                    self.close_bar()
                    self._tell(f"{run} ...")
                self._open_stage(stage, event.total)
            case StageAdvanced():
                if self._bar is not None:
                    self._bar.update(event.done - self._bar.n)
            case ComparisonReported():
                self.close_bar()
                self.is_complete = event.report["is_complete"] is True
                folder = Path(event.folder)
                where = f"\nThe comparison is in {readable(folder)}\n"
                self._print(f"{table_text(event.handle)}{where}")
            case _:
                super().show(event)

    def _open_stage(self, stage: str, total: int) -> None:
        self.close_bar()
        if self._is_quiet or not total or not self._err.isatty():
            return
        tqdm.monitor_interval = 0  # no thread that outlives the bar
        size: dict[str, Any] = bar_size(self._err)
        self._bar = tqdm(
            total=total, desc=stage, file=self._err, leave=False, bar_format=STAGE_BAR, **size
        )
