"""Searches under several budgets at once, from the settings to the winner.

Chain: 29a + 9ab + 6b + 4 parameters of 704 for a of 8 and b of 6 channels kept.
"""

import dataclasses
import io

import numpy as np
import pytest
import torch

from core.config import RunConfig, SearchConfig, run_config_from_toml, to_toml
from core.errors import BudgetError, ConfigError
from core.events import (
    CandidateEvaluated,
    CheckpointReached,
    CriterionEvaluated,
    LatencyTableMeasured,
    SearchFinished,
    SearchStarted,
)
from core.export.pytorch import state_bytes
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network
from core.search import SearchState, check_budget, run_search
from core.search.methods import METHODS
from tests.core.made_up_times import MadeUpTimer
from tests.core.search.test_resuming import comparable
from tests.core.tiny import open_tiny
from tests.networks import Chain, Dense, Residual

SHORT = SearchConfig(
    evaluations=12,
    macs_budget=1.0,
    reward_images=8,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
)


@pytest.fixture(autouse=True)
def made_up_machine(monkeypatch):
    place = "core.search.layer_timing.make_timer"
    monkeypatch.setattr(place, lambda device, shape, batch: MadeUpTimer(batch))


def limited(**changes) -> SearchConfig:
    return dataclasses.replace(SHORT, **changes)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("kind", [Chain, Residual, Dense])
def test_every_mask_of_a_search_holds_all_budgets(kind):
    opened = open_tiny(kind)
    budgets = {"params": 0.6, "latency": 0.95}
    config = limited(macs_budget=0.7, params_budget=0.6, latency_budget=0.95)
    events = list(run_search(opened, config))
    (started,), (finished,) = of_kind(events, SearchStarted), of_kind(events, SearchFinished)
    assert started.further_budgets == budgets
    macs = MacsModel(opened.analysis, opened.network.module)
    criteria = [event.keep for event in of_kind(events, CriterionEvaluated)]
    for keep in [*criteria, *finished.criteria.values(), finished.keep]:
        assert macs.params(keep) <= 0.6 * macs.total_params
        assert macs.kept_share(keep) <= 0.7
    for event in of_kind(events, CandidateEvaluated):
        assert event.meets_budget
        assert event.macs_kept <= 0.7
        assert event.further_kept.keys() == budgets.keys()
        assert event.further_kept["params"] == macs.params(event.keep) / macs.total_params
        assert all(event.further_kept[name] <= budget for name, budget in budgets.items())
    assert finished.further_kept["params"] == macs.params(finished.keep) / macs.total_params


def test_parameters_alone_may_be_limited():
    events = list(run_search(open_tiny(Chain), limited(params_budget=0.5)))
    shares = [event.further_kept["params"] for event in of_kind(events, CandidateEvaluated)]
    # 35 parameters are the least that a channel more costs: the budget is used up
    assert all(0.5 - 83 / 704 < share <= 0.5 for share in shares)
    assert not of_kind(events, LatencyTableMeasured)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "agent"])
def test_every_method_holds_all_budgets(method):
    config = limited(method=method, macs_budget=0.7, params_budget=0.5, evaluations=8)
    *events, finished = run_search(open_tiny(Chain), config)
    candidates = of_kind(events, CandidateEvaluated)
    assert candidates and all(event.meets_budget for event in candidates)
    assert all(event.further_kept["params"] <= 0.5 for event in [*candidates, finished])


def test_the_file_is_as_small_as_was_asked_for():
    opened = open_tiny(Chain)
    finished = list(run_search(opened, limited(size_budget=0.85)))[-1]
    whole = opened.network.module
    cut = prune_network(whole, opened.analysis.plan, finished.keep)
    real = state_bytes(cut) / state_bytes(whole)
    assert finished.further_kept["size"] <= 0.85
    assert real == pytest.approx(finished.further_kept["size"], abs=64 * 15 / state_bytes(whole))


def test_masks_that_may_break_a_budget_pay_for_the_one_they_break_most():
    config = limited(constraint="penalty", prior="none", params_budget=0.3, reward="cross_entropy")
    candidates = of_kind(run_search(open_tiny(Chain), config), CandidateEvaluated)
    over = [event for event in candidates if event.further_kept["params"] > 0.3]
    assert over
    for event in candidates:
        excess = max(0.0, event.further_kept["params"] / 0.3 - 1)
        assert event.meets_budget == (excess == 0)
        assert event.reward == pytest.approx(-event.cross_entropy - 10 * excess, abs=1e-6)


