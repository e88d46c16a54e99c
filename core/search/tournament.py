"""One-shot criteria compete on the reward images; the winner is where the search begins."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.data import ImagePart
from core.errors import ConfigError
from core.evaluation import RotatingImages, Score, mean_score
from core.events import (
    BoolArray,
    CriterionEvaluated,
    FloatArray,
    NoticeRaised,
    SearchEvent,
    StageStarted,
)
from core.graph.assembly import Analysis
from core.graph.coupling import CouplingGroups
from core.pruning.baselines import ALLOCATIONS, one_shot_mask, standardised, uniform
from core.pruning.budget import Float64Array, KeptShareModel, expected_flips
from core.pruning.criteria import CRITERIA, CriterionInput, l1_importance
from core.pruning.statistics import collect_statistics
from core.pruning.unsound import mend_importances
from core.scoring import MaskScorer
from core.search.alike import score_alike

SHOWN_FIRST = "l1_uniform"  # what most people would do
PROPOSAL = "proposal"  # of an agent that was trained on other networks, see core.search.proposing
CRITERION_IMAGES = 256
FLIPPED_SHARE = 0.06  # of the channels, in a sample of the untrained policy: 20 of 336
LEAST_FLIPS = 1.0
FINALISTS = 4  # seen on twice as many images


@dataclass(frozen=True, eq=False)
class Competitor:
    """One criterion with one allocation over the layers, made to meet the budget."""

    name: str  # "l1_uniform"
    priority: Float64Array  # (C,)
    keep: BoolArray  # (C,)


@dataclass(frozen=True, eq=False)
class Tournament:
    """All competitors, how they did on reward images, and who won."""

    competitors: tuple[Competitor, ...]
    scores: Mapping[str, Score]
    winner: Competitor
    winner_score: Score  # as masks of the search are scored

    def by_name(self, name: str) -> Competitor:
        """Return the competitor of that name."""
        return next(one for one in self.competitors if one.name == name)

    def best_of_each_criterion(self, asked: str = "") -> dict[str, BoolArray]:
        """Masks by name: each criterion with its best allocation, l1_uniform, a proposal.

        asked: a competitor that is wanted too, if it is one.
        """
        chosen = [one for one in self.competitors if one.name in (SHOWN_FIRST, asked)]
        for criterion in CRITERIA:
            own = [one for one in self.competitors if split_name(one.name)[0] == criterion]
            chosen.append(_best(own, self.scores))
        chosen += [one for one in self.competitors if one.name == PROPOSAL]
        return {one.name: one.keep for one in chosen}


def check_prior(prior: str) -> None:
    """Raise ConfigError unless `prior` is "tournament", "none" or "<criterion>_<allocation>"."""
    names = competitor_names()
    if prior not in prior_names():
        raise ConfigError(
            f"Setting 'prior' must be tournament, none or one of {', '.join(names)}, not '{prior}'."
        )


def prior_names() -> tuple[str, ...]:
    """All that a search can start from."""
    return "tournament", "none", *competitor_names()


def competitor_names() -> tuple[str, ...]:
    """Every criterion with every allocation; chance needs only one."""
    names = [
        f"{criterion}_{allocation}"
        for criterion in CRITERIA
        for allocation in ALLOCATIONS
        if criterion != "random" or allocation == "uniform"
    ]
    return tuple(sorted(names, key=lambda name: name != SHOWN_FIRST))


def measure_importances(
    module: nn.Module, analysis: Analysis, part: ImagePart, device: torch.device, seed: int
) -> Generator[SearchEvent, None, dict[str, FloatArray]]:
    """Score all channels by every criterion, (C,) each and finite, on some images of a part.

    Yields: StageStarted, then StageAdvanced after each batch; NoticeRaised for each criterion
        that says nothing of some channels, or the same of all.
    """
    statistics = yield from collect_statistics(
        module, analysis, part, device=device, images=CRITERION_IMAGES, seed=seed
    )
    given = CriterionInput(module, analysis, statistics, np.random.default_rng(seed))
    measured = {name: criterion(given) for name, criterion in CRITERIA.items()}
    importances, words = mend_importances(measured, analysis.groups)
    for sentence in words:
        yield NoticeRaised(sentence)
    return importances


def magnitude_mask(
    module: nn.Module,
    analysis: Analysis,
    macs: KeptShareModel,
    macs_budget: float,
    removable: BoolArray,
) -> BoolArray:
    """Return the mask of l1_uniform, which needs no images."""
    scores = l1_importance(module, analysis.plan, analysis.groups)
    return one_shot_mask(uniform(scores, analysis.groups), macs, macs_budget, removable)


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
    """Split "bn_scale_layer_normalised" into criterion and allocation; a proposal has none."""
    if name == PROPOSAL:
        return name, ""
    for allocation in ALLOCATIONS:
        if name.endswith(f"_{allocation}"):
            return name.removesuffix(f"_{allocation}"), allocation
    raise KeyError(name)


def hold_tournament(
    competitors: Sequence[Competitor],
    scorer: MaskScorer,
    images: RotatingImages,
    macs: KeptShareModel,
    closer: MaskScorer | None = None,
) -> Generator[SearchEvent, None, Tournament]:
    """Score all competitors on the same reward images, and the best of them on more.

    closer: a dearer scorer, if there is one, that chooses the winner among the best.

    Yields: StageStarted, StageAdvanced after each batch, CriterionEvaluated for each at the end.
    """
    rounds = 1 if closer is None else 2
    yield StageStarted("Comparing the criteria", total=len(competitors) + rounds * FINALISTS)
    parts: dict[str, list[Score]] = {competitor.name: [] for competitor in competitors}
    done = 0
    for round_of in (len(competitors), FINALISTS):
        batch = images.next()
        ranked = sorted(competitors, key=lambda c: _mean_loss(parts[c.name]))[:round_of]
        masks = [competitor.keep for competitor in ranked]
        scored = yield from score_alike(scorer, masks, batch, done)
        for competitor, score in zip(ranked, scored, strict=True):
            parts[competitor.name].append(score)
        done += len(ranked)
    scores = {name: mean_score(scored) for name, scored in parts.items()}
    for competitor in competitors:
        score = scores[competitor.name]
        yield CriterionEvaluated(
            criterion=competitor.name,
            keep=competitor.keep.copy(),
            macs_kept=float(macs.kept_share(competitor.keep)),
            accuracy=score.accuracy,
            cross_entropy=score.cross_entropy,
        )
    most = max(len(scored) for scored in parts.values())
    finalists = [competitor for competitor in competitors if len(parts[competitor.name]) == most]
    final = scores
    if closer is not None:
        closer.take_training(images)
        masks = [competitor.keep for competitor in finalists]
        scored = yield from score_alike(closer, masks, images.next(), done)
        final = {one.name: score for one, score in zip(finalists, scored, strict=True)}
    winner = _best(finalists, final)
    return Tournament(tuple(competitors), scores, winner, final[winner.name])


def _mean_loss(scores: Sequence[Score]) -> float:
    return mean_score(scores).loss if scores else 0.0


def _best(competitors: Sequence[Competitor], scores: Mapping[str, Score]) -> Competitor:
    return min(competitors, key=lambda competitor: scores[competitor.name].loss)


def prior_logits(
    competitor: Competitor, macs: KeptShareModel, macs_budget: float, removable: BoolArray
) -> Float64Array:
    """Scale a priority to logits (C,) whose samples flip a given share of the channels.

    Criteria spread their scores very differently; a fixed scale lets one flip a quarter of
    the channels, which drowns every effect, and another none, which teaches nothing.
    """
    priority = standardised(competitor.priority, removable)
    flips = max(LEAST_FLIPS, FLIPPED_SHARE * int(removable.sum()))
    low, high = 0.1, 1000.0
    for _ in range(24):
        scale = (low * high) ** 0.5
        if expected_flips(scale * priority, macs, macs_budget, removable) > flips:
            low = scale
        else:
            high = scale
    logits: Float64Array = high * priority
    return logits


def feature_count() -> int:
    """How many features channel_features gives a channel."""
    return 2 * sum(name != "random" for name in CRITERIA)


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
