"""What the policy is told of the prior and of one-shot masks."""

import math

import numpy as np
import pytest
import torch

from core.rl.observation import average_ranks, keep_logits, rank_logits

GROUPS = torch.tensor([0, 0, 0, 0, 1, 1])


def test_equals_share_the_mean_of_their_places():
    ranks = average_ranks(torch.tensor([[3.0, 1.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]]))
    assert ranks.tolist() == [[2.5, 0.0, 2.5, 1.0], [1.5, 1.5, 1.5, 1.5]]


def test_a_rank_in_its_layer_is_the_logit_of_a_share():
    logits = rank_logits(torch.tensor([4.0, 1.0, 3.0, 2.0, -9.0, -8.0]), GROUPS)
    shares = torch.sigmoid(logits).tolist()
    assert shares == pytest.approx([7 / 8, 1 / 8, 5 / 8, 3 / 8, 1 / 4, 3 / 4])


def test_without_a_prior_no_channel_is_before_another():
    assert rank_logits(torch.zeros(6), GROUPS).tolist() == pytest.approx([0.0] * 6)


def test_keep_logits_say_what_one_shot_masks_keep_of_each_layer():
    prior = np.array([1, 1, 1, 0, 1, 0], dtype=np.bool_)
    masks = [prior, np.array([1, 0, 0, 0, 1, 1], dtype=np.bool_), prior]
    logits = keep_logits(masks, GROUPS, is_prior_known=True)
    three_quarters, quarter = math.log(3), -math.log(3)
    whole = math.log((1 - 0.7 / 3) / (0.7 / 3))
    assert logits[0].tolist() == pytest.approx([three_quarters, 0.0, math.log(3)])
    assert logits[1].tolist() == pytest.approx([0.0, whole / 2, whole / 2])
    assert quarter == -three_quarters
    unknown = keep_logits(masks, GROUPS, is_prior_known=False)
    assert unknown[:, 0].tolist() == [0.0, 0.0]
    assert torch.equal(unknown[:, 1:], logits[:, 1:])
