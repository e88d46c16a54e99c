"""The training of an agent in a terminal: a bar, and Ctrl-C that keeps what is learned."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from app.headless import BAR_FORMAT, Screen, bar_size, drive_to_exit
from core.config import RunConfig
from core.config.training import TrainingConfig
from core.errors import ConfigError, readable
from core.events import AgentTrained, Event, Events, StageAdvanced, StageStarted, TaskPractised

LINES_PER_TRAINING = 10  # where there is no terminal to redraw a bar in


def run_training(
    networks: Sequence[RunConfig],
    config: TrainingConfig,
    out: Path,
    *,
    allow_download: bool = False,
    trust: bool = False,
    is_quiet: bool = False,
    is_verbose: bool = False,
) -> int:
    """Train one agent on all networks and write it to the file `out`; returns the exit code.

    Raises: ConfigError if `out` cannot be written, before anything is trained.
    """
    _check_place(out)
    screen = TrainingScreen(sys.stdout, sys.stderr, is_quiet=is_quiet)
    return drive_to_exit(
        _open_and_train(networks, config, out, allow_download, trust),
        screen,
        broken_off="Broken off; no agent was written.",
        stopped="Stopped before anything was learned; no agent was written.",
        stopping="what is learned so far is written",
        is_verbose=is_verbose,
    )


def _open_and_train(
    networks: Sequence[RunConfig],
    config: TrainingConfig,
    out: Path,
    allow_download: bool,
    trust: bool,
) -> Events:
    yield StageStarted("Preparing")
    from core.opening import open_run
    from core.runs.files import write_bytes
    from core.search.generalist import train_generalist

    opened = []
    for network in networks:
        opened.append((yield from open_run(network, allow_download=allow_download, trust=trust)))
    content = yield from train_generalist(opened, config)
    try:
        write_bytes(out, content)  # whole or not at all, so that an earlier agent stays
    except OSError as error:
        raise _unwritable(out, error) from error
    yield AgentTrained(str(out), tuple(one.network.name for one in opened), len(content))


def _check_place(out: Path) -> None:
    if out.is_dir():
        raise ConfigError(f"Cannot write an agent to {readable(out)}: it is a folder. Name a file.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> ConfigError:
    return ConfigError(f"Cannot write the agent to {readable(out)}: {error.strerror}.")


class TrainingScreen(Screen):
    """Turns the events of a training into lines and a bar on `err`, and the file on `out`."""

    def __init__(self, out: TextIO, err: TextIO, *, is_quiet: bool = False) -> None:
        super().__init__(out, err, is_quiet=is_quiet)
        self._total, self._tenths_told = 0, 0
        self._last: TaskPractised | None = None

    def show(self, event: Event) -> None:
        """Show what a person wants to know of `event`."""
        match event:
            case StageStarted():
                super().show(event)
                self._total, self._last = event.total, None
            case TaskPractised():
                self._open_training()
                self._last = event
            case StageAdvanced() if self._last is not None:
                self._show_update(event.done, self._last)
            case AgentTrained():
                self.close_bar()
                self.is_complete = True
                networks = ", ".join(map(readable, event.networks))
                self._print(
                    f"The agent is in {readable(Path(event.path))}: {event.size:,} bytes, "
                    f"trained on {networks}.\n"
                )
            case _:
                super().show(event)

    def _show_update(self, done: int, task: TaskPractised) -> None:
        words = f"{task.network} at {100 * task.macs_budget:.0f} %: loss {task.mean_loss:.4g}"
        if self._bar is not None:
            self._bar.set_postfix_str(words, refresh=False)
            self._bar.update(done - self._bar.n)
            return
        tenths = done * LINES_PER_TRAINING // max(1, self._total)
        if tenths > self._tenths_told:
            self._tenths_told = tenths
            self._tell(f"  {done}/{self._total}  {words}")

    def _open_training(self) -> None:
        if self._bar is not None or self._is_quiet or not self._err.isatty():
            return
        tqdm.monitor_interval = 0  # no thread that outlives the bar
        size: dict[str, Any] = bar_size(self._err)
        self._bar = tqdm(total=self._total, file=self._err, bar_format=BAR_FORMAT, **size)