def test_rounded_widths_hold_all_budgets():
    config = limited(params_budget=0.8, latency_budget=0.99, round_to=4)
    finished = list(run_search(open_tiny(Chain), config))[-1]
    assert finished.further_kept["params"] <= 0.8
    assert finished.further_kept["latency"] <= 0.99
    assert (finished.keep[:8].sum(), finished.keep[8:].sum()) in {(8, 4), (4, 6), (4, 4)}


def test_pinned_channels_count_in_every_budget():
    pins = {"pinned_keep": ("first.0:0-3",), "pinned_removed": ("second.0:0",)}
    events = list(run_search(open_tiny(Chain), limited(params_budget=0.5, **pins)))
    for event in of_kind(events, CandidateEvaluated):
        assert event.keep[:4].all() and not event.keep[8]
        assert event.further_kept["params"] <= 0.5


def test_streams_are_pruned_if_any_budget_needs_it():
    opened = open_tiny(Residual)
    kept = limited(streams="keep", params_budget=0.25)
    words = r"25 % of the parameters cannot .*'residual': at least 27\.7 %"
    with pytest.raises(BudgetError, match=words):
        check_budget(opened, kept)
    events = run_search(opened, limited(params_budget=0.25))
    assert all(event.meets_budget for event in of_kind(events, CandidateEvaluated))


def test_unreachable_budgets_are_each_named_with_their_least_share():
    # one channel in each: 29 + 9 + 6 + 4 of 704 parameters
    with pytest.raises(BudgetError) as error:
        check_budget(open_tiny(Chain), limited(macs_budget=0.05, params_budget=0.05))
    assert str(error.value) == (
        "A budget of 5 % of the MACs cannot be reached with 'chain': at least 5.6 % remain. "
        "Choose a budget of 5.6 % or more. A budget of 5 % of the parameters cannot be reached "
        "with 'chain': at least 6.9 % remain. Choose a budget of 6.9 % or more."
    )
    with pytest.raises(BudgetError, match=r"^A budget of 20 % of the weights' file cannot be"):
        check_budget(open_tiny(Chain), limited(size_budget=0.2))
    check_budget(open_tiny(Chain), limited(params_budget=0.07))


@pytest.mark.parametrize("name", ["params_budget", "size_budget", "latency_budget"])
@pytest.mark.parametrize("value", [0.0, -0.5, 1.01, float("nan"), True])
def test_budgets_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"'{name}' must be between 0.01 and 1.0"):
        limited(**{name: value})


def test_the_settings_go_to_toml_and_back():
    search = limited(params_budget=0.4, size_budget=0.3, latency_budget=0.75, latency_batch=32)
    config = RunConfig(search=search)
    assert run_config_from_toml(to_toml(config)) == config
    assert search.further_budgets == {"params": 0.4, "size": 0.3, "latency": 0.75}
    assert SearchConfig().further_budgets == {}


@pytest.mark.parametrize("update", [1, 2])
def test_a_search_goes_on_to_the_bit_with_the_table_that_it_began_with(monkeypatch, update):
    config = limited(macs_budget=0.8, params_budget=0.7, latency_budget=0.97)
    whole = comparable(run_search(open_tiny(Residual), config))
    events, told = run_search(open_tiny(Residual), config), []
    for event in events:
        told.append(event)
        if isinstance(event, CheckpointReached) and event.update == update:
            break
    events.close()
    file = io.BytesIO()
    torch.save(told[-1].state, file)
    file.seek(0)
    state = SearchState.from_dict(torch.load(file, weights_only=True))
    # on the machine of today nothing can be timed any more
    monkeypatch.setattr("core.search.layer_timing.make_timer", None)
    first, *rest = run_search(open_tiny(Residual), config, state)
    assert isinstance(first, LatencyTableMeasured)
    assert first.table == LatencyTableMeasured(told[-1].state["latency"]).table
    assert without_table(comparable(told) + comparable(rest[1:])) == without_table(whole)


def without_table(events):
    """The made-up times are always the same; how long it took to write them down is not."""
    return [event for event in events if event[0] not in ("LatencyTableMeasured", "StageAdvanced")]


def test_the_winner_is_what_was_asked_for_not_less():
    keep = list(run_search(open_tiny(Chain), limited(params_budget=0.5)))[-1].keep
    opened = open_tiny(Chain)
    macs = MacsModel(opened.analysis, opened.network.module)
    for channel in np.flatnonzero(~keep):
        more = keep.copy()
        more[channel] = True
        assert macs.params(more) > 0.5 * 704
