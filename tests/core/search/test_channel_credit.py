"""What channels give, against differences of the loss, and what the agent makes of it."""

import dataclasses

import numpy as np
import pytest
import torch

from core.config import PolicyConfig, PPOConfig, SearchConfig
from core.search import run_search
from core.search.bench import Bench
from core.search.channel_credit import CreditMeasurer
from tests.core.tiny import open_tiny
from tests.networks import Residual

FROZEN = SearchConfig(evaluations=8, adaptation_steps=0)


def measurer(config: SearchConfig) -> tuple[Bench, CreditMeasurer]:
    exact = dataclasses.replace(config, adaptation_steps=0, precision="float32")
    bench = Bench.of(open_tiny(Residual), exact)
    credit = CreditMeasurer.of(bench)
    assert credit is not None
    return bench, credit


@pytest.mark.parametrize("reward", ["teacher", "cross_entropy"])
def test_it_is_the_slope_of_the_loss_in_the_gate(reward: str) -> None:
    bench, credit = measurer(SearchConfig(macs_budget=0.6, reward=reward, seed=3))
    keep = np.ones(len(bench.removable), dtype=np.bool_)
    keep[np.flatnonzero(bench.removable)[::3]] = False
    batch = bench.images.next()
    given = credit.measure(keep, batch)
    step = 1e-3
    for channel in np.flatnonzero(bench.removable)[:6]:
        losses = []
        for side in (-step, step):
            gates = torch.from_numpy(keep).float()
            gates[channel] += side
            logits = credit._network.logits(batch[0], gates)
            losses.append(float(bench.scorer.loss_of(logits, batch, slice(0, len(batch[1])))))
        slope = (losses[1] - losses[0]) / (2 * step)
        assert -given[channel] == pytest.approx(slope, abs=2e-3)


def test_parts_of_the_images_give_their_mean() -> None:
    bench, credit = measurer(SearchConfig(reward="cross_entropy", reward_images=24))
    keep = np.ones(len(bench.removable), dtype=np.bool_)
    images, labels = bench.images.next()
    credit._at_once.most = 12
    halves = [
        credit.measure(keep, (images[part], labels[part])) for part in (slice(12), slice(12, 24))
    ]
    assert credit.measure(keep, (images, labels)) == pytest.approx(np.mean(halves, axis=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"ppo": PPOConfig(credit_rate=0.0)},
        {"policy": PolicyConfig(offsets=False)},
        {"reward": "refit"},
        {"method": "evolution"},
        {"adaptation_steps": 1},
    ],
)
def test_there_is_none_where_it_has_no_meaning(changes: dict[str, object]) -> None:
    config = dataclasses.replace(FROZEN, **changes)
    assert CreditMeasurer.of(Bench.of(open_tiny(Residual), FROZEN)) is not None
    assert CreditMeasurer.of(Bench.of(open_tiny(Residual), config)) is None


def test_it_moves_what_the_agent_would_keep() -> None:
    opened = open_tiny(Residual)
    ends = [
        list(run_search(opened, dataclasses.replace(FROZEN, ppo=PPOConfig(credit_rate=rate))))
        for rate in (0.0, 3.0)
    ]
    kept = [
        next(e for e in events if type(e).__name__ == "PolicyUpdated").keep_probability
        for events in ends
    ]
    assert not np.array_equal(*kept)
