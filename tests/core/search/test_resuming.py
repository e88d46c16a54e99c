"""A search that was broken off goes on to the bit as if nothing had happened."""

import dataclasses
import functools
import io
from typing import Any

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, PPOConfig, SearchConfig
from core.events import (
    CheckpointReached,
    SearchFinished,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.search import SearchState, run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual

SHORT = SearchConfig(
    evaluations=22,
    macs_budget=0.5,
    reward_images=8,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
)


def plain(event: Any) -> tuple[str, dict[str, Any]]:
    """An event without its times, comparable to the bit."""
    values = {name: value for name, value in vars(event).items() if name != "seconds"}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            values[name] = (value.dtype.str, value.shape, value.tobytes())
        elif isinstance(value, dict):
            values[name] = {
                key: one.tobytes() if isinstance(one, np.ndarray) else one
                for key, one in value.items()
            }
    return type(event).__name__, values


def comparable(events) -> list[tuple[str, dict[str, Any]]]:
    return [plain(event) for event in events if not isinstance(event, CheckpointReached)]


@functools.cache
def whole_with_checkpoints(case: str) -> tuple[list[Any], dict[int, tuple[int, bytes]]]:
    """The events of a whole search; by update, how many came before it and its checkpoint's file.

    Each checkpoint is written when it is told, as a search writes it that may die right after.
    """
    kind, changes = CASES[case]
    told, checkpoints = [], {}
    for event in run_search(open_tiny(kind), dataclasses.replace(SHORT, **changes)):
        told.append(event)
        if isinstance(event, CheckpointReached):
            file = io.BytesIO()
            torch.save(event.state, file)
            checkpoints[event.update] = len(told), file.getvalue()
    return told, checkpoints


def broken_off_after(update: int, opened, config) -> tuple[list[Any], dict[str, Any]]:
    """The events of a search that dies right after an update, and its checkpoint on disk."""
    events, told = run_search(opened, config), []
    for event in events:
        told.append(event)
        if isinstance(event, CheckpointReached) and event.update == update:
            break
    events.close()
    file = io.BytesIO()
    torch.save(told[-1].state, file)
    file.seek(0)
    return told, torch.load(file, weights_only=True)


LEARNING = {"distillation_steps": 2, "distillation_batch": 4}
CASES = {
    "default": (Residual, {}),
    "penalty": (Chain, {"constraint": "penalty", "reward": "self_competition"}),
    "improvement": (Chain, {"reward": "improvement", "prior": "none"}),
    "pinned": (Chain, {"pinned_keep": ("first.0:1",), "pinned_removed": ("second.0:0",)}),
    "distilled": (Chain, {"reward": "refit_distillation", **LEARNING}),
    "staged": (Residual, {"reward": "staged", **LEARNING}),
    "adapting": (Chain, {"adaptation_steps": 3, "budget_annealing": 0.0, **LEARNING}),
    "annealed": (Chain, {"adaptation_steps": 3, "budget_annealing": 0.6, **LEARNING}),
    "streams": (Residual, {"streams": "prune", "macs_budget": 0.3}),
    "hierarchical": (
        Residual,
        {"streams": "prune", "policy": PolicyConfig(architecture="hierarchical")},
    ),
    "lagrange": (
        Chain,
        {
            "constraint": "lagrange",
            "policy": PolicyConfig(decision_steps=2),
            "ppo": PPOConfig(entropy_coef=0.1, ratio="joint", advantage="rank", max_grad_norm=1.0),
        },
    ),
    "pretrained": (
        Chain,
        {"policy": PolicyConfig(encoder="frozen", embedding="global", pretraining_epochs=4)},
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("update", [1, 3, 6])
def test_a_search_goes_on_to_the_bit(case, update):
    kind, changes = CASES[case]
    config = dataclasses.replace(SHORT, **changes)
    told, checkpoints = whole_with_checkpoints(case)
    whole, (count, file) = comparable(told), checkpoints[update]
    first, values = told[:count], torch.load(io.BytesIO(file), weights_only=True)
    torch.manual_seed(99)  # another process has other random numbers
    rest = list(run_search(open_tiny(kind), config, SearchState.from_dict(values), first))
    begin = rest.index(StageStarted("Searching", total=config.evaluations))
    assert all(isinstance(event, StageStarted | StageAdvanced) for event in rest[:begin])
    assert comparable(first) + comparable(rest[begin + 1 :]) == whole


def test_a_search_may_be_broken_off_again_and_again():
    whole = comparable(run_search(open_tiny(Residual), SHORT))
    told, state = [], None
    while not told or not isinstance(told[-1], SearchFinished):
        events = run_search(open_tiny(Residual), SHORT, state)
        if state is not None:
            next(events)
        for event in events:
            told.append(event)
            if isinstance(event, CheckpointReached):
                state = SearchState.from_dict(event.state)
                break
    assert comparable(told) == whole


def test_a_checkpoint_is_a_copy_that_the_search_does_not_change():
    events = run_search(open_tiny(Chain), SHORT)
    first = next(event for event in events if isinstance(event, CheckpointReached))
    before = io.BytesIO()
    torch.save(first.state, before)
    list(events)
    after = io.BytesIO()
    torch.save(first.state, after)
    assert before.getvalue() == after.getvalue()


def test_seconds_go_on_counting_worked_time():
    _, values = broken_off_after(2, open_tiny(Chain), SHORT)
    values["seconds"] = {"total": 1000.0, "evaluation": 600.0, "policy": 300.0}
    finished = list(run_search(open_tiny(Chain), SHORT, SearchState.from_dict(values)))[-1]
    assert 1000 < finished.seconds["total"] < 1100
    assert 600 < finished.seconds["evaluation"] < 700
    assert 300 < finished.seconds["policy"] < 400


def test_a_resumed_search_that_is_stopped_at_once_has_the_best_mask_of_the_first_half():
    told, values = broken_off_after(3, open_tiny(Residual), SHORT)
    best = [event for event in told if type(event).__name__ == "BestChanged"][-1]
    events = run_search(open_tiny(Residual), SHORT, SearchState.from_dict(values))
    next(events)
    finished = events.throw(StopRequested())
    assert finished.is_stopped
    assert finished.evaluations == 12
    assert (finished.keep == best.keep).all()


def test_a_state_of_another_version_is_no_state():
    _, values = broken_off_after(1, open_tiny(Chain), SHORT)
    with pytest.raises(ValueError, match="version 2, not 1"):
        SearchState.from_dict({**values, "version": 2})
