"""Criteria compete at the same budget."""

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.evaluation import RotatingImages
from core.events import CriterionEvaluated
from core.pruning.baselines import ALLOCATIONS
from core.pruning.budget import expected_flips
from core.pruning.criteria import CRITERIA
from core.pruning.macs import MacsModel
from core.scoring import MaskScorer
from core.search.tournament import (
    channel_features,
    check_prior,
    competitor_names,
    hold_tournament,
    magnitude_mask,
    make_competitors,
    measure_importances,
    prior_logits,
    split_name,
)
from tests.core.tiny import finish, open_tiny
from tests.networks import Residual

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def held():
    opened = open_tiny(Residual)
    module, analysis = opened.network.module, opened.analysis
    macs = MacsModel(analysis, module)
    removable = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    _, importances = finish(measure_importances(module, analysis, opened.images.reward, CPU, 0))
    competitors = make_competitors(importances, analysis.groups, macs, 0.5, removable)
    scorer = MaskScorer(module, analysis.plan, CPU)
    images = RotatingImages(opened.images.reward, 12, seed=0)
    events, tournament = finish(hold_tournament(competitors, scorer, images, macs))
    return opened, macs, removable, importances, events, tournament


def test_names_are_taken_apart_where_the_allocation_begins():
    assert split_name("bn_scale_layer_normalised") == ("bn_scale", "layer_normalised")
    assert split_name("l1_uniform") == ("l1", "uniform")
    assert len(competitor_names()) == len(ALLOCATIONS) * (len(CRITERIA) - 1) + 1


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_competes_and_can_be_the_prior(held, criterion):
    _, _, _, importances, events, tournament = held
    name = f"{criterion}_uniform"
    check_prior(name)
    assert importances[criterion].any()
    assert name in {event.criterion for event in events if isinstance(event, CriterionEvaluated)}
    assert tournament.by_name(name).priority.any()


def test_an_unknown_prior_is_named_with_those_that_are():
    check_prior("tournament")
    check_prior("none")
    check_prior("taylor_global")
    with pytest.raises(ConfigError, match=r"l1_uniform.*not 'best'"):
        check_prior("best")


def test_every_competitor_meets_the_budget_and_is_told_once(held):
    *_, events, tournament = held
    told = [event for event in events if isinstance(event, CriterionEvaluated)]
    assert [event.criterion for event in told] == list(competitor_names())
    assert all(event.macs_kept <= 0.5 for event in told)
    assert tournament.scores[tournament.winner.name].images == 24  # finalists see twice as much


def test_the_winner_is_the_best_of_the_finalists(held):
    tournament = held[-1]
    finalists = [score for score in tournament.scores.values() if score.images == 24]
    best = min(score.cross_entropy for score in finalists)
    assert tournament.scores[tournament.winner.name].cross_entropy == best
    assert len(finalists) == 4


def test_each_criterion_is_shown_at_its_best_beside_l1_uniform(held):
    opened, macs, removable, _, _, tournament = held
    shown = tournament.best_of_each_criterion()
    assert {split_name(name)[0] for name in shown} == set(CRITERIA)
    magnitude = magnitude_mask(opened.network.module, opened.analysis, macs, 0.5, removable)
    assert np.array_equal(shown["l1_uniform"], magnitude)


def test_channels_have_two_features_for_each_criterion_but_chance(held):
    opened, _, removable, importances, _, _ = held
    features = channel_features(importances, opened.analysis.groups, removable)
    assert features.shape == (len(removable), 2 * (len(CRITERIA) - 1))
    assert torch.isfinite(features).all()
    assert features[:, ::2].abs().max() < 1


@pytest.mark.parametrize("share", [0.06, 0.2])
def test_every_prior_flips_the_same_share_of_the_channels(held, share, monkeypatch):
    _, macs, removable, _, _, tournament = held
    monkeypatch.setattr("core.search.tournament.FLIPPED_SHARE", share)
    for name in ("contribution_global", "l1_uniform"):
        logits = prior_logits(tournament.by_name(name), macs, 0.5, removable)
        flips = expected_flips(logits, macs, 0.5, removable)
        assert flips == pytest.approx(share * len(removable), rel=0.01)
