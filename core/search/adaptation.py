"""A network that adapts while it is pruned: short distillation between the updates is kept."""

from collections.abc import Generator, Iterator

import numpy as np

from core.events import BoolArray, NetworkAdapted, NoticeRaised, SearchEvent, StageAdvanced
from core.search.bench import Bench


def adapt_network(
    bench: Bench, masks: BoolArray, update: int, evaluations: int
) -> Generator[SearchEvent, None, None]:
    """Train the shared weights through some of the masks (K, C) that the policy just sampled.

    Each of `adaptation_steps` steps has another mask, as far as there are some, and other reward
    images; its rate falls in a straight line over the whole search.
    Yields: StageAdvanced after each step; a notice if a step had no numbers.
    """
    config, steps = bench.config, bench.config.adaptation_steps
    if not steps:
        return
    order = np.random.default_rng((config.seed, update)).permutation(len(masks))
    rate = config.distillation_rate * max(0.0, 1 - evaluations / config.evaluations)
    skipped = 0
    for step in range(steps):
        with bench.clock.measure("evaluation"):
            ((images, labels),) = bench.images.next_batches(1, config.distillation_batch)
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
