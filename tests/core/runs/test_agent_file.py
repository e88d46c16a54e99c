"""A run leaves its agent behind, with which another run can start."""

import dataclasses

import pytest

from core.config import PolicyConfig, RunConfig, SearchConfig, load_run_config
from core.events import CheckpointReached, NoticeRaised, PretrainingAdvanced
from core.rl.transfer import load_agent
from core.runs.flow import record_run
from core.runs.paths import with_absolute_paths
from core.search.tournament import feature_count
from tests.core.export.opened import open_tiny

SEARCH = SearchConfig(evaluations=4, reward_images=8, samples_per_update=2, threads=1)
CONFIG = RunConfig(network="tiny", data="random", latency=False, exports=False, search=SEARCH)


def run_with(folder, **changes):
    search = dataclasses.replace(SEARCH, **changes)
    return list(record_run(open_tiny(), dataclasses.replace(CONFIG, search=search), folder))


def test_a_runs_folder_has_its_agent_and_another_run_starts_with_it(tmp_path, monkeypatch):
    first = run_with(tmp_path / "first")
    taught = [event for event in first if isinstance(event, CheckpointReached)][-1]
    weights = load_agent(str(tmp_path / "first"), SEARCH.agent_policy, feature_count())
    own = taught.state["agent"]["policy"]
    assert set(own) - set(weights) == {"layer_offset", "channel_offset"}
    assert all((weights[name] == own[name]).all() for name in weights)
    second = run_with(tmp_path / "second", start_from=str(tmp_path / "first"))
    told = [event.message for event in second if isinstance(event, NoticeRaised)]
    assert f"The search starts with the agent of {tmp_path / 'first'}." in told
    monkeypatch.chdir(tmp_path)
    config = load_run_config(tmp_path / "second" / "config.toml")
    near = dataclasses.replace(config.search, start_from="./first")
    absolute = with_absolute_paths(dataclasses.replace(config, search=near))
    assert absolute.search.start_from == str(tmp_path / "first")


@pytest.mark.parametrize(
    "changes", [{"method": "random"}, {"policy": PolicyConfig(embedding="global")}]
)
def test_what_fits_one_network_only_leaves_no_agent(tmp_path, changes):
    run_with(tmp_path, **changes)
    assert (tmp_path / "checkpoint.pt").exists()
    assert not (tmp_path / "agent.pt").exists()


def test_pretraining_is_told_and_taken_as_policy_time(tmp_path):
    events = run_with(tmp_path, policy=PolicyConfig(pretraining_epochs=3))
    told = [event for event in events if isinstance(event, PretrainingAdvanced)]
    assert [event.epoch for event in told] == [1, 2, 3]
    assert told[0].edge_loss > 0
    assert told[0].feature_loss > 0
