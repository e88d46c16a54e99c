"""agent.pt: what an agent has learned goes on to another network, and nothing else does."""

import dataclasses
import io
import random

import pytest
import torch

from core.config import PolicyConfig, SearchConfig
from core.errors import ConfigError
from core.events import CandidateEvaluated, CheckpointReached, NoticeRaised
from core.rl.transfer import agent_bytes, load_agent, take_over
from core.search import run_search
from core.search.tournament import feature_count
from tests.core.rl.observations import chain_policy
from tests.core.tiny import open_tiny
from tests.networks import Chain, Residual

CHANNELS = PolicyConfig(architecture="channels")
HIERARCHICAL = PolicyConfig(architecture="hierarchical")
FEATURES = 3  # of a channel in chain_observation


def written(tmp_path, policy, config, **changes):
    content = agent_bytes(policy.state_dict(), config)
    assert content is not None
    values = torch.load(io.BytesIO(content), weights_only=True)
    torch.save({**values, **changes}, tmp_path / "agent.pt")
    return str(tmp_path)


@pytest.mark.parametrize("config", [CHANNELS, HIERARCHICAL, PolicyConfig(encoder="none")])
def test_another_policy_takes_over_all_but_the_offsets(tmp_path, config):
    taught = chain_policy(config, seed=1)
    with torch.no_grad():
        taught.channel_offset.fill_(3.0)
        taught.critic.bias.fill_(0.25)
        if config == HIERARCHICAL:
            taught.layers.log_deviation.copy_(torch.tensor([-1.0, -2.0]))
    place = written(tmp_path, taught, config)
    fresh = chain_policy(config, seed=2)
    take_over(fresh, load_agent(place, config, FEATURES))
    assert fresh.critic.bias.item() == 0.25
    assert torch.equal(fresh.head.first.weight, taught.head.first.weight)
    assert not fresh.channel_offset.any()
    if config == HIERARCHICAL:
        assert fresh.layers.log_deviation.tolist() == [-1.5, -1.5]
        other = chain_policy(dataclasses.replace(config, offsets=False))
        take_over(other, load_agent(f"{place}/agent.pt", config, FEATURES))
        assert other.layers.log_deviation.tolist() == [-1.5]


def test_a_global_embedding_fits_one_network_only(tmp_path):
    config = PolicyConfig(architecture="channels", embedding="global")
    assert agent_bytes(chain_policy(config).state_dict(), config) is None
    place = written(tmp_path, chain_policy(), CHANNELS)
    with pytest.raises(ConfigError, match="'start_from' must be empty where 'embedding'"):
        load_agent(place, config, FEATURES)


def test_an_agent_that_does_not_fit_is_refused_in_a_sentence(tmp_path):
    config = CHANNELS
    with pytest.raises(ConfigError, match="There is no agent to start from"):
        load_agent(str(tmp_path / "nowhere"), config, FEATURES)
    place = written(tmp_path, chain_policy(), config, version=7)
    with pytest.raises(ConfigError, match=r"another version of Espalier \(format 7.1, this one"):
        load_agent(place, config, FEATURES)
    written(tmp_path, chain_policy(), config, features_version=9)
    with pytest.raises(ConfigError, match=r"format 1.9, this one reads 1.1"):
        load_agent(place, config, FEATURES)
    written(tmp_path, chain_policy(), config)
    with pytest.raises(ConfigError, match=r"Set policy\.architecture = channels and"):
        load_agent(place, HIERARCHICAL, FEATURES)
    with pytest.raises(ConfigError, match="knows 3 features of a channel, here are 5"):
        load_agent(place, config, 5)
    weights = load_agent(place, config, FEATURES)
    with pytest.raises(ConfigError, match="other weights than the settings ask for"):
        take_over(chain_policy(), {**weights, "critic.bias": torch.zeros(2)})
    with pytest.raises(ConfigError, match="other weights than the settings ask for"):
        take_over(chain_policy(), {**weights, "critic.bias": torch.tensor([float("nan")])})


@pytest.mark.parametrize("content", [b"", b"no agent", b"PK\x03\x04 half a file"])
def test_a_damaged_file_is_no_agent(tmp_path, content):
    (tmp_path / "agent.pt").write_bytes(content)
    with pytest.raises(ConfigError, match="it is damaged, or no agent of Espalier"):
        load_agent(str(tmp_path), CHANNELS, FEATURES)


def test_an_agent_with_a_flipped_bit_is_never_another_agent(tmp_path):
    content = agent_bytes(chain_policy().state_dict(), CHANNELS)
    whole = chain_policy().state_dict()
    chance, refused = random.Random(0), 0
    for place in [*range(0, len(content), len(content) // 40), *range(60)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        (tmp_path / "agent.pt").write_bytes(flipped)
        try:
            weights = load_agent(str(tmp_path), CHANNELS, FEATURES)
        except ConfigError:
            refused += 1
        else:  # a bit that nobody reads
            assert all(torch.equal(weights[name], whole[name]) for name in weights)
    assert refused > 30


SHORT = SearchConfig(evaluations=8, reward_images=8, samples_per_update=4, threads=1)


def trained_agent(tmp_path, policy):
    config = dataclasses.replace(SHORT, policy=policy)
    events = list(run_search(open_tiny(Chain), config))
    state = [event for event in events if isinstance(event, CheckpointReached)][-1].state
    (tmp_path / "agent.pt").write_bytes(agent_bytes(state["agent"]["policy"], policy))
    return dataclasses.replace(config, start_from=str(tmp_path))


@pytest.mark.parametrize("offsets", [True, False])
def test_a_search_starts_with_the_agent_of_another_network(tmp_path, offsets):
    policy = PolicyConfig(architecture="hierarchical", offsets=offsets)
    config = trained_agent(tmp_path, policy)
    events = list(run_search(open_tiny(Residual), config))
    told = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert f"The search starts with the agent of {tmp_path}." in told
    assert sum(isinstance(event, CandidateEvaluated) for event in events) == 8
    fresh = list(run_search(open_tiny(Residual), dataclasses.replace(config, start_from="")))
    first, alone = (
        next(event for event in run if isinstance(event, CheckpointReached)).state["agent"][
            "policy"
        ]
        for run in (events, fresh)
    )
    assert not torch.equal(first["encoder.skip.weight"], alone["encoder.skip.weight"])


def test_a_search_that_cannot_start_so_is_refused_before_it_begins(tmp_path):
    config = dataclasses.replace(SHORT, start_from=str(tmp_path))
    with pytest.raises(ConfigError, match="There is no agent to start from"):
        next(run_search(open_tiny(Chain), config))
    config = dataclasses.replace(SHORT, policy=PolicyConfig(decision_steps=3))
    with pytest.raises(ConfigError, match="'decision_steps' must be at most 2 here, not 3"):
        next(run_search(open_tiny(Chain), config))


def test_the_features_of_a_channel_are_as_many_as_are_checked_for():
    events = list(run_search(open_tiny(Chain), SHORT))
    state = next(event for event in events if isinstance(event, CheckpointReached)).state
    assert state["agent"]["policy"]["head.linear.weight"].shape == (1, feature_count())
