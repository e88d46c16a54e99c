"""Steps over the layers, and thresholds that keep the budget on average."""

import math

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.pruning.budget import keep_probability, solve_threshold
from core.rl.space import decision_parts, solve_thresholds
from tests.core.rl.observations import GROUPS, MACS, chain_space

EVERYTHING = np.ones(14, dtype=np.bool_)


def test_layers_are_split_in_the_order_of_their_depth():
    groups = np.array([0, 0, 1, 2, 2, 3, 4])
    removable = np.array([1, 0, 1, 0, 0, 1, 1], dtype=np.bool_)
    parts = decision_parts(groups, removable, 2)
    assert parts.astype(int).tolist() == [[1, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1]]
    assert decision_parts(groups, removable, 4).sum(axis=1).tolist() == [1, 1, 1, 1]


def test_more_steps_than_layers_are_refused():
    with pytest.raises(ConfigError, match=r"'decision_steps' must be at most 2 here, not 3: .*"):
        decision_parts(GROUPS, EVERYTHING, 3)


def test_thresholds_of_many_masks_are_those_of_each():
    logits = np.random.default_rng(0).normal(0, 3, (5, 14))
    together = solve_thresholds(logits, np.ones((5, 14)), EVERYTHING, MACS, 0.4)
    alone = [solve_threshold(row, MACS, 0.4, EVERYTHING) for row in logits]
    assert together == pytest.approx(alone, abs=1e-4)


def test_what_is_left_for_the_second_layer_by_hand():
    # 5 of the first layer are kept: 64*9*15 = 8,640 of 20,748; each of the second costs
    # 64*9*5 + 4 = 2,884, so that 4.19834 of 6 fit, each with probability 0.69972
    space = chain_space(decision_steps=2)
    actions = torch.ones(1, 14)
    actions[0, :3] = 0.0
    logits = space.project(torch.full((1, 14), 3.0), 1, actions)
    assert torch.sigmoid(logits)[0, 8:].tolist() == pytest.approx([0.69972] * 6, abs=1e-4)
    assert space.thresholds(torch.zeros(1, 14), 1, actions).item() == pytest.approx(
        -math.log(0.69972 / 0.30028), abs=1e-3
    )


def test_what_is_decided_counts_as_it_was_decided():
    space = chain_space(decision_steps=2)
    actions = torch.ones(3, 14)
    actions[0, :7] = 0.0
    actions[1, :4] = 0.0
    logits = space.project(torch.zeros(3, 14), 1, actions)
    keep = actions.numpy().copy()
    keep[:, 8:] = torch.sigmoid(logits)[:, 8:].numpy()
    kept = MACS.kept_share(keep)
    assert kept[1:].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)
    assert keep[2, 8] < keep[1, 8] - 0.1  # the more the first layer kept, the less is left
    assert kept[0] < 0.5  # all of the second layer is not enough, so it is kept
    assert keep[0, 8:].min() > 0.999


def test_one_state_is_projected_as_the_whole_mask():
    space = chain_space()
    logits = torch.linspace(-2, 2, 14)[None]
    kept = keep_probability(space.project(logits, 0)[0].double().numpy(), 0.0, EVERYTHING)
    assert MACS.kept_share(kept) == pytest.approx(0.5, abs=1e-5)
    assert torch.equal(chain_space("penalty").project(logits, 0), logits)


def test_each_mask_is_repaired_by_its_own_priority():
    space = chain_space()
    keep = np.ones((2, 14), dtype=np.bool_)
    rising = torch.arange(14.0)
    first, second = space.repair(keep, torch.stack([rising, -rising]))
    assert np.array_equal(first, space.repair(keep[:1], rising[None])[0])
    assert first[13]
    assert second[0]
    assert not np.array_equal(first, second)
    assert (MACS.kept_share(np.stack([first, second])) <= 0.5).all()


def test_costs_are_overshoots_relative_to_the_budget():
    costs = chain_space().costs(np.stack([EVERYTHING, np.zeros(14, dtype=np.bool_)]))
    none = MACS.kept_share(np.zeros(14)) / 0.5 - 1.0
    assert costs.tolist() == pytest.approx([1.0, none])
