"""Criteria that say nothing of some channels, or the same of all."""

import numpy as np
import pytest

from core.config import SearchConfig
from core.events import NoticeRaised, PolicyUpdated, SearchFinished
from core.pruning.criteria import CRITERIA
from core.pruning.unsound import mend_importances
from core.search import run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain

NAN = float("nan")
SHORT = SearchConfig(
    evaluations=12, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)


@pytest.fixture(scope="module")
def groups():
    return open_tiny(Chain).analysis.groups  # 8 and 6 channels


def told(scores, groups):
    mended, words = mend_importances({"taylor": np.array(scores, dtype=np.float32)}, groups)
    return mended["taylor"], words


def test_a_channel_of_which_nothing_is_known_counts_as_the_most_important(groups):
    scores, (words,) = told([0.5, NAN, *[1.0] * 4, *range(8)], groups)
    assert scores.tolist() == [0.5, 7.0, *[1.0] * 4, *range(8)]
    assert words == (
        "Criterion taylor is no number for 1 of 14 channels, which it keeps as long as any."
    )


def test_what_is_infinite_is_the_largest_number(groups):
    largest = float(np.finfo(np.float32).max)
    scores, words = told([0.5, float("inf"), -float("inf"), *range(11)], groups)
    assert scores[:3].tolist() == [0.5, largest, -largest]
    assert words == []
    assert told([NAN, float("inf"), *range(12)], groups)[0][0] == np.float32(largest)


def test_a_criterion_without_any_number_ranks_by_order(groups):
    scores, (words,) = told([NAN] * 14, groups)
    assert scores.tolist() == [0.0] * 14
    assert words.startswith("Criterion taylor is no number for any channel, so that the order of")


def test_a_criterion_that_tells_nothing_apart_in_any_layer_is_named(groups):
    scores, (words,) = told([1.0] * 8 + [2.0] * 6, groups)
    assert scores.tolist() == [1.0] * 8 + [2.0] * 6
    assert words.startswith("Criterion taylor is the same for all channels of each layer")
    assert told([1.0] * 8 + [2.0] * 5 + [3.0], groups)[1] == []


@pytest.mark.parametrize("bad", [[NAN], [NAN] * 14])
def test_a_search_learns_beside_a_criterion_that_is_no_number(monkeypatch, bad):
    usual = CRITERIA["taylor"]

    def spoiled(given):
        scores = usual(given)
        scores[: len(bad)] = bad
        return scores

    monkeypatch.setitem(CRITERIA, "taylor", spoiled)
    events = list(run_search(open_tiny(Chain), SHORT))
    words = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert len([one for one in words if one.startswith("Criterion taylor is no number")]) == 1
    assert not any("taken back" in one for one in words)
    updates = [event for event in events if isinstance(event, PolicyUpdated)]
    assert [event.update for event in updates] == [1, 2, 3]
    assert all(np.isfinite(event.keep_probability).all() for event in updates)
    assert isinstance(events[-1], SearchFinished)
