"""Hard-concrete gates against numbers computed by hand, and what they make of a network."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from core.config import SearchConfig
from core.config.baselines import BaselineConfig
from core.errors import ConfigError
from core.evaluation import use_batch_statistics
from core.events import (
    NetworkAdapted,
    NoticeRaised,
    PolicyUpdated,
    SearchFinished,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.pruning.surgery import NetworkShell, network_state, slice_state
from core.pruning.verification import random_keep
from core.search import run_search
from core.search.bench import Bench
from core.search.methods.gated_network import GatedNetwork
from core.search.methods.gates import Gates
from core.search.methods.hard_concrete import gates_of, open_logits, sure_gates
from core.search.methods.terrain import make_terrain
from tests.core.short_memory import ShortMemory
from tests.core.tiny import open_tiny
from tests.networks import EXACT, Chain, Flattened, Residual, example_images

CPU = torch.device("cpu")
SHORT = SearchConfig(
    evaluations=8,
    macs_budget=0.5,
    method="gates",
    reward_images=8,
    samples_per_update=4,
    threads=1,
    precision="float32",
)


def test_the_probability_of_an_open_gate():
    # 2/3 log(0.1 / 1.1) = -1.5986; sigmoid(0 + 1.5986) = 0.8318
    assert torch.sigmoid(open_logits(torch.tensor(0.0))).item() == pytest.approx(0.8318, abs=1e-4)
    assert open_logits(torch.tensor(-1.5986)).item() == pytest.approx(0.0, abs=1e-4)


def test_as_many_sampled_gates_are_open_as_that_probability_says():
    uniform = torch.linspace(0, 1, 100_001)
    for log_alpha in (-3.0, 0.0, 2.0):
        alpha = torch.tensor(log_alpha)
        share = (gates_of(alpha, uniform) > 0).float().mean().item()
        assert share == pytest.approx(torch.sigmoid(open_logits(alpha)).item(), abs=1e-3)


def test_a_gate_by_hand():
    # u = 1/2 has no noise: sigmoid(0.4 / (2/3)) = 0.6457; times 1.2 minus 0.1 = 0.6748
    gate = gates_of(torch.tensor(0.4), torch.tensor(0.5))
    assert gate.item() == pytest.approx(0.6748, abs=1e-4)
    # without noise at all, equation 13 has no temperature: sigmoid(0.4) = 0.5987 -> 0.6184
    assert sure_gates(torch.tensor(0.4)).item() == pytest.approx(0.6184, abs=1e-4)
    assert gates_of(torch.tensor(9.0), torch.tensor(0.5)).item() == 1.0
    assert gates_of(torch.tensor(-9.0), torch.tensor(0.5)).item() == 0.0


@pytest.mark.parametrize("name", EXACT)
def test_closed_gates_answer_as_the_cut_network(name):
    opened = open_tiny(EXACT[name])
    analysis, module = opened.analysis, opened.network.module
    keep = random_keep(analysis)
    images = example_images(6, 5)
    cut = NetworkShell(module).install(slice_state(analysis.plan, network_state(module), keep))
    use_batch_statistics(cut.eval())
    gated = GatedNetwork(module, analysis.plan, CPU)
    with torch.no_grad():
        expected = cut(images)
        found = gated.logits(images, torch.from_numpy(keep).float())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def make_gates(kind=Residual, **own) -> tuple[Gates, Bench]:
    opened = open_tiny(kind)
    search = dataclasses.replace(SHORT, baselines=BaselineConfig(**own))
    bench = Bench.of(opened, search)
    priority = np.random.default_rng(0).normal(size=len(bench.removable))
    groups = opened.analysis.groups.group_of_channel
    terrain = make_terrain(priority, groups, bench.macs, 0.5, bench.removable)
    return Gates(bench, terrain, search.baselines), bench


def test_the_expected_macs_of_the_gates_are_the_budget():
    gates, bench = make_gates()
    probability, mask = gates.preference()
    assert float(bench.macs.kept_share(probability.astype(np.float64))) == pytest.approx(0.5, 1e-4)
    assert float(bench.macs.kept_share(mask)) <= 0.5


def test_the_budget_falls_from_all_to_the_wanted_one_in_half_the_steps():
    gates, _ = make_gates(gate_steps=2)  # 16 steps in all
    budgets = []
    for _ in range(10):
        budgets.append(gates._budget_now())
        gates.step()
    assert budgets[:3] == pytest.approx([1.0, 1 - 0.5 / 8, 1 - 1.0 / 8])
    assert budgets[8:] == pytest.approx([0.5, 0.5])


def test_opening_a_gate_closes_the_others_as_the_projection_does():
    gates, bench = make_gates()
    gates._projected(0.5)[0].backward()  # the first channel's gate, by all others
    pull = gates._log_alpha.grad.double().numpy()
    for channel in np.flatnonzero(bench.removable)[1:4]:
        moved = []
        for step in (0.05, -0.05):
            with torch.no_grad():
                gates._log_alpha[channel] += step
                moved.append(gates._projected(0.5)[0].item())
                gates._log_alpha[channel] -= step
        slope = (moved[0] - moved[1]) / 0.1
        assert slope < 0
        assert pull[channel] == pytest.approx(slope, rel=0.5)  # MACs are those of the likeliest


def test_gradient_steps_bring_the_gates_closer_to_the_unpruned_network():
    gates, bench = make_gates(gate_steps=20)
    images = example_images(24, 1)

    def distance() -> float:
        logits = torch.from_numpy(gates._logits_at_budget()).float()
        with torch.no_grad():
            found = gates._network.logits(images, gates._masked(torch.sigmoid(logits)))
            wanted = gates._teacher(images)
        return float(torch.nn.functional.mse_loss(found, wanted))

    before = distance()
    for _ in range(gates.steps_for(4)):
        gates.step()
    assert distance() < before
    assert math.isfinite(before)
    assert bench.removable.any()


@pytest.mark.parametrize("trains_weights", [True, False])
def test_a_step_in_parts_is_the_same_step(trains_weights, monkeypatch):
    own = {"gate_steps": 1, "gates_train_weights": trains_weights}
    gates, again = (make_gates(Flattened, **own)[0] for _ in range(2))
    gates.step()
    memory = ShortMemory(monkeypatch, 5)
    again.step()
    whole, parts = gates.state_dict(), again.state_dict()
    assert (whole["at_once"], parts["at_once"]) == (128, 4)
    assert 4 in memory.sizes
    torch.testing.assert_close(parts["log_alpha"], whole["log_alpha"])
    assert len(parts["weights"]) == len(whole["weights"]) == (6 if trains_weights else 0)
    for found, weight in zip(parts["weights"], whole["weights"], strict=True):
        torch.testing.assert_close(found, weight)


def test_memory_that_runs_out_in_a_step_is_told(monkeypatch):
    opened = open_tiny(Flattened)
    ShortMemory(monkeypatch, 5)
    events = list(run_search(opened, dataclasses.replace(SHORT, reward_images=16)))
    said = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert sum("while training gates" in words for words in said) >= 1
    assert isinstance(events[-1], SearchFinished)


def test_the_entropy_of_gates_is_told_and_no_other_statistic():
    events = list(run_search(open_tiny(Chain), SHORT))
    updates = [event for event in events if isinstance(event, PolicyUpdated)]
    assert all(update.entropy > 0 for update in updates)
    assert all(update.approx_kl is None for update in updates)


def test_a_stop_is_heard_between_two_gradient_steps():
    config = dataclasses.replace(SHORT, baselines=BaselineConfig(gate_steps=50))
    events = run_search(open_tiny(Chain), config)
    for event in events:
        if isinstance(event, StageStarted) and event.stage == "Searching":
            break
    assert isinstance(next(events), StageAdvanced)
    assert type(events.throw(StopRequested())).__name__ == "SearchFinished"


def test_weights_trained_along_are_told_and_scored():
    own = BaselineConfig(gate_steps=2, gates_train_weights=True)
    config = dataclasses.replace(SHORT, baselines=own)
    opened = open_tiny(Residual)
    before = {key: value.clone() for key, value in network_state(opened.network.module).items()}
    events = list(run_search(opened, config))
    [adapted] = [event for event in events if isinstance(event, NetworkAdapted)]
    assert set(adapted.weights) == set(before)
    changed = [key for key in before if not np.array_equal(adapted.weights[key], before[key])]
    assert changed
    now = network_state(opened.network.module)
    assert all(torch.equal(now[key], value) for key, value in before.items())  # not in place


@pytest.mark.parametrize("trains_weights", [True, False])
def test_weights_are_trained_with_images_that_are_mixed_less_and_less(monkeypatch, trains_weights):
    passed = []

    def plain(images, labels, classes, config, progress, random):
        passed.append((config.adaptation_cutmix, progress))
        return images, labels

    monkeypatch.setattr("core.search.methods.gates.images_to_adapt_with", plain)
    own = BaselineConfig(gate_steps=1, gates_train_weights=trains_weights)
    config = dataclasses.replace(SHORT, baselines=own, adaptation_cutmix=0.25)
    list(run_search(open_tiny(Chain), config))
    steps = config.evaluations if trains_weights else 0
    assert passed == [(0.25, step / config.evaluations) for step in range(steps)]


def test_frozen_weights_are_those_that_were_opened():
    events = list(run_search(open_tiny(Chain), SHORT))
    assert not any(isinstance(event, NetworkAdapted) for event in events)


def test_gates_are_folded_into_what_reads_the_channel():
    gates, bench = make_gates()
    channel = int(np.flatnonzero(bench.removable)[0])
    values = torch.ones(len(bench.removable))
    values[channel] = 0.5
    before, folded = network_state(gates._network.module), gates._network.folded_state(values)
    plan = bench.opened.analysis.plan
    images = example_images(4, 7)
    with torch.no_grad():
        wanted = gates._network.logits(images, values)
        found = torch.func.functional_call(gates._network.module, folded, (images,))
    torch.testing.assert_close(found, wanted)
    readers = [key for key, dim in plan.consumers if channel in plan.owners[key][dim]]
    assert all(not torch.equal(folded[key], before[key]) for key in readers)


def test_a_refit_says_nothing_of_weights_that_are_trained_along():
    own = BaselineConfig(gates_train_weights=True)
    with pytest.raises(ConfigError, match="must not be refit_error"):
        SearchConfig(method="gates", reward="refit_error", baselines=own)
