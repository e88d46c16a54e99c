"""What all parts of one search work with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from core.config import SearchConfig
from core.evaluation import CachedPart, RotatingImages, resolve_device, resolve_precision
from core.events import BoolArray
from core.pruning.budget import KeptShareModel
from core.pruning.macs import MacsModel
from core.rl.rewards import teacher_temperature
from core.scoring import MaskScorer
from core.search.feasibility import pinned_macs, removable_channels
from core.search.stopwatch import Stopwatch

if TYPE_CHECKING:
    from core.opening import Opened


@dataclass(frozen=True, eq=False)
class Bench:
    """A network, its images, the settings, and the tools that are made of them."""

    opened: "Opened"
    config: SearchConfig
    macs: KeptShareModel
    params: int  # of the whole network
    removable: BoolArray  # (channels,)
    device: torch.device
    scorer: MaskScorer
    images: RotatingImages  # reward images
    clock: Stopwatch

    @classmethod
    def of(cls, opened: "Opened", config: SearchConfig) -> "Bench":
        """Make the tools; the clock starts."""
        module, plan = opened.network.module, opened.analysis.plan
        whole = MacsModel(opened.analysis, module)
        macs = pinned_macs(opened, config, whole)
        device = resolve_device(config.device)
        precision = resolve_precision(config.precision, device)
        temperature = teacher_temperature(config.reward)
        reward_part = CachedPart(opened.images.reward)
        return cls(
            opened=opened,
            config=config,
            macs=macs,
            params=whole.total_params,
            removable=removable_channels(opened, config, macs),
            device=device,
            scorer=MaskScorer(module, plan, device, precision, temperature),
            images=RotatingImages(reward_part, config.reward_images, config.seed),
            clock=Stopwatch(),
        )
