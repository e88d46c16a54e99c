"""The steps of the constrained MDP."""

import numpy as np
import pytest
import torch

from core.evaluation import RotatingImages
from core.graph.features import DECIDED, KEPT
from core.rl.environment import Outcome, PruningEnvironment
from core.rl.rewards import CrossEntropyReward
from core.scoring import MaskScorer
from tests.core.rl.observations import ANALYSIS, MODULE, chain_observation, chain_space
from tests.core.tiny import TinyPart


def make_environment(constraint="projection", decision_steps=1):
    return PruningEnvironment(
        chain_observation()[0],
        MaskScorer(MODULE, ANALYSIS.plan, torch.device("cpu")),
        RotatingImages(TinyPart(MODULE, seed=1), 8, seed=0),
        chain_space(constraint, decision_steps=decision_steps),
        CrossEntropyReward(),
    )


@pytest.fixture
def environment():
    return make_environment()


def test_cost_is_the_overshoot_relative_to_the_budget(environment):
    environment.reset()
    step = environment.step(np.ones(14, dtype=np.bool_))
    assert isinstance(step, Outcome)
    assert step.cost == pytest.approx((1.0 - 0.5) / 0.5)
    assert step.macs_kept == 1.0
    assert not step.meets_budget
    assert step.terminated
    assert not step.truncated
    assert step.reward == pytest.approx(-step.score.cross_entropy - 10.0)


def test_who_learns_a_multiplier_gets_the_reward_without_the_cost():
    environment = make_environment("lagrange")
    environment.reset()
    step = environment.play(np.ones(14, dtype=np.bool_))
    assert step.cost == pytest.approx(1.0)
    assert not step.meets_budget
    assert step.reward == pytest.approx(-step.score.cross_entropy)


def test_masks_between_two_resets_see_the_same_images(environment):
    keep = np.arange(14) % 2 == 0
    environment.reset()
    first, again = environment.play(keep), environment.play(keep)
    environment.reset()
    other = environment.play(keep)
    assert first.score == again.score
    assert first.score != other.score


def test_an_episode_of_two_steps_decides_the_first_layer_first():
    environment = make_environment(decision_steps=2)
    seen = environment.reset()
    keep = np.arange(14) % 2 == 0
    first = environment.step(keep)
    assert not first.terminated
    assert not isinstance(first, Outcome)
    assert (first.reward, first.cost) == (0.0, 0.0)
    nodes = [group.producers[0] for group in ANALYSIS.groups.groups]
    one, two = (list(ANALYSIS.graph.nodes).index(name) for name in nodes)
    assert first.observation.graph.x[[one, two], KEPT].tolist() == [0.5, 1.0]
    assert first.observation.graph.x[[one, two], DECIDED].tolist() == [1.0, 0.0]
    assert seen.graph.x[[one, two], KEPT].tolist() == [1.0, 1.0]
    last = environment.step(keep)
    assert last.terminated
    assert isinstance(last, Outcome)
    assert last.reward == pytest.approx(-last.score.cross_entropy - 10.0 * max(0.0, last.cost))


def test_what_a_step_does_not_decide_its_action_does_not_change():
    environment = make_environment(decision_steps=2)
    environment.reset()
    keep = np.ones(14, dtype=np.bool_)
    keep[:6] = False
    environment.step(keep)
    whole = np.ones(14, dtype=np.bool_)
    told = environment.step(whole)  # the second step may not take the first layer back
    environment_of_one = make_environment()
    environment_of_one.reset()
    assert told.macs_kept == environment_of_one.play(keep).macs_kept < 1.0


def test_one_episode_in_one_step_or_two_scores_alike():
    keep = np.arange(14) % 3 != 0
    outcomes = []
    for steps in (1, 2):
        environment = make_environment(decision_steps=steps)
        environment.reset()
        outcomes.append(environment.play(keep))
    assert outcomes[0].score == outcomes[1].score
    assert outcomes[0].reward == outcomes[1].reward


def test_a_step_before_a_reset_is_refused(environment):
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(np.ones(14, dtype=np.bool_))
