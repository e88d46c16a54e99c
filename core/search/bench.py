"""What all parts of one search work with."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from core.config import SearchConfig
from core.evaluation import CachedPart, RotatingImages, resolve_device, resolve_precision
from core.events import BoolArray
from core.pruning.budget import KeptShareModel
from core.pruning.latency_table import LatencyTable
from core.pruning.limits import limits_kept
from core.pruning.macs import MacsModel
from core.pruning.statistics import affordable_batch
from core.rl.measures import measures_of
from core.rl.rewards import TEACHER_TEMPERATURE, teacher_temperature
from core.scoring import MaskScorer
from core.search.feasibility import budgeted_macs, removable_channels
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
    latency: LatencyTable | None = None  # where latency is budgeted

    @classmethod
    def of(
        cls, opened: "Opened", config: SearchConfig, latency: LatencyTable | None = None
    ) -> "Bench":
        """Make the tools; the clock starts."""
        module, plan = opened.network.module, opened.analysis.plan
        whole = MacsModel(opened.analysis, module)
        macs = budgeted_macs(opened, config, whole, latency)
        device = resolve_device(config.device)
        precision = resolve_precision(config.precision, device)
        temperature = teacher_temperature(config.reward)
        if config.is_adapting:
            temperature = TEACHER_TEMPERATURE
        scorer = MaskScorer(module, plan, device, precision, temperature)
        if device.type == "cpu":  # whose memory runs out without a word
            scorer.adapt_at_once(affordable_batch(opened.images.reward))
        start = measures_of(config).start
        reward_part = CachedPart(opened.images.reward)
        return cls(
            opened=opened,
            config=config,
            macs=macs,
            params=whole.total_params,
            removable=removable_channels(opened, config, macs),
            device=device,
            scorer=scorer if start.is_refitted else scorer.measuring(start),
            images=RotatingImages(reward_part, config.reward_images, config.seed),
            clock=Stopwatch(),
            latency=latency,
        )

    def further_kept(self, keep: BoolArray) -> dict[str, float]:
        """Return what a mask (C,) keeps of each cost that is budgeted beside the MACs, 0-1."""
        return {name: float(share) for name, share in limits_kept(self.macs, keep).items()}

    @cached_property
    def judge(self) -> MaskScorer:
        """What compares masks on images that no mask is rewarded for.

        Where the reward needs distillation it learns from reward images that never change.
        """
        measure = measures_of(self.config).judging
        is_missing = measure.is_refitted and self.scorer.refit is None
        if is_missing or measure == self.scorer.measure:
            return self.scorer
        if not measure.steps:
            return self.scorer.measuring(measure)
        images = RotatingImages(self.opened.images.reward, measure.batch, seed=0)
        training = images.next_batches(measure.steps, measure.batch)
        return self.scorer.measuring(measure, training)

    @cached_property
    def first(self) -> MaskScorer | None:
        """What sorts masks out before the judge sees the best of them; None: the judge is cheap."""
        measures = measures_of(self.config)
        is_missing = measures.first.is_refitted and self.scorer.refit is None
        if is_missing or measures.first == measures.judging:
            return None
        return self.scorer.measuring(measures.first)

    @property
    def closer(self) -> MaskScorer | None:
        """What the search rewards, if that is dearer than what sorts the criteria out."""
        is_dearer = self.scorer.measure != measures_of(self.config).first
        return self.scorer if is_dearer else None
