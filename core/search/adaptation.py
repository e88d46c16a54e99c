"""A network that adapts while it is pruned: short distillation between the updates is kept."""

import dataclasses
from collections.abc import Generator, Iterator

import numpy as np
import torch
from torch import Tensor

from core.augmentation import augment, mix
from core.config import FinetuneConfig, SearchConfig
from core.events import BoolArray, NetworkAdapted, NoticeRaised, SearchEvent, StageAdvanced
from core.search.bench import Bench

AUGMENTATION = FinetuneConfig()  # many steps on few images: seen as fine-tuning sees them


def annealed_budget(config: SearchConfig, evaluations: int) -> float:
    """The share of the MACs that masks may keep after so many evaluations, 0-1.

    It falls in a straight line from 1 to `macs_budget` over `budget_annealing` of the search, so
    that an adapting network loses its channels one after the other; for others it never falls.
    """
    if not is_annealing(config, evaluations):
        return config.macs_budget
    return 1.0 - (1.0 - config.macs_budget) * evaluations / annealed_evaluations(config)


def is_annealing(config: SearchConfig, evaluations: int) -> bool:
    """Whether masks after so many evaluations may still keep more than they shall in the end."""
    return evaluations < annealed_evaluations(config)


def annealed_evaluations(config: SearchConfig) -> float:
    """Over how many evaluations the budget falls; 0: not at all."""
    return config.budget_annealing * config.evaluations if config.is_adapting_by_masks else 0.0


def images_to_adapt_with(
    images: Tensor,
    labels: Tensor,
    classes: int,
    config: SearchConfig,
    progress: float,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Augment reward images (N, C, H, W), and mix a share of them; see core.augmentation.mix.

    The share falls in a straight line from `adaptation_cutmix` to none with the progress of the
    search, 0-1: of mixed images there is more to learn, and in the end there are only plain ones.
    """
    share = config.adaptation_cutmix * max(0.0, 1.0 - progress)
    how = dataclasses.replace(AUGMENTATION, cutmix=share)
    return mix(augment(images, how, random), labels, classes, how, random)


def adapt_network(
    bench: Bench, masks: BoolArray, update: int, evaluations: int
) -> Generator[SearchEvent, None, None]:
    """Train the shared weights through some of the masks (K, C) that the policy just sampled.

    Each of `adaptation_steps` steps has another mask, as far as there are some, and other reward
    images; its rate falls in a straight line over the whole search.
    Yields: StageAdvanced after each step; a notice if a step had no numbers.
    """
    config, steps = bench.config, bench.config.adaptation_steps
    if not config.is_adapting_by_masks:
        return
    order = np.random.default_rng((config.seed, update)).permutation(len(masks))
    progress, classes = evaluations / config.evaluations, bench.opened.network.class_count
    rate = config.distillation_rate * max(0.0, 1 - progress)
    if rate == 0:
        return  # after the last update; a step would count as adapted and change nothing
    random = torch.Generator().manual_seed((config.seed << 32) + update)
    skipped = 0
    for step in range(steps):
        with bench.clock.measure("evaluation"):
            ((images, labels),) = bench.images.next_batches(1, config.distillation_batch)
            images, labels = images_to_adapt_with(images, labels, classes, config, progress, random)
            keep = masks[order[step % len(masks)]]
            skipped += not np.isfinite(bench.scorer.adapt(keep, images, labels, rate))
        yield StageAdvanced(evaluations)
    if skipped:
        yield NoticeRaised(
            f"{skipped} of {steps} adaptation steps after update {update} had a loss that is no "
            "number and changed nothing. Lower 'distillation_rate'."
        )


def adapted_network(bench: Bench) -> Iterator[NetworkAdapted]:
    """The weights that a search has changed, if it has."""
    weights = bench.scorer.adapted()
    if weights is not None:
        yield NetworkAdapted({key: value.cpu().numpy().copy() for key, value in weights.items()})
