"""A policy for many networks: what it sees, what it proposes, and what it learns from tries."""

import dataclasses
import io

import numpy as np
import pytest
import torch

from core.config import PolicyConfig
from core.errors import ConfigError
from core.graph.trace import analyse_network
from core.pruning.baselines import one_shot_mask
from core.pruning.criteria import CRITERIA
from core.pruning.macs import MacsModel
from core.pruning.refit import Refitted
from core.rl.generalist import (
    TRUST,
    GeneralistPolicy,
    Question,
    propose,
    rank_advantages,
    sample_trial,
    trial_loss,
)
from core.rl.network_view import ALLOCATED_BY, GROUP_FEATURES, RANKINGS, view_network
from core.rl.transfer import agent_bytes, generalist_bytes, load_agent, load_generalist
from tests.core.rl.observations import chain_policy
from tests.core.tiny import finish
from tests.networks import Chain, Residual, build, example_images


class LosesByPlace:
    """A refit that loses more by a later channel."""

    def refit(self, keep):
        return Refitted({}, float(np.flatnonzero(~keep).sum()))


def view_of(kind=Chain, removable=None, refit=None):
    module = build(kind)
    analysis = analyse_network(module, example_images())
    channels = analysis.groups.channel_count
    random = np.random.default_rng(0)
    importances = {name: random.random(channels).astype(np.float32) + 0.1 for name in CRITERIA}
    may_go = np.ones(channels, dtype=np.bool_) if removable is None else removable
    macs = MacsModel(analysis, module)
    return view_network(analysis, importances, macs, may_go, refit or LosesByPlace())


def no_preference(groups):
    """Shifts of 0 and no ranking before another."""
    return torch.zeros(groups + len(RANKINGS))


