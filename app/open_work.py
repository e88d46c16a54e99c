"""What is open: the network with its images, the last search over it, and where it is recorded."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.events import (
    BestChanged,
    BoolArray,
    Event,
    NetworkOpened,
    RunReported,
    SearchFinished,
    SearchStarted,
)


@dataclass(eq=False)
class OpenWork:
    """What the events have told; `wanted_config` is that of the job that runs now."""

    handle: Any = None  # core.opening.Opened
    wanted_config: RunConfig | None = None
    opened_config: RunConfig | None = None
    search_config: RunConfig | None = None
    best_keep: BoolArray | None = None
    run_folder: Path | None = None

    def take_event(self, event: Event) -> None:
        """Follow what is opened, searched and recorded."""
        match event:
            case NetworkOpened():
                self.handle, self.opened_config = event.handle, self.wanted_config
                self._forget_search()
            case SearchStarted():
                self._forget_search()
                self.search_config = self.wanted_config
            case BestChanged() | SearchFinished():
                self.best_keep = event.keep
            case RunReported():
                self.run_folder = Path(event.folder)

    def is_open(self, config: RunConfig) -> bool:
        """Whether the network and the images that `config` names are open."""
        return self.opened_config is not None and _source(self.opened_config) == _source(config)

    @property
    def run_name(self) -> str:
        """What files about the run are named after: its folder, else the network."""
        if self.run_folder is not None:
            return self.run_folder.name
        return "" if self.opened_config is None else Path(self.opened_config.network).stem

    def _forget_search(self) -> None:
        self.best_keep = self.search_config = self.run_folder = None


def _source(config: RunConfig) -> RunConfig:
    """What decides over the opened network and its images: neither search nor fine-tuning."""
    return replace(config, search=SearchConfig(), finetune=FinetuneConfig())
