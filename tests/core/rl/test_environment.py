"""One step of the constrained MDP."""

import numpy as np
import pytest
import torch

from core.evaluation import RotatingImages
from core.rl.environment import PruningEnvironment
from core.rl.rewards import CrossEntropyReward
from core.scoring import MaskScorer
from tests.core.rl.observations import ANALYSIS, MACS, MODULE, chain_observation
from tests.core.tiny import TinyPart


@pytest.fixture
def environment():
    return PruningEnvironment(
        chain_observation()[0],
        MaskScorer(MODULE, ANALYSIS.plan, torch.device("cpu")),
        RotatingImages(TinyPart(MODULE, seed=1), 8, seed=0),
        MACS,
        0.5,
        CrossEntropyReward(),
    )


def test_cost_is_the_overshoot_relative_to_the_budget(environment):
    environment.reset()
    step = environment.step(np.ones(14, dtype=np.bool_))
    assert step.cost == pytest.approx((1.0 - 0.5) / 0.5)
    assert step.macs_kept == 1.0
    assert not step.meets_budget
    assert step.terminated
    assert not step.truncated
    assert step.reward == pytest.approx(-step.score.cross_entropy - 10.0)


def test_masks_between_two_resets_see_the_same_images(environment):
    keep = np.arange(14) % 2 == 0
    environment.reset()
    first, again = environment.step(keep), environment.step(keep)
    environment.reset()
    other = environment.step(keep)
    assert first.score == again.score
    assert first.score != other.score


def test_a_step_before_a_reset_is_refused(environment):
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(np.ones(14, dtype=np.bool_))
