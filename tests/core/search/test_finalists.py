"""Masks of different updates compare through their siblings."""

import numpy as np
import pytest
import torch

from core.evaluation import Score
from core.scoring import MaskScorer
from core.search.finalists import REMEMBERED, Finalist, Finalists, judge_masks
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain


def finalist(evaluation, cross_entropy):
    keep = np.zeros(8, dtype=np.bool_)
    keep[evaluation % 8] = True
    return Finalist(evaluation, keep, 0.5, Score(0.5, cross_entropy, 10))


def test_hard_images_do_not_hide_a_good_mask():
    finalists = Finalists(finalist(0, 9.0))
    assert finalists.add_update([finalist(1, 1.0), finalist(2, 1.2)])
    assert finalists.best.evaluation == 1
    # harder images, siblings' mean 2.0, average 0.7 * 1.1 + 0.3 * 2.0 = 1.37: 1.5 counts as 0.87
    assert finalists.add_update([finalist(3, 1.5), finalist(4, 2.5)])
    assert finalists.best.evaluation == 3
    # easier images: 0.5 is the siblings' mean, and counts as their average
    assert not finalists.add_update([finalist(5, 0.5), finalist(6, 0.5)])


def test_only_the_best_are_remembered_and_an_empty_update_changes_nothing():
    finalists = Finalists(finalist(0, 9.0))
    finalists.add_update([finalist(n, float(n)) for n in range(1, 30)])
    assert len(finalists.masks) == REMEMBERED
    assert not finalists.add_update([])
    assert finalists.best.evaluation == 1


def test_a_dearer_measure_ranks_the_best_anew_and_forgets_the_others():
    finalists = Finalists(finalist(0, 9.0))
    finalists.add_update([finalist(1, 1.0), finalist(2, 2.0), finalist(3, 3.0)])
    finalists.judge_closer([Score(0.5, 0.8, 10), Score(0.6, 0.3, 10)])
    assert finalists.is_judged_closer
    assert len(finalists.masks) == 2
    assert (finalists.best.evaluation, finalists.best.score.cross_entropy) == (2, 0.3)
    # siblings' mean 0.5 is the first of the new average: estimates are the losses themselves
    assert finalists.add_update([finalist(4, 0.2), finalist(5, 0.8)])
    assert finalists.best.evaluation == 4


def test_the_event_is_a_copy():
    one = finalist(3, 1.0)
    event = one.as_event()
    event.keep[:] = False
    assert one.keep.any()
    assert (event.evaluation, event.macs_kept, event.accuracy) == (3, 0.5, 0.5)


def test_the_whole_network_wins_over_its_cuts():
    opened = open_tiny(Chain)
    scorer = MaskScorer(opened.network.module, opened.analysis.plan, torch.device("cpu"))
    whole = np.ones(14, dtype=np.bool_)
    cut = np.arange(14) % 2 == 0
    events, (keep, score) = finish(judge_masks([cut, whole, cut], scorer, opened.images.held_out))
    assert np.array_equal(keep, whole)
    assert score.images == 24
    assert events[0].total == 2  # equal masks are judged once
    assert len(events) == 3
    expected = scorer.score(whole, *opened.images.held_out.batch(np.arange(24)))
    assert score.cross_entropy == pytest.approx(expected.cross_entropy, rel=1e-4)
