"""The steps of the searches against numbers computed by hand."""

import numpy as np
import pytest

from core.config.baselines import BaselineConfig
from core.search.methods.evolution import Evolution, crossed
from core.search.methods.layer_ratios import LEAST_SPREAD, LayerRatios, moved
from core.search.methods.random_search import RandomSearch
from core.search.methods.ranking import ComparableRewards
from core.search.methods.terrain import make_terrain


class OneEach:
    """Every channel costs the same: the kept share of MACs is the kept share of channels."""

    def __init__(self, groups: np.ndarray) -> None:
        self.widths = groups == np.arange(groups.max() + 1)[:, None]
        self.has_fixed = np.zeros(len(self.widths), dtype=np.bool_)
        self.removed = np.zeros(len(groups), dtype=np.bool_)
        self.total = len(groups)
        self.limits = ()  # nothing but MACs is limited

    def kept_share(self, keep):
        return np.asarray(keep, dtype=np.float64).mean(axis=-1)

    def marginal_macs(self, keep):
        return np.ones(self.total)


GROUPS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PRIORITY = np.array([4.0, 3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2])
ALL = np.ones(8, dtype=np.bool_)


def terrain(budget: float = 0.5, removable: np.ndarray = ALL):
    return make_terrain(PRIORITY, GROUPS, OneEach(GROUPS), budget, removable)


def test_ranks_are_those_among_a_layers_removable_channels():
    removable = np.array([0, 1, 1, 0, 1, 1, 1, 1], dtype=np.bool_)
    known = terrain(removable=removable)
    assert known.layer.tolist() == [-1, 0, 0, -1, 1, 1, 1, 1]
    assert known.rank.tolist() == [0, 0.75, 0.25, 0, 0.875, 0.625, 0.375, 0.125]


def test_the_start_is_the_criterions_mask():
    # four of eight; each layer keeps one at least, so the fourth of layer 0 gives way
    assert terrain().start.tolist() == [1, 1, 1, 0, 1, 0, 0, 0]
    assert terrain().ratios(terrain().start).tolist() == [0.75, 0.25]


def test_ratios_choose_how_many_and_the_criterion_which():
    masks = terrain().masks_of_ratios(np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 1.0]]))
    assert masks.astype(int).tolist() == [
        [1, 1, 0, 0, 1, 1, 0, 0],
        [1, 0, 0, 0, 1, 1, 1, 0],
        [1, 1, 0, 0, 1, 1, 0, 0],  # both shifted by as much
    ]


def test_a_repair_holds_on_to_what_was_chosen():
    keep = terrain().start[None].copy()
    chosen = np.zeros((1, 8), dtype=np.bool_)
    for channel in (0, 7):  # the criterion's favourite goes, and what it likes least comes
        keep[0, channel] = not keep[0, channel]
        chosen[0, channel] = True
    assert terrain().repair(keep, chosen)[0].astype(int).tolist() == [0, 1, 1, 0, 1, 0, 0, 1]


def test_a_repair_gives_back_by_the_criterion_what_the_budget_asks_for():
    keep, chosen = terrain().start[None].copy(), np.zeros((1, 8), dtype=np.bool_)
    keep[0, 7] = chosen[0, 7] = True  # five of four
    assert terrain().repair(keep, chosen)[0].astype(int).tolist() == [1, 1, 0, 0, 1, 0, 0, 1]


def test_a_step_of_the_cross_entropy_method():
    samples = np.array([[0.2, 0.6], [0.4, 0.8], [0.9, 0.1], [0.5, 0.5]])
    mean, spread = moved(
        np.array([0.5, 0.5]), np.array([0.1, 0.2]), samples, [3.0, 4.0, 1.0, 2.0], 0.5, 0.5
    )
    # the elite are the first two: mean (0.3, 0.7), standard deviation (0.1, 0.1)
    assert mean == pytest.approx([0.4, 0.6])
    assert spread == pytest.approx([0.1, 0.15])


def test_the_spread_never_vanishes():
    same = np.full((4, 1), 0.5)
    _, spread = moved(np.array([0.5]), np.array([0.0]), same, [1.0] * 4, 0.5, 0.0)
    assert spread == [LEAST_SPREAD]


def test_keep_probabilities_of_ratios_spend_the_budget_on_average():
    probability, mask = LayerRatios(terrain(), BaselineConfig(), seed=0).preference()
    assert probability.mean() == pytest.approx(0.5, abs=1e-6)
    assert mask.astype(int).tolist() == [1, 1, 1, 0, 1, 0, 0, 0]
    assert (np.diff(probability[:4]) < 0).all()  # along the criterion


def test_a_child_takes_each_gene_from_one_of_its_parents():
    first, second = np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])
    child = crossed(first, second, np.array([[True, False, True]]))
    assert child.tolist() == [[1.0, 5.0, 3.0]]


def test_without_mutation_children_keep_what_both_parents_keep():
    config = BaselineConfig(mutated_share=0.0, parents=2)
    evolution = Evolution(terrain(), config, seed=0)
    first = evolution.propose(4)
    evolution.learn(first, [0.0, 3.0, 1.0, 2.0])
    parents = first.keep[[1, 3]]
    for child in evolution.propose(16).keep:
        agreed = parents[0] == parents[1]
        assert (child[agreed] == parents[0][agreed]).all() or child.sum() == 4
        assert child.sum() == 4


def test_the_best_of_parents_and_children_survive():
    evolution = Evolution(terrain(), BaselineConfig(parents=2), seed=0)
    first = evolution.propose(3)
    evolution.learn(first, [1.0, 3.0, 2.0])
    second = evolution.propose(2)
    evolution.learn(second, [2.0, 2.0])  # as good as their siblings, whose mean was as high
    probability, best = evolution.preference()
    assert best.tolist() == first.keep[1].tolist()
    assert probability.tolist() == first.keep[[1, 2]].mean(axis=0).tolist()


def test_rewards_of_easy_images_do_not_win():
    rewards = ComparableRewards()
    assert rewards.adjust([1.0, 3.0]) == [1.0, 3.0]  # average 2
    # mean 12; the average moves to 0.7 * 2 + 0.3 * 12 = 5
    assert rewards.adjust([11.0, 13.0]) == pytest.approx([4.0, 6.0])


def test_random_search_counts_how_often_channels_were_kept():
    search = RandomSearch(terrain(), "flips", 0.3, seed=0)
    start = search.preference()
    assert start[0].tolist() == terrain().start.tolist()
    masks = [search.propose(3), search.propose(3)]
    search.learn(masks[0], [1.0, 2.0, 0.0])
    search.learn(masks[1], [1.0, 1.0, 1.0])
    probability, best = search.preference()
    kept = np.concatenate([one.keep for one in masks]).mean(axis=0)
    assert probability == pytest.approx(kept)
    assert best.tolist() == masks[0].keep[1].tolist()
    assert (kept.sum(), search.is_sound) == (pytest.approx(4.0), True)


def test_no_flips_give_the_criterions_mask():
    masks = RandomSearch(terrain(), "flips", 0.0, seed=0).propose(5).keep
    assert (masks == terrain().start).all()
