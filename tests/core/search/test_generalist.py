"""One agent trained on several tiny networks, and what it then proposes to a search."""

import dataclasses
import functools

import numpy as np
import pytest
import torch

from core.config import SearchConfig
from core.config.training import TrainingConfig
from core.errors import BudgetError, ConfigError
from core.events import (
    CandidateEvaluated,
    CheckpointReached,
    CriterionEvaluated,
    NoticeRaised,
    SearchFinished,
    StageAdvanced,
    StageStarted,
    StopRequested,
    TaskPractised,
)
from core.rl.generalist import GeneralistPolicy
from core.rl.transfer import agent_bytes, generalist_bytes
from core.search import SearchState, run_search
from core.search.generalist import train_generalist
from core.search.proposing import SHIPPED_AGENT
from core.search.tournament import PROPOSAL
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Residual

TINY = TrainingConfig(
    updates=3, samples_per_task=4, reward_images=8, threads=1, least_budget=0.4, cheap_share=0.5
)
SHORT = SearchConfig(evaluations=4, reward_images=8, samples_per_update=4, threads=1)


@functools.cache
def trained(seed=0):
    networks = [open_tiny(Chain), open_tiny(Residual)]
    return finish(train_generalist(networks, dataclasses.replace(TINY, seed=seed)))


@pytest.fixture
def agent(tmp_path):
    """The place of an agent that was trained on both networks."""
    (tmp_path / "agent.pt").write_bytes(trained()[1])
    return str(tmp_path)


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_training_practises_tasks_of_all_networks_within_the_bounds():
    events, content = trained()
    tasks = of(TaskPractised, events)
    assert [task.update for task in tasks] == [1, 1, 2, 2, 3, 3]
    assert {task.network for task in tasks} == {"chain", "residual"}
    assert all(0.4 <= task.macs_budget <= 0.8 for task in tasks)
    assert all(task.best_loss <= task.mean_loss for task in tasks)
    assert StageStarted("Training the agent", total=3) in events
    assert events[-1] == StageAdvanced(3)
    assert len(content) < 2_000_000


def test_the_same_seed_gives_the_same_agent_and_another_seed_another():
    networks = [open_tiny(Chain), open_tiny(Residual)]
    assert finish(train_generalist(networks, TINY))[1] == trained()[1]
    assert trained(seed=1)[1] != trained()[1]


def test_a_stop_gives_what_is_learned_so_far():
    events = train_generalist([open_tiny(Chain)], dataclasses.replace(TINY, updates=1000))
    for event in events:
        if isinstance(event, TaskPractised):
            break
    with pytest.raises(StopIteration) as end:
        events.throw(StopRequested())
    assert len(end.value.value) > 1000


def test_minutes_end_a_training():
    config = dataclasses.replace(TINY, updates=1_000_000, minutes=1e-9)
    events, content = finish(train_generalist([open_tiny(Chain)], config))
    assert of(TaskPractised, events) == []
    assert content


def test_what_cannot_be_trained_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="needs a network to be trained on"):
        next(train_generalist([], TINY))
    with pytest.raises(ConfigError, match=r"0\.9 is above 0\.5\. Swap them"):
        TrainingConfig(least_budget=0.9, most_budget=0.5)
    low = dataclasses.replace(TINY, least_budget=0.01, most_budget=0.01)
    with pytest.raises(BudgetError, match="'chain' cannot be brought below"):
        finish(train_generalist([open_tiny(Chain)], low))


def test_the_proposal_is_a_method_without_evaluations(agent):
    config = dataclasses.replace(SHORT, method=PROPOSAL, start_from=agent)
    events = list(run_search(open_tiny(Residual), config))
    finished = of(SearchFinished, events)[0]
    assert finished.evaluations == 0
    assert of(CandidateEvaluated, events) == []
    assert np.array_equal(finished.keep, finished.criteria[PROPOSAL])
    assert finished.macs_kept <= config.macs_budget


