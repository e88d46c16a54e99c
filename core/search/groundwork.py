"""What a search knows before its agent begins: the unpruned network, the criteria, the prior."""

import copy
import math
from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from core.errors import NetworkError
from core.evaluation import read_part
from core.events import (
    ImportancesMeasured,
    NoticeRaised,
    SearchEvent,
    SearchStarted,
)
from core.graph.features import graph_data
from core.pruning.baselines import one_shot_mask
from core.pruning.budget import least_kept_share
from core.rl.network_view import RANKED_BY
from core.rl.observation import Observation, keep_logits, rank_logits
from core.search.adaptation import annealed_evaluations
from core.search.bench import Bench
from core.search.finalists import JUDGE_IMAGES, Finalist
from core.search.proposing import proposal_of
from core.search.state import Groundwork
from core.search.tournament import (
    SHOWN_FIRST,
    Tournament,
    channel_features,
    hold_tournament,
    magnitude_mask,
    make_competitors,
    measure_importances,
    prior_logits,
)


def ground_without_images(bench: Bench) -> Groundwork:
    """What is known before any image is read, for a stop that comes at once."""
    opened, budget = bench.opened, bench.config.macs_budget
    keep = magnitude_mask(
        opened.network.module, opened.analysis, bench.macs, budget, bench.removable
    )
    return Groundwork({}, torch.zeros(len(keep)), keep, {SHOWN_FIRST: keep})


def score_unpruned(bench: Bench) -> Generator[SearchEvent, None, None]:
    """Score the unpruned network on the held-out images, with its own BN statistics.

    Yields: stages, then SearchStarted. Raises: NetworkError if it answers with no numbers.
    """
    opened, config = bench.opened, bench.config
    streams = [group for group in opened.analysis.groups.groups if group.is_stream]
    if any(bench.removable[group.start : group.stop].any() for group in streams):
        yield NoticeRaised("The channels of residual streams are pruned too.")
    module = opened.network.module
    if bench.device.type != "cpu":
        module = copy.deepcopy(module).to(bench.device)
    with bench.clock.measure("evaluation"):
        scores = yield from read_part(
            {"unpruned": module},
            opened.images.held_out,
            device=bench.device,
            limit=JUDGE_IMAGES,
            stage="Scoring the unpruned network",
        )
    score = scores["unpruned"]
    if not math.isfinite(score.cross_entropy):
        raise NetworkError(
            f"Network '{opened.network.name}' answers with what are no numbers (its cross-entropy "
            f"is {score.cross_entropy}). Check its weights and the normalisation of the images."
        )
    yield SearchStarted(
        evaluations=config.evaluations,
        macs_budget=config.macs_budget,
        macs=bench.macs.total,
        params=bench.params,
        baseline_accuracy=score.accuracy,
        baseline_cross_entropy=score.cross_entropy,
        least_macs_kept=least_kept_share(bench.macs, bench.removable),
        further_budgets=config.further_budgets,
        annealed_evaluations=annealed_evaluations(config),
    )


def compare_criteria(
    bench: Bench,
) -> Generator[SearchEvent, None, tuple[Groundwork, Finalist]]:
    """Hold the tournament; its winner is the best mask so far and the policy's prior."""
    config, macs, analysis = bench.config, bench.macs, bench.opened.analysis
    with bench.clock.measure("evaluation"):
        importances = yield from measure_importances(
            bench.opened.network.module,
            analysis,
            bench.opened.images.reward,
            bench.device,
            config.seed,
        )
        yield ImportancesMeasured({name: one.copy() for name, one in importances.items()})
        competitors = make_competitors(
            importances, analysis.groups, macs, config.macs_budget, bench.removable
        )
        if (proposal := (yield from proposal_of(bench, importances))) is not None:
            competitors.append(proposal)
        tournament = yield from hold_tournament(
            competitors, bench.first or bench.scorer, bench.images, macs, bench.closer
        )
    keep, score = tournament.winner.keep, tournament.winner_score
    ground = Groundwork(
        importances,
        _prior(bench, tournament),
        keep,
        tournament.best_of_each_criterion(asked=config.method),
    )
    return ground, Finalist(0, keep, float(macs.kept_share(keep)), score)


def make_observation(bench: Bench, ground: Groundwork) -> Observation:
    """What the policy sees, with the prior in it."""
    analysis, budget = bench.opened.analysis, bench.config.macs_budget
    everything = np.ones(analysis.groups.channel_count, dtype=np.bool_)
    weights = bench.opened.network.module.state_dict()
    graph = graph_data(analysis.graph, analysis.groups, everything, budget, weights)
    ranked = ground.prior
    if bench.config.prior == "tournament":
        # whatever wins the tournament: what this one lets go first in a layer is best made up for
        ranked = torch.from_numpy(ground.importances[RANKED_BY]).float()
    own = one_shot_mask(ground.prior.double().numpy(), bench.macs, budget, bench.removable)
    return Observation(
        graph=graph,
        channel_features=channel_features(ground.importances, analysis.groups, bench.removable),
        prior=ground.prior,
        ranks=rank_logits(ranked, graph.group_of_channel),
        one_shot=keep_logits(
            [own, *ground.criteria.values()],
            graph.group_of_channel,
            is_prior_known=bool(ground.prior.any()),
        ),
    )


def _prior(bench: Bench, tournament: Tournament) -> Tensor:
    name = bench.config.prior
    if name == "none":
        return torch.zeros(len(bench.removable))
    chosen = tournament.winner if name == "tournament" else tournament.by_name(name)
    logits = prior_logits(chosen, bench.macs, bench.config.macs_budget, bench.removable)
    return torch.from_numpy(logits).float()
