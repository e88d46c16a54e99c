"""The whole search on tiny networks: its order, its promises, its end."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from core.config import SearchConfig
from core.errors import BudgetError, ConfigError
from core.events import (
    AttentionMeasured,
    BestChanged,
    CandidateEvaluated,
    CriterionEvaluated,
    HeldOutScored,
    ImportancesMeasured,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.pruning.criteria import CRITERIA
from core.pruning.macs import MacsModel
from core.pruning.surgery import prune_network
from core.search import check_budget, run_search
from core.search.feasibility import removable_channels
from core.search.tournament import competitor_names
from tests.core.tiny import open_tiny
from tests.networks import EXACT, Chain, Normalised, Residual, example_images

SHORT = SearchConfig(
    reward="cross_entropy",
    evaluations=10,
    macs_budget=0.5,
    reward_images=8,
    samples_per_update=4,
    adaptation_steps=0,
    threads=1,
)


def short(**changes: Any) -> SearchConfig:
    return dataclasses.replace(SHORT, **changes)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def plain(event):
    """An event without its times, comparable."""
    values = {k: value for k, value in vars(event).items() if k not in ("seconds", "state")}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            values[name] = value.tolist()
        elif isinstance(value, dict):
            values[name] = {key: mask.tolist() for key, mask in value.items()}
    return type(event).__name__, values


@pytest.fixture(scope="module")
def residual_events():
    return list(run_search(open_tiny(Residual), SHORT))


def test_events_come_in_their_order(residual_events):
    told = [e for e in residual_events if not isinstance(e, StageStarted | StageAdvanced)]
    kinds = [type(event).__name__ for event in told if not isinstance(event, BestChanged)]
    criteria = kinds.count("CriterionEvaluated")
    scored = [*["CandidateEvaluated"] * 4, "PolicyUpdated"]
    assert kinds == [
        "SearchStarted",
        "ImportancesMeasured",
        *["CriterionEvaluated"] * criteria,
        *scored,
        "AttentionMeasured",
        "CheckpointReached",
        *scored,
        "HeldOutScored",
        "CheckpointReached",
        *scored[2:],
        "CheckpointReached",
        "SearchFinished",
    ]
    assert criteria == len(competitor_names())


def test_the_line_to_compare_with_is_the_unpruned_network(residual_events):
    (started,) = of_kind(residual_events, SearchStarted)
    assert started.baseline_accuracy == 1.0  # the labels are its own answers
    assert started.evaluations == 10
    assert 0 < started.least_macs_kept < 0.5


def test_evaluations_are_counted_and_every_mask_meets_the_budget(residual_events):
    candidates = of_kind(residual_events, CandidateEvaluated)
    assert [event.evaluation for event in candidates] == list(range(1, 11))
    assert [event.update for event in candidates] == [1] * 4 + [2] * 4 + [3] * 2
    assert all(event.meets_budget and event.macs_kept <= 0.5 for event in candidates)
    assert all(event.reward == -event.cross_entropy for event in candidates)
    (finished,) = of_kind(residual_events, SearchFinished)
    assert finished.evaluations == 10
    assert finished.macs_kept <= 0.5
    assert not finished.is_stopped
    assert "l1_uniform" in finished.criteria
    assert set(finished.seconds) == {"total", "cpu", "analysis", "evaluation", "policy"}
    assert finished.seconds["analysis"] == 0.25
    assert finished.seconds["evaluation"] + finished.seconds["policy"] <= finished.seconds["total"]


def test_the_first_best_is_the_winning_criterion(residual_events):
    first = of_kind(residual_events, BestChanged)[0]
    least = min(event.cross_entropy for event in of_kind(residual_events, CriterionEvaluated))
    assert first.evaluation == 0
    assert first.cross_entropy >= least  # finalists saw more images


def test_every_criterions_scores_are_told_once(residual_events):
    (measured,) = of_kind(residual_events, ImportancesMeasured)
    channels = of_kind(residual_events, CandidateEvaluated)[0].keep.size
    assert set(measured.scores) == set(CRITERIA)
    assert all(scores.shape == (channels,) for scores in measured.scores.values())


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(20, [4, 8, 12, 16, 20]), (48, [6, 12, 18, 24, 30, 36, 42, 48])]
)
def test_the_best_mask_is_scored_on_held_out_images_every_few_updates(evaluations, expected):
    settings = short(evaluations=evaluations, samples_per_update=2)
    events = list(run_search(open_tiny(Residual), settings))
    scored = of_kind(events, HeldOutScored)
    assert [event.evaluation for event in scored] == expected
    best = [e for e in events[: events.index(scored[0])] if isinstance(e, BestChanged)][-1]
    assert scored[0].reward_cross_entropy == best.cross_entropy
    assert 0 <= scored[0].accuracy <= 1


def test_stages_advance_to_their_totals(residual_events):
    total = done = 0
    for event in residual_events:
        if isinstance(event, StageStarted):
            assert done == total or event.stage == "Choosing the winner"
            total, done = event.total, 0
        elif isinstance(event, StageAdvanced):
            assert event.done == done + 1
            done = event.done
    assert done == total


def test_attention_is_named_by_the_layers(residual_events):
    (attention,) = of_kind(residual_events, AttentionMeasured)
    assert attention.update == 1
    assert ("stem.0", "inner.0") in attention.edges
    assert ("inner.0", "stem.0") in attention.edges
    into = [at for at, (_, layer) in enumerate(attention.edges) if layer == "inner.0"]
    assert attention.weights[:, :, into].sum(axis=2) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("reward", ["cross_entropy", "self_competition", "improvement", "teacher"])
@pytest.mark.parametrize("constraint", ["projection", "penalty"])
def test_both_constraints_work_with_every_reward(constraint, reward):
    events = list(run_search(open_tiny(Chain), short(constraint=constraint, reward=reward)))
    assert len(of_kind(events, CandidateEvaluated)) == 10
    assert events[-1].macs_kept <= 0.5


def test_a_penalised_search_may_leave_the_budget_and_pays_for_it():
    config = short(constraint="penalty", prior="none", macs_budget=0.2)
    candidates = of_kind(run_search(open_tiny(Chain), config), CandidateEvaluated)
    over = [event for event in candidates if not event.meets_budget]
    assert over
    assert all(event.reward < -event.cross_entropy for event in over)


@pytest.mark.parametrize("kind", EXACT.values(), ids=EXACT)
def test_every_kind_of_network_can_be_searched(kind):
    opened = open_tiny(kind)
    config = short(evaluations=4, macs_budget=0.75)
    finished = list(run_search(opened, config))[-1]
    pruned = prune_network(opened.network.module, opened.analysis.plan, finished.keep)
    assert pruned(example_images()).shape == (4, 4)
    kept = MacsModel(opened.analysis, opened.network.module).kept_share(finished.keep)
    assert finished.macs_kept == kept <= 0.75


def test_one_seed_gives_the_same_events():
    torch.manual_seed(1)
    first = [plain(event) for event in run_search(open_tiny(Chain), SHORT)]
    torch.manual_seed(2)
    again = [plain(event) for event in run_search(open_tiny(Chain), SHORT)]
    other = [plain(event) for event in run_search(open_tiny(Chain), short(seed=1))]
    assert first == again
    assert first != other


def test_a_search_leaves_seeds_threads_and_network_as_they_were():
    opened = open_tiny(Residual)
    torch.manual_seed(5)
    seeds, threads = torch.get_rng_state(), torch.get_num_threads()
    state = {key: value.clone() for key, value in opened.network.module.state_dict().items()}
    list(run_search(opened, short(threads=2)))
    assert torch.equal(seeds, torch.get_rng_state())
    assert threads == torch.get_num_threads()
    after = opened.network.module.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in state.items())
    assert not any(
        p.requires_grad and p.grad is not None for p in opened.network.module.parameters()
    )


def stop_after(kind, opened, config=SHORT):
    """Stop a search after its first event of a kind; returns what it says from then on."""
    events = run_search(opened, config)
    for event in events:
        if isinstance(event, kind):
            break
    said = [events.throw(StopRequested())]
    return said + list(events)


@pytest.mark.parametrize(
    "kind",
    [
        StageStarted,
        SearchStarted,
        CriterionEvaluated,
        BestChanged,
        CandidateEvaluated,
        PolicyUpdated,
    ],
)
def test_a_stop_ends_with_the_best_mask_so_far(kind):
    opened = open_tiny(Residual)
    (finished,) = stop_after(kind, opened)
    assert finished.is_stopped
    assert finished.macs_kept <= 0.5
    assert finished.evaluations <= 4
    assert "l1_uniform" in finished.criteria
    assert finished.keep.shape == (opened.analysis.plan.channel_count,)


def test_a_stop_costs_one_batch_of_images():
    opened = open_tiny(Residual)
    events = run_search(opened, SHORT)
    next(event for event in events if isinstance(event, CandidateEvaluated))
    opened.images.held_out.read.clear()
    opened.images.reward.read.clear()
    events.throw(StopRequested())
    assert len(opened.images.held_out.read) == 8
    assert not opened.images.reward.read


def test_an_unreachable_budget_is_refused_with_the_least_share():
    opened = open_tiny(Chain)
    # 64*9*(3 + 1) + 4 of 41,496 MACs
    with pytest.raises(BudgetError, match=r"budget of 5 %.*'chain': at least 5\.6 % remain"):
        next(run_search(opened, short(macs_budget=0.05)))
    assert check_budget(opened, SHORT) == pytest.approx(2308 / 41_496)


def test_unknown_names_are_refused_before_anything_is_computed():
    opened = open_tiny(Chain)
    with pytest.raises(ConfigError, match=r"reward.*cross_entropy.*'gold'"):
        next(run_search(opened, short(reward="gold")))
    with pytest.raises(ConfigError, match=r"prior"):
        next(run_search(opened, short(prior="gold")))
    with pytest.raises(ConfigError, match=r"Device"):
        next(run_search(opened, short(device="abacus")))


def test_streams_are_kept_unless_the_budget_needs_them():
    opened = open_tiny(Residual)
    macs = MacsModel(opened.analysis, opened.network.module)
    streams = np.zeros(opened.analysis.plan.channel_count, dtype=np.bool_)
    for group in opened.analysis.groups.groups:
        streams[group.start : group.stop] = group.is_stream
    assert streams.any()
    least = check_budget(opened, short(streams="keep", macs_budget=1.0))
    roomy, tight = short(macs_budget=least + 0.01), short(macs_budget=least - 0.01)
    assert np.array_equal(removable_channels(opened, roomy, macs), ~streams)
    assert removable_channels(opened, tight, macs).all()
    assert removable_channels(opened, short(streams="prune", macs_budget=0.9), macs).all()
    with pytest.raises(BudgetError):
        check_budget(opened, short(streams="keep", macs_budget=least - 0.01))


def test_it_is_said_when_streams_are_pruned_too():
    config = short(streams="prune", evaluations=2)
    notices = of_kind(run_search(open_tiny(Residual), config), NoticeRaised)
    assert [notice.message for notice in notices] == [
        "The channels of residual streams are pruned too."
    ]


@pytest.mark.parametrize(("choice", "may_go"), [("approximate", True), ("exact", False)])
def test_approximate_groups_go_unless_only_exact_ones_are_wanted(choice, may_go):
    opened = open_tiny(Normalised)
    macs = MacsModel(opened.analysis, opened.network.module)
    removable = removable_channels(opened, short(groups=choice, streams="prune"), macs)
    approximate = [group for group in opened.analysis.groups.groups if group.approximate]
    exact = [group for group in opened.analysis.groups.groups if not group.approximate]
    assert approximate
    assert exact
    assert all(removable[g.start : g.stop].all() == may_go for g in approximate)
    assert all(removable[g.start : g.stop].all() for g in exact)