@pytest.mark.parametrize("budget", [0.3, 0.7])
def test_the_shipped_agent_proposes_where_nobody_is_named(budget):
    assert SHIPPED_AGENT.stat().st_size < 2_000_000
    assert (SHIPPED_AGENT.with_suffix(".md")).is_file()  # what made it
    config = dataclasses.replace(SHORT, method=PROPOSAL, macs_budget=budget)
    finished = of(SearchFinished, run_search(open_tiny(Residual), config))[0]
    named = dataclasses.replace(config, start_from=str(SHIPPED_AGENT))
    again = of(SearchFinished, run_search(open_tiny(Residual), named))[0]
    assert finished.evaluations == 0
    assert finished.macs_kept <= budget
    assert np.array_equal(finished.keep, again.keep)


def test_a_search_from_such_an_agent_has_its_proposal_among_the_criteria(agent):
    config = dataclasses.replace(SHORT, start_from=agent)
    events = list(run_search(open_tiny(Residual), config))
    assert [one.criterion for one in of(CriterionEvaluated, events)].count(PROPOSAL) == 1
    told = [one.message for one in of(NoticeRaised, events)]
    assert f"The agent of {agent} has proposed a mask to the search." in told
    assert len(of(CandidateEvaluated, events)) == 4
    fresh = list(run_search(open_tiny(Residual), SHORT))
    assert PROPOSAL not in [one.criterion for one in of(CriterionEvaluated, fresh)]


def test_a_search_stops_between_the_refits_of_a_proposal(agent):
    search = run_search(open_tiny(Residual), dataclasses.replace(SHORT, start_from=agent))
    asked = StageStarted("Asking the agent for a proposal")
    assert any(event == asked for event in search)
    assert isinstance(next(search), StageAdvanced)
    finished = search.throw(StopRequested)
    assert isinstance(finished, SearchFinished)
    assert finished.is_stopped
    assert finished.macs_kept <= SHORT.macs_budget


@pytest.mark.parametrize("reward", ["teacher", "refit"])
def test_what_it_asks_of_a_refit_is_measured_once(agent, reward):
    config = dataclasses.replace(SHORT, start_from=agent, reward=reward)
    stages = [one.stage for one in of(StageStarted, run_search(open_tiny(Residual), config))]
    assert stages.count("Measuring what layers read, for the refit") == 1


def test_other_methods_do_not_ask_it(agent):
    config = dataclasses.replace(SHORT, start_from=agent, method="evolution")
    events = list(run_search(open_tiny(Chain), config))
    assert PROPOSAL not in [one.criterion for one in of(CriterionEvaluated, events)]


def test_a_search_goes_on_though_the_agent_that_proposed_is_gone(agent, tmp_path):
    config = dataclasses.replace(SHORT, evaluations=8, start_from=agent)
    whole = list(run_search(open_tiny(Chain), config))
    (tmp_path / "agent.pt").unlink()
    state = SearchState.from_dict(of(CheckpointReached, whole)[0].state)
    rest = list(run_search(open_tiny(Chain), config, state))
    masks = [event.keep.tobytes() for event in of(CandidateEvaluated, whole)]
    assert [event.keep.tobytes() for event in of(CandidateEvaluated, rest)] == masks[4:]
    assert PROPOSAL in of(SearchFinished, rest)[0].criteria


def test_a_proposal_that_nobody_can_make_is_refused_before_the_search_begins(tmp_path):
    opened = open_tiny(Chain)
    last = of(CheckpointReached, run_search(opened, SHORT))[-1].state
    path = tmp_path / "own.pt"
    path.write_bytes(agent_bytes(last["agent"]["policy"], SHORT.agent_policy))
    config = dataclasses.replace(SHORT, method=PROPOSAL, start_from=str(path))
    with pytest.raises(ConfigError, match="'start_from' must name an agent of 'espalier train-"):
        next(run_search(opened, config))
    config = dataclasses.replace(config, start_from=str(tmp_path))
    with pytest.raises(ConfigError, match="There is no agent to start from"):
        next(run_search(open_tiny(Chain), config))


def test_an_untrained_agent_proposes_too(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        content = generalist_bytes(GeneralistPolicy().state_dict())
    (tmp_path / "agent.pt").write_bytes(content)
    config = dataclasses.replace(SHORT, method=PROPOSAL, start_from=str(tmp_path))
    assert of(SearchFinished, run_search(open_tiny(Chain), config))[0].macs_kept <= 0.5
