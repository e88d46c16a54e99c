"""Searches with the agent's options, on tiny networks."""

import dataclasses
import shutil

import pytest

from core.config import PolicyConfig, RunConfig, SearchConfig
from core.events import (
    AttentionMeasured,
    CandidateEvaluated,
    CheckpointReached,
    MultiplierUpdated,
    PretrainingAdvanced,
    SearchFinished,
    StopRequested,
)
from core.presets import apply_preset
from core.rl.transfer import agent_bytes
from core.search import SearchState, run_search
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual

SHORT = SearchConfig(
    evaluations=12, reward_images=8, samples_per_update=4, adaptation_steps=0, threads=1
)
CHANNELS = PolicyConfig(architecture="channels")


def searched(kind=Chain, **changes):
    return list(run_search(open_tiny(kind), dataclasses.replace(SHORT, **changes)))


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_learned_multiplier_is_told_and_kept_and_the_winner_holds_the_budget():
    events = searched(constraint="lagrange", prior="none", macs_budget=0.15)
    told = of(MultiplierUpdated, events)
    kept = [event.state["agent"]["multiplier"] for event in of(CheckpointReached, events)]
    assert [event.update for event in told] == [1, 2, 3]
    assert [event.multiplier for event in told] == kept
    assert kept[0] > 0  # at first half of all channels cost more than 15 %
    assert not all(event.meets_budget for event in of(CandidateEvaluated, events))
    assert of(SearchFinished, events)[0].macs_kept <= 0.15


def test_the_papers_preset_searches():
    paper = apply_preset(RunConfig(), "paper").search
    changes = dataclasses.replace(
        paper, evaluations=12, samples_per_update=4, reward_images=8, threads=1
    )
    events = list(run_search(open_tiny(Residual), changes))
    epochs = [event.epoch for event in of(PretrainingAdvanced, events)]
    assert epochs == list(range(1, paper.policy.pretraining_epochs + 1))
    assert (
        of(PretrainingAdvanced, events)[-1].edge_loss < of(PretrainingAdvanced, events)[0].edge_loss
    )
    assert len(of(CandidateEvaluated, events)) == 12
    assert of(SearchFinished, events)[0].macs_kept <= 0.5


@pytest.mark.parametrize("architecture", ["channels", "hierarchical"])
@pytest.mark.parametrize("decision_steps", [1, 2])
def test_residual_streams_are_layers_like_others(architecture, decision_steps):
    policy = PolicyConfig(architecture=architecture, decision_steps=decision_steps)
    events = searched(Residual, streams="prune", macs_budget=0.3, policy=policy)
    groups = open_tiny(Residual).analysis.groups.groups
    stream = next(group for group in groups if group.is_stream)
    masks = [event.keep[stream.start : stream.stop] for event in of(CandidateEvaluated, events)]
    assert any(not mask.all() for mask in masks)
    assert all(event.meets_budget for event in of(CandidateEvaluated, events))


def test_without_an_encoder_there_is_no_attention_to_measure():
    assert of(AttentionMeasured, searched())
    assert not of(AttentionMeasured, searched(policy=PolicyConfig(encoder="none")))


def test_a_stop_while_the_encoder_is_pretrained_gives_the_best_criterion():
    config = dataclasses.replace(SHORT, policy=PolicyConfig(pretraining_epochs=50))
    events = run_search(open_tiny(Chain), config)
    for event in events:
        if isinstance(event, PretrainingAdvanced):
            finished = events.throw(StopRequested())
            break
    assert isinstance(finished, SearchFinished)
    assert finished.is_stopped
    assert finished.evaluations == 0


def test_a_search_goes_on_though_the_agent_it_started_with_is_gone(tmp_path):
    first = of(CheckpointReached, searched())[-1].state
    (tmp_path / "agent.pt").write_bytes(agent_bytes(first["agent"]["policy"], CHANNELS))
    config = dataclasses.replace(SHORT, start_from=str(tmp_path))
    whole = list(run_search(open_tiny(Residual), config))
    shutil.rmtree(tmp_path)
    state = SearchState.from_dict(of(CheckpointReached, whole)[0].state)
    rest = list(run_search(open_tiny(Residual), config, state))
    masks = [event.keep.tobytes() for event in of(CandidateEvaluated, whole)]
    assert [event.keep.tobytes() for event in of(CandidateEvaluated, rest)] == masks[4:]
