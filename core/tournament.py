"""One-shot criteria compete on the reward images; the winner is where the search begins."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import ConfigError
from core.evaluation import MaskScorer, Score
from core.events import (
    BoolArray,
    CriterionEvaluated,
    Event,
    FloatArray,
    StageAdvanced,
    StageStarted,
)
from core.graph.coupling import CouplingGroups
from core.pruning.baselines import ALLOCATIONS, one_shot_mask, standardised
from core.pruning.budget import Float64Array, KeptShareModel
from core.pruning.criteria import CRITERIA, CriterionInput

SHOWN_FIRST = "l1_uniform"  # what most people would do


@dataclass(frozen=True, eq=False)
class Competitor:
    """One criterion with one allocation over the layers, made to meet the budget."""

    name: str  # "l1_uniform"
    priority: Float64Array  # (C,)
    keep: BoolArray  # (C,)


def check_prior(prior: str) -> None:
    """Raise ConfigError unless `prior` is "tournament", "none" or "<criterion>_<allocation>"."""
    names = competitor_names()
    if prior not in ("tournament", "none", *names):
        raise ConfigError(
            f"Setting 'prior' must be tournament, none or one of {', '.join(names)}, not '{prior}'."
        )


def competitor_names() -> tuple[str, ...]:
    """Every criterion with every allocation; chance needs only one."""
    names = [
        f"{criterion}_{allocation}"
        for criterion in CRITERIA
        for allocation in ALLOCATIONS
        if criterion != "random" or allocation == "uniform"
    ]
    return tuple(sorted(names, key=lambda name: name != SHOWN_FIRST))


def compute_importances(given: CriterionInput) -> dict[str, FloatArray]:
    """Score all channels by every criterion, (C,) each."""
    return {name: criterion(given) for name, criterion in CRITERIA.items()}


def make_competitors(
    importances: Mapping[str, FloatArray],
    groups: CouplingGroups,
    macs: KeptShareModel,
    macs_budget: float,
    removable: BoolArray,
) -> list[Competitor]:
    """Give every criterion and allocation its mask at the budget."""
    competitors = []
    for name in competitor_names():
        criterion, allocation = split_name(name)
        priority = ALLOCATIONS[allocation](importances[criterion], groups)
        keep = one_shot_mask(priority, macs, macs_budget, removable)
        competitors.append(Competitor(name, priority, keep))
    return competitors


def split_name(name: str) -> tuple[str, str]:
    """Split "bn_scale_layer_normalised" into criterion and allocation."""
    for allocation in ALLOCATIONS:
        if name.endswith(f"_{allocation}"):
            return name.removesuffix(f"_{allocation}"), allocation
    raise KeyError(name)


def hold_tournament(
    competitors: list[Competitor],
    scorer: MaskScorer,
    batches: list[tuple[Tensor, Tensor]],
    macs: KeptShareModel,
) -> Generator[Event, None, dict[str, Score]]:
    """Score all competitors on the same reward images; equal masks are scored once.

    Yields: StageStarted, then CriterionEvaluated for each competitor.
    """
    yield StageStarted("Comparing the criteria", total=len(competitors))
    scores: dict[str, Score] = {}
    known: dict[bytes, Score] = {}
    for done, competitor in enumerate(competitors, start=1):
        key = competitor.keep.tobytes()
        if key not in known:
            parts = []
            for images, labels in batches:
                parts.append(scorer.score(competitor.keep, images, labels))
                yield StageAdvanced(done - 1)
            known[key] = mean_score(parts)
        scores[competitor.name] = known[key]
        yield CriterionEvaluated(
            criterion=competitor.name,
            keep=competitor.keep.copy(),
            macs_kept=float(macs.kept_share(competitor.keep)),
            accuracy=known[key].accuracy,
            cross_entropy=known[key].cross_entropy,
        )
        yield StageAdvanced(done)
    return scores


def mean_score(scores: list[Score]) -> Score:
    """Average scores over their images."""
    images = sum(score.images for score in scores)
    return Score(
        accuracy=sum(score.accuracy * score.images for score in scores) / images,
        cross_entropy=sum(score.cross_entropy * score.images for score in scores) / images,
        images=images,
    )


def channel_features(
    importances: Mapping[str, FloatArray], groups: CouplingGroups, removable: BoolArray
) -> Tensor:
    """Two features for each criterion: rank in the group (-1 to 1), standardised relative score.

    Returns: float32 (C, 2 x criteria).
    """
    columns: list[Float64Array] = []
    for name, scores in importances.items():
        if name == "random":
            continue
        columns.append(2.0 * ALLOCATIONS["uniform"](scores, groups) - 1.0)
        columns.append(standardised(ALLOCATIONS["layer_normalised"](scores, groups), removable))
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))
