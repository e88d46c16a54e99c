"""What is open: the network with its images, the last search over it, and where it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.source import Source
from core.config import RunConfig
from core.events import (
    BestChanged,
    BoolArray,
    Event,
    FinetuneFinished,
    NetworkOpened,
    RunReported,
    SearchFinished,
    SearchStarted,
)

LEARNED = "learned"  # what the events of a fine-tuning call the search's winner


@dataclass(eq=False)
class OpenWork:
    """What the events have told; `wanted_config` is that of the job that runs now."""

    handle: Any = None  # core.opening.Opened
    wanted_config: RunConfig | None = None
    opened_config: RunConfig | None = None
    search_config: RunConfig | None = None
    best_keep: BoolArray | None = None
    criteria: Mapping[str, BoolArray] = field(default_factory=dict)  # the last search's masks
    finetuned: Any = None  # core.finetuning.loop.Finetuned, of the learned network
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
            case BestChanged():
                self.best_keep = event.keep
            case SearchFinished():
                self.best_keep, self.criteria = event.keep, event.criteria
            case FinetuneFinished() if event.name == LEARNED:
                self.finetuned = event.handle
            case RunReported():
                self.run_folder = Path(event.folder)

    def is_open(self, config: RunConfig) -> bool:
        """Whether the network and the images that `config` names are open."""
        return self.opened_config is not None and Source.of(self.opened_config) == Source.of(config)

    def finetuned_of(self, keep: BoolArray | None) -> Any:
        """The fine-tuned network of a mask, the best one if None; None if there is none."""
        wanted = self.best_keep if keep is None else keep
        if self.finetuned is None or wanted is None:
            return None
        return self.finetuned if np.array_equal(self.finetuned.keep, wanted) else None

    @property
    def run_name(self) -> str:
        """What files about the run are named after: its folder, else the network."""
        if self.run_folder is not None:
            return self.run_folder.name
        return "" if self.opened_config is None else Path(self.opened_config.network).stem

    def _forget_search(self) -> None:
        self.best_keep = self.search_config = self.run_folder = self.finetuned = None
        self.criteria = {}
