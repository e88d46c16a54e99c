"""A search whose memory runs out: scores of one update compare, and it goes on to the bit."""

import dataclasses

import numpy as np
import pytest
import torch

from core.config import SearchConfig
from core.errors import MemoryShortage
from core.events import (
    CandidateEvaluated,
    CheckpointReached,
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
)
from core.scoring import MaskScorer
from core.search import SearchState, run_search
from core.search.alike import score_alike
from tests.core.search.test_resuming import broken_off_after, comparable
from tests.core.short_memory import ShortMemory
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain

SHORT = SearchConfig(
    evaluations=16,
    macs_budget=0.5,
    reward_images=16,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
)


def notices_of(events):
    return [event.message for event in events if isinstance(event, NoticeRaised)]


def test_a_search_in_halves_ends_like_any_other(monkeypatch):
    opened = open_tiny(Chain)
    ShortMemory(monkeypatch, 6)
    events = list(run_search(opened, SHORT))
    said = notices_of(events)
    assert isinstance(events[-1], SearchFinished)
    assert sum("while scoring a mask" in words for words in said) == 2  # 8, then 4
    assert sum("while reading images" in words for words in said) == 2  # 12, then 6
    assert sum("while measuring the channels" in words for words in said) == 2


def test_a_network_adapts_in_halves_too_and_goes_on_so(monkeypatch):
    config = dataclasses.replace(SHORT, adaptation_steps=2, distillation_batch=16)
    opened = open_tiny(Chain)
    ShortMemory(monkeypatch, 6)
    events = list(run_search(opened, config))
    said = notices_of(events)
    assert sum("while adapting the network" in words for words in said) == 2  # 8, then 4
    assert any(isinstance(event, NetworkAdapted) for event in events)
    saved = [event.state for event in events if isinstance(event, CheckpointReached)]
    assert [one["memory"]["adapted"] for one in saved] == [4] * 4


def test_the_masks_of_one_update_are_scored_alike(monkeypatch):
    memory = ShortMemory(monkeypatch, 24)
    scored, score = [], MaskScorer.score

    def watched(scorer, *given):
        found = score(scorer, *given)
        scored.append((scorer.images_at_once, given[0].tobytes()))
        return found

    monkeypatch.setattr(MaskScorer, "score", watched)
    learned, masks = [], []
    for event in run_search(open_tiny(Chain), SHORT):
        if isinstance(event, CandidateEvaluated):
            masks.append(event.keep.tobytes())
            if event.evaluation == 6:  # the second of the second update
                memory.most = 8
        if isinstance(event, PolicyUpdated):
            learned.append(scored[-4:])
    assert [[size for size, _ in one] for one in learned] == [[0] * 4, [8] * 4, [8] * 4, [8] * 4]
    assert [mask for _, mask in learned[1]] == masks[4:8]


def test_the_reward_forgets_the_scores_that_do_not_count(monkeypatch):
    """An update whose first masks are scored again ends like one that was in halves all along."""
    config = dataclasses.replace(SHORT, reward="self_competition", evaluations=4)
    ends = []
    for name, begins in (("stage", "Searching"), ("evaluation", 2)):
        with monkeypatch.context() as patch:
            memory = ShortMemory(patch, 24)
            for event in run_search(open_tiny(Chain), config):
                if getattr(event, name, None) == begins:
                    memory.most = 8
                if isinstance(event, CheckpointReached):
                    ends.append(event.state["reward"])
    assert ends[0] == ends[1]


@pytest.mark.parametrize("update", [1, 3])
def test_a_search_in_halves_goes_on_to_the_bit(update, monkeypatch):
    config = dataclasses.replace(SHORT, reward="teacher")
    opened = open_tiny(Chain)
    ShortMemory(monkeypatch, 6)
    whole = comparable(run_search(opened, config))
    first, values = broken_off_after(update, opened, config)
    assert values["memory"]["scored"] == values["memory"]["asked"] == 4
    rest = list(run_search(opened, config, SearchState.from_dict(values)))
    assert comparable(first) + comparable(rest[1:]) == whole


def test_a_checkpoint_from_before_halving_is_taken_up():
    _, values = broken_off_after(1, open_tiny(Chain), SHORT)
    del values["memory"]
    assert dict(SearchState.from_dict(values).memory) == {"scored": 0, "asked": 0}


def test_competitors_are_scored_alike(monkeypatch):
    opened = open_tiny(Chain)
    memory = ShortMemory(monkeypatch, 24)
    scorer = MaskScorer(opened.network.module, opened.analysis.plan, torch.device("cpu"))
    batch = opened.images.reward.batch(np.arange(16))
    keep = np.ones(opened.analysis.plan.channel_count, dtype=bool)
    other = keep.copy()
    other[::2] = False
    scoring = score_alike(scorer, [keep, other, keep], batch, 0)
    next(scoring)
    memory.most = 8
    events, scores = finish(scoring)
    assert scores[0] == scores[2]
    assert len(notices_of(events)) == 1


def test_a_search_for_which_memory_never_suffices_ends_in_a_sentence(monkeypatch):
    opened = open_tiny(Chain)
    ShortMemory(monkeypatch, 0)
    with pytest.raises(MemoryShortage, match="while reading images"):
        list(run_search(opened, SHORT))


def test_a_mask_is_distilled_in_parts_where_memory_is_short(monkeypatch):
    """The batch of 16 is learned from in parts of 4."""
    config = dataclasses.replace(
        SHORT, reward="refit_distillation", distillation_batch=16, reward_images=4
    )
    opened = open_tiny(Chain)
    ShortMemory(monkeypatch, 6)
    events = list(run_search(opened, config))
    said = notices_of(events)
    assert isinstance(events[-1], SearchFinished)
    assert sum("while distilling a mask" in words for words in said) == 2  # 8, then 4
