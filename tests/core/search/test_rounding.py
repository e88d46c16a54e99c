"""The winner of a search with rounded widths.

Chain: 64*9*(3a + ab) + 4b MACs for a of 8 and b of 6 channels kept, 41,496 in all.
"""

import dataclasses

import pytest

from core.config import SearchConfig
from core.errors import ConfigError
from core.events import BestChanged, NoticeRaised, SearchFinished, StopRequested
from core.search import run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain

SHORT = SearchConfig(
    evaluations=4,
    macs_budget=0.6,
    reward_images=8,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
    round_to=4,
)


def notices(events):
    return [event.message for event in events if isinstance(event, NoticeRaised)]


def test_the_winner_keeps_multiples_within_the_budget():
    events = list(run_search(open_tiny(Chain), SHORT))
    finished = events[-1]
    # of (4, 4) .389, (4, 6) .5003, (8, 4) .778 and all, the second fills the budget best
    assert (finished.keep[:8].sum(), finished.keep[8:].sum()) == (4, 6)
    assert finished.macs_kept == pytest.approx((64 * 9 * (12 + 24) + 24) / 41_496)
    assert "MACs kept" in notices(events)[-1]
    assert "50.0 % now" in notices(events)[-1]


def test_a_budget_below_all_multiples_leaves_the_mask():
    events = list(run_search(open_tiny(Chain), dataclasses.replace(SHORT, macs_budget=0.3)))
    assert events[-1].macs_kept <= 0.3
    assert "No widths that are multiples of 4 meet the budget of 30.0 %" in notices(events)[-1]
    assert "the least has 38.9 %" in notices(events)[-1]


def test_a_search_that_does_not_round_says_nothing():
    plain = dataclasses.replace(SHORT, round_to=1)
    assert not notices(run_search(open_tiny(Chain), plain))


def test_a_stopped_search_is_rounded_too():
    search = run_search(open_tiny(Chain), SHORT)
    while not isinstance(next(search), BestChanged):
        pass
    events = [search.throw(StopRequested()), *search]
    assert isinstance(events[-1], SearchFinished)
    assert events[-1].is_stopped
    assert (events[-1].keep[:8].sum(), events[-1].keep[8:].sum()) == (4, 6)


def test_a_stop_at_the_notice_still_ends_with_the_mask():
    search = run_search(open_tiny(Chain), SHORT)
    while not isinstance(next(search), NoticeRaised):
        pass
    finished = search.throw(StopRequested())
    assert isinstance(finished, SearchFinished)
    assert finished.is_stopped


@pytest.mark.parametrize("multiple", [0, 3, 32, "8"])
def test_other_multiples_are_refused(multiple):
    with pytest.raises(ConfigError, match=r"'round_to' must be one of 1, 4, 8, 16"):
        dataclasses.replace(SHORT, round_to=multiple)
