"""Fine-tuning in a terminal: a bar for each network, a table, and Ctrl-C that keeps the best."""

import shlex
import sys
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from app.finetune_table import finetune_table
from app.headless import (
    BAR_FORMAT,
    Screen,
    bar_size,
    drive_to_exit,
)
from app.report_table import as_percent
from core.config import RunConfig
from core.errors import RunError, readable
from core.events import (
    Event,
    Events,
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneReported,
    FinetuneScored,
    FinetuneStarted,
    StageStarted,
)
from core.runs.files import REPORT_FILE
from core.runs.finetune_file import parse_finetune_file


def run_finetuning(
    config: RunConfig,
    folder: Path,
    out: Path | None,
    *,
    resume: bool = False,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Fine-tune the masks of the run in `folder`; returns the exit code.

    out: where the files go; None writes them into `folder`.
    Raises: RunError if that is the folder of a run that may yet find another mask.
    """
    _check_finished(folder, out)
    screen = FinetuneScreen(sys.stdout, sys.stderr, is_quiet=is_quiet, exports=config.exports)
    events = _open_and_finetune(config, folder, out or folder, resume, allow_download, trust)
    return drive_to_exit(
        events,
        screen,
        broken_off="Broken off. Give --resume to go on from the last whole epoch.",
        stopped="Stopped before anything was trained; nothing was written.",
        stopping="the best epoch so far is tested and written",
        is_verbose=is_verbose,
    )


def _check_finished(folder: Path, out: Path | None) -> None:
    is_own = out is None or out.absolute() == folder.absolute()
    if is_own and not (folder / REPORT_FILE).is_file():
        raise RunError(
            f"The run in {readable(folder)} is not finished. Finish it with 'espalier resume "
            f"{shlex.quote(readable(folder))}', or name another folder by --out to fine-tune the "
            "best mask so far."
        )


def _open_and_finetune(
    config: RunConfig, folder: Path, out: Path, resume: bool, allow_download: bool, trust: bool
) -> Events:
    yield StageStarted("Preparing")
    from core.opening import open_run
    from core.runs.finetuning import record_finetuning
    from core.runs.masks import read_masks

    opened = yield from open_run(config, allow_download=allow_download, trust=trust)
    masks = read_masks(folder, opened.analysis.groups.channel_count)
    yield from record_finetuning(opened, masks, config, out, run_folder=folder, resume=resume)


class FinetuneScreen(Screen):
    """Turns the events of a fine-tuning into lines and bars on `err`, and a table on `out`."""

    def __init__(
        self, out: TextIO, err: TextIO, *, is_quiet: bool = False, exports: bool = True
    ) -> None:
        super().__init__(out, err, is_quiet=is_quiet)
        self._exports = exports
        self._epochs = 0

    def show(self, event: Event) -> None:
        """Show what a person wants to know of `event`."""
        match event:
            case FinetuneStarted():
                self._tell(
                    f"{event.name}: {as_percent(event.accuracy)} on the held-out images "
                    "before fine-tuning"
                )
                self._epochs = event.epochs
                self._open_steps(event.steps)
            case FinetuneAdvanced():
                if self._bar is not None:
                    self._bar.set_postfix_str(_numbers(event), refresh=False)
                    self._bar.update(event.step - self._bar.n)
            case FinetuneScored():
                best = ", the best so far" if event.is_best else ""
                broken_off = ", broken off" if event.is_broken_off else ""
                self._tell(
                    f"  epoch {event.epoch}/{self._epochs}{broken_off}  held-out accuracy "
                    f"{as_percent(event.accuracy)}, cross-entropy {event.cross_entropy:.3f}{best}"
                )
            case FinetuneFinished():
                self.close_bar()
            case FinetuneReported():
                self.close_bar()
                self._show_report(event)
            case _:
                super().show(event)

    def _open_steps(self, steps: int) -> None:
        self.close_bar()
        if self._is_quiet or not self._err.isatty():
            return
        tqdm.monitor_interval = 0  # no thread that outlives the bar
        size: dict[str, Any] = bar_size(self._err)
        self._bar = tqdm(total=steps, file=self._err, bar_format=BAR_FORMAT, **size)

    def _show_report(self, event: FinetuneReported) -> None:
        file = parse_finetune_file(event.report)
        if file is None:
            raise RuntimeError("a report of a fine-tuning that cannot be read")
        learned = file.networks[0]
        is_exported = file.parity is not None or file.export_error is not None
        is_written = is_exported or not self._exports
        self.is_complete = learned.after.accuracy is not None and is_written
        self._print(finetune_table(file, event.folder))


def _numbers(event: FinetuneAdvanced) -> str:
    return f"epoch {event.epoch:.1f}, loss {event.loss:.3f}"