def policy_of(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GeneralistPolicy()


def moved(policy, size=0.5):
    """The policy with a residual that is not 0 any more."""
    with torch.no_grad():
        policy.last.weight.copy_(size * torch.randn(policy.last.weight.shape))
    return policy


def test_the_groups_of_a_chain_follow_each_other():
    view = view_of()
    assert view.features.shape == (2, GROUP_FEATURES)
    assert view.edge_index.T.tolist() == [[0, 1], [1, 0]]
    assert view.node_of_channel.tolist() == 8 * [0] + 6 * [1]


def test_groups_that_keep_all_are_no_nodes_but_let_edges_through():
    whole = view_of(Residual)
    only = np.zeros(len(whole.removable), dtype=np.bool_)
    last = whole.node_of_channel == len(whole.features) - 1
    only[last] = True
    view = view_of(Residual, only)
    assert len(view.features) == 1
    assert view.edge_index.shape == (2, 0)
    assert view.mask(no_preference(1), 0.9)[~only].all()


def test_ranks_are_logits_of_places_within_the_group():
    view = view_of()
    expected = np.log((np.arange(8) + 0.5) / (8 - np.arange(8) - 0.5))
    assert view.ranks.shape == (14, len(RANKINGS))
    for column in view.ranks[:8].T:
        assert np.sort(column) == pytest.approx(expected)


def test_preferred_rankings_weigh_more_in_the_order_of_a_group():
    view, answer = view_of(), no_preference(2)
    assert view.priority(answer) == pytest.approx(view.ranks.mean(axis=1))
    answer[2] = 20.0  # the first ranking
    answer[0] = 0.7  # the first group
    assert view.priority(answer)[:8] == pytest.approx(view.ranks[:8, 0] + 0.7)


def test_the_one_shot_columns_are_logits_of_what_the_masks_keep():
    view = view_of()
    keep = one_shot_mask(view.priorities[1], view.macs, 0.5, view.removable)
    share = np.array([keep[:8].mean(), keep[8:].mean()])
    least = 0.7 / np.array([9.0, 7.0])
    expected = torch.logit(torch.from_numpy(np.clip(share, least, 1 - least)))
    one_shot, _ = finish(view.parts(0.5))[1]
    assert one_shot[:, 1].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_what_the_parts_of_the_mixes_lose_is_told_in_logs_above_the_least_of_their_kind():
    view, own = view_of(), len(ALLOCATED_BY)
    expected = []
    for priorities in (view.priorities, view.ranks.T):
        keeps = [one_shot_mask(one, view.macs, 0.5, view.removable) for one in priorities]
        logs = np.log([np.flatnonzero(~keep).sum() for keep in keeps])
        expected += (logs - logs.min()).tolist()
    _, lost = finish(view.parts(0.5))[1]
    assert lost.tolist() == pytest.approx(expected, abs=1e-5)
    assert lost[:own].min() == lost[own:].min() == 0
    assert min(lost[:own].max(), lost[own:].max()) > 0


def test_no_mask_is_refitted_twice():
    asked = []

    class Counted(LosesByPlace):
        def refit(self, keep):
            asked.append(keep.tobytes())
            return super().refit(keep)

    steps, _ = finish(view_of(refit=Counted()).parts(0.5))
    assert len(asked) == len(set(asked)) < len(ALLOCATED_BY) + len(RANKINGS)
    assert [step.done for step in steps] == list(range(1, len(asked) + 1))


def test_untrained_it_mixes_the_one_shot_masks_by_what_they_lose():
    lost = torch.zeros(len(ALLOCATED_BY) + len(RANKINGS))
    lost[: len(ALLOCATED_BY)] = 9.0
    lost[2:4] = torch.tensor([0.0, 0.25])
    question = dataclasses.replace(Question.of(view_of(), 0.5), lost=lost)
    share = 1 / (1 + np.exp(-0.25 * TRUST))
    expected = share * question.one_shot[:, 2] + (1 - share) * question.one_shot[:, 3]
    answer = policy_of()(question)
    assert answer[:2].tolist() == pytest.approx((expected - expected.mean()).tolist(), abs=1e-5)
    assert answer[2:].tolist() == pytest.approx([0.0] * len(RANKINGS), abs=1e-6)


@pytest.mark.parametrize("kind", [Chain, Residual])
@pytest.mark.parametrize("budget", [0.4, 0.7])
def test_a_proposal_holds_the_budget_of_any_network(kind, budget):
    view = view_of(kind)
    priority, keep = propose(moved(policy_of()), Question.of(view, budget))
    assert float(view.macs.kept_share(keep)) <= budget
    assert np.array_equal(keep, one_shot_mask(priority, view.macs, budget, view.removable))


def test_tries_come_in_pairs_round_the_answer():
    policy, question = policy_of(), Question.of(view_of(), 0.5)
    trial = sample_trial(policy, question, 6, 0.3, torch.Generator().manual_seed(0))
    assert torch.allclose(trial.answers[:3] + trial.answers[3:], 2 * policy(question), atol=1e-5)
    assert len(trial.masks) == 6


def test_the_lowest_loss_has_the_highest_advantage_however_far_the_others_are():
    expected = [1.2247, 0.0, -1.2247]
    assert rank_advantages(torch.tensor([1.0, 2.0, 9.0])).tolist() == pytest.approx(
        expected, abs=1e-3
    )


def test_it_learns_to_keep_what_was_rewarded():
    policy, question = policy_of(), Question.of(view_of(), 0.5)
    noise, optimizer = torch.Generator().manual_seed(0), torch.optim.Adam(policy.parameters(), 0.01)
    before = policy(question)[0].item()
    for _ in range(5):
        trial = sample_trial(policy, question, 8, 0.3, noise)
        advantages = rank_advantages(-trial.answers[:, 0])
        optimizer.zero_grad()
        trial_loss(policy, trial, advantages, 0.3, 0.2).backward()
        optimizer.step()
    assert policy(question)[0].item() > before + 0.02


def test_its_file_gives_the_same_answers(tmp_path):
    policy, question = moved(policy_of()), Question.of(view_of(), 0.5)
    (tmp_path / "agent.pt").write_bytes(generalist_bytes(policy.state_dict()))
    for place in (tmp_path, tmp_path / "agent.pt"):
        read = load_generalist(str(place))
        assert torch.equal(read(question), policy(question))


def test_other_agents_are_no_generalists_and_the_other_way_round(tmp_path):
    config = PolicyConfig()
    (tmp_path / "agent.pt").write_bytes(agent_bytes(chain_policy().state_dict(), config))
    assert load_generalist(str(tmp_path)) is None
    (tmp_path / "agent.pt").write_bytes(generalist_bytes(policy_of().state_dict()))
    with pytest.raises(ConfigError, match="was trained on several networks"):
        load_agent(str(tmp_path), config, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features_version": 9}, r"another version of Espalier \(format 1.9, this one reads 1.2"),
        ({"version": 7}, r"another version of Espalier \(format 7.2"),
        ({"sha256": "0"}, "it is damaged, or no agent of Espalier"),
    ],
)
def test_an_agent_of_another_version_is_refused_in_a_sentence(tmp_path, changes, sentence):
    content = generalist_bytes(policy_of().state_dict())
    values = torch.load(io.BytesIO(content), weights_only=True)
    torch.save({**values, **changes}, tmp_path / "agent.pt")
    with pytest.raises(ConfigError, match=sentence):
        load_generalist(str(tmp_path))


@pytest.mark.parametrize("value", [float("nan"), None])
def test_weights_that_do_not_fit_are_refused(tmp_path, value):
    weights = policy_of().state_dict()
    weights["mix.bias"] = torch.zeros(1) if value is None else torch.full((4,), value)
    (tmp_path / "agent.pt").write_bytes(generalist_bytes(weights))
    with pytest.raises(ConfigError, match="it is damaged"):
        load_generalist(str(tmp_path))


def test_a_budget_is_seen_in_the_answer():
    view, policy = view_of(), moved(policy_of())
    answers = [policy(dataclasses.replace(Question.of(view, b))) for b in (0.3, 0.8)]
    assert not torch.allclose(*answers)
