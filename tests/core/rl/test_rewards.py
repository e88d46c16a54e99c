"""Rewards by hand; EMA = 0.9 x past + 0.1 x now."""

import pytest

from core.evaluation import Score
from core.rl.rewards import (
    REWARDS,
    WITH_DISTILLATION,
    WITH_REFIT,
    WITH_TEACHER,
    CrossEntropyReward,
    ImprovementReward,
    RefitErrorReward,
    SelfCompetitionReward,
    TeacherReward,
    teacher_temperature,
)


def score(accuracy, cross_entropy=1.0):
    return Score(accuracy, cross_entropy, 100)


def test_cross_entropy_is_the_negative_loss_and_the_overshoot_costs_ten_times():
    reward = CrossEntropyReward()
    assert reward(score(0.5, 1.25), cost=-0.1) == pytest.approx(-1.25)
    assert reward(score(0.5, 1.25), cost=0.2) == pytest.approx(-3.25)


def test_teacher_rewards_closeness_to_the_unpruned_network_and_no_label():
    reward = TeacherReward()
    near, far = Score(0.1, 9.0, 100, teacher_kl=0.25), Score(0.9, 0.1, 100, teacher_kl=2.0)
    assert reward(near, cost=-0.1) == pytest.approx(-0.25)
    assert reward(far, cost=0.3) == pytest.approx(-5.0)
    with pytest.raises(RuntimeError, match="without a teacher"):
        reward(score(0.5), cost=0.0)


def test_a_refits_error_is_all_that_counts_where_it_is_the_reward():
    reward = RefitErrorReward()
    glanced = Score(0.1, 9.0, 32, refit_error=0.75)
    assert reward(glanced, cost=-0.1) == pytest.approx(-0.75)
    assert reward(glanced, cost=0.2) == pytest.approx(-2.75)
    with pytest.raises(RuntimeError, match="no refit's error"):
        reward(score(0.5), cost=0.0)


def test_these_rewards_ask_the_unpruned_network_and_no_others():
    asking = {name: teacher_temperature(name) for name in REWARDS if teacher_temperature(name)}
    names = ("teacher", "refit_error", "refit", "refit_distillation", "staged")
    assert asking == dict.fromkeys(names, 4.0)
    assert set(asking) == WITH_TEACHER == WITH_REFIT | {"teacher"}
    assert WITH_DISTILLATION < WITH_REFIT


def test_ema_accuracy_starts_at_the_first_mask_and_follows_slowly():
    reward = CrossEntropyReward()
    reward(score(0.5), 0.0)
    assert reward.ema_accuracy == pytest.approx(0.5)
    reward(score(0.7), 0.0)
    assert reward.ema_accuracy == pytest.approx(0.52)


def test_self_competition_first_rewards_only_the_budget():
    reward = SelfCompetitionReward()
    assert reward(score(0.9), cost=0.4) == pytest.approx(-0.4)  # nothing to beat yet
    # accuracy does not matter yet, the moving average of the overshoot does: .4, .39, .411
    assert reward(score(0.1), cost=0.3) == pytest.approx(1 - 0.3)
    assert reward(score(0.9), cost=0.6) == pytest.approx(-1 - 0.6)
    assert reward(score(0.9), cost=0.405) == pytest.approx(1 - 0.405)
    assert reward.ema_accuracy == 0.0
    assert reward(score(0.6), cost=0.0) == 1.0


def test_self_competition_moves_on_between_updates_and_not_back():
    reward = SelfCompetitionReward()
    reward(score(0.6), cost=0.0)
    reward.begin_update()
    reward(score(0.9), cost=0.4)
    reward.begin_update()
    assert reward(score(0.7), cost=0.0) == 1.0 and reward(score(0.5), cost=0.0) == -1.0
    fresh = SelfCompetitionReward()
    assert fresh(score(0.6), cost=0.0) == 1.0
    assert fresh(score(0.1), cost=0.0) == 1.0  # of the same update: still phase one
    fresh.begin_update()
    assert fresh(score(0.1), cost=0.0) == -1.0


@pytest.mark.parametrize("costs", [[0.4, 0.2], [0.4, 0.0], [0.0, -0.1]])
def test_self_competition_goes_on_from_its_state(costs):
    reward, again = SelfCompetitionReward(), SelfCompetitionReward()
    for cost in costs:
        reward(score(0.6), cost)
    again.load_state_dict(reward.state_dict())
    for one in (reward, again):
        one.begin_update()
    for cost in (0.3, -0.1):
        assert again(score(0.7), cost) == reward(score(0.7), cost)
    assert again.state_dict() == reward.state_dict()


def test_self_competition_goes_on_from_what_an_older_version_left():
    reward = SelfCompetitionReward()
    reward.load_state_dict({"ema": 0.6, "is_started": True, "is_phase_two": True})
    reward.begin_update()
    assert reward(score(0.7), cost=0.0) == 1.0
    assert reward(score(0.7), cost=0.1) == pytest.approx(-1.1)


def test_self_competition_then_rewards_beating_the_own_past():
    reward = SelfCompetitionReward()
    reward(score(0.6), cost=-0.1)
    reward.begin_update()
    assert reward(score(0.8), cost=-0.1) == 1.0
    assert reward.ema_accuracy == pytest.approx(0.62)
    assert reward(score(0.61), cost=-0.1) == -1.0
    assert reward.ema_accuracy == pytest.approx(0.619)


def test_self_competition_punishes_a_lost_budget_and_forgets_its_accuracy():
    reward = SelfCompetitionReward()
    reward(score(0.6), cost=0.0)
    reward.begin_update()
    assert reward(score(0.9), cost=0.25) == pytest.approx(-1.25)
    assert reward.ema_accuracy == pytest.approx(0.6)


def test_improvement_is_the_difference_to_the_own_past():
    reward = ImprovementReward()
    assert reward(score(0.5), 0.0) == 0.0
    assert reward(score(0.7), 0.0) == pytest.approx(0.2)
    assert reward(score(0.52), 0.1) == pytest.approx(-0.1)


@pytest.mark.parametrize("name", REWARDS)
def test_every_reward_starts_afresh(name):
    assert REWARDS[name]().ema_accuracy == 0.0
