"""Parameters and bytes on the tiny chain, and against the cut networks and their files.

Chain: conv 3->8 and BN, conv 8->6 and BN, linear 6->4. With a of 8 and b of 6 channels it has
27a + 2a + 9ab + 2b + 4b + 4 parameters, and a mean and a variance for each channel beside them.
"""

import numpy as np
import pytest

from core.export.pytorch import state_bytes
from core.pruning.costs import SizeCost, params_cost
from core.pruning.surgery import network_state, prune_network
from core.pruning.verification import analyse_exactly
from tests.networks import EXACT, build, example_images

MODULES = {name: build(kind) for name, kind in EXACT.items()}
ANALYSES = {name: analyse_exactly(module, example_images()) for name, module in MODULES.items()}
PADDING = 64  # that the file format may put before a tensor


def random_keep(name: str, seed: int, share: float = 0.6) -> np.ndarray:
    groups = ANALYSES[name].groups
    keep = np.random.default_rng(seed).random(groups.channel_count) < share
    keep[[group.start for group in groups.groups]] = True
    return keep


def chain_mask(a: int, b: int) -> np.ndarray:
    return np.concatenate([np.arange(8) < a, np.arange(6) < b])


def params(a: float, b: float) -> float:
    return 29 * a + 9 * a * b + 6 * b + 4


def test_parameters_of_the_chain_by_hand():
    cost = params_cost(ANALYSES["chain"], MODULES["chain"])
    assert cost.total == params(8, 6) == 704
    assert cost.cost(chain_mask(3, 2)) == params(3, 2) == 157
    masks = np.stack([chain_mask(8, 6), chain_mask(1, 1)])
    assert cost.share(masks).tolist() == [1.0, params(1, 1) / 704]


def test_bytes_of_the_chain_by_hand():
    cost = SizeCost(ANALYSES["chain"], MODULES["chain"])

    def tensors(a: int, b: int) -> int:
        counters = 2 * 8  # of each BN's batches, int64
        return 4 * (int(params(a, b)) + 2 * a + 2 * b) + counters

    assert cost.total == state_bytes(MODULES["chain"])
    saved = cost.total - float(cost.cost(chain_mask(3, 2)))
    assert saved == tensors(8, 6) - tensors(3, 2)


def test_expected_parameters_are_exact():
    cost = params_cost(ANALYSES["chain"], MODULES["chain"])
    keep = np.linspace(0.05, 0.95, 14)
    expected = params(keep[:8].sum(), keep[8:].sum())
    assert cost.cost(keep) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_parameters_are_those_of_the_cut_network(name):
    module, analysis = MODULES[name], ANALYSES[name]
    cost = params_cost(analysis, module)
    for seed in range(3):
        keep = random_keep(name, seed)
        cut = prune_network(module, analysis.plan, keep)
        assert float(cost.cost(keep)) == sum(one.numel() for one in cut.parameters())


@pytest.mark.parametrize("name", EXACT)
def test_bytes_are_those_of_the_cut_network_s_file_but_for_its_padding(name):
    module, analysis = MODULES[name], ANALYSES[name]
    cost = SizeCost(analysis, module)
    for seed in range(3):
        keep = random_keep(name, seed)
        written = state_bytes(prune_network(module, analysis.plan, keep))
        assert abs(float(cost.cost(keep)) - written) <= PADDING * (2 + len(network_state(module)))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("make", [params_cost, SizeCost])
def test_one_more_channel_costs_what_it_costs(name, make):
    cost = make(ANALYSES[name], MODULES[name])
    keep = random_keep(name, 4)
    shares = cost.share_with_each(keep)
    for channel in np.flatnonzero(~keep):
        more = keep.copy()
        more[channel] = True
        assert shares[channel] == pytest.approx(float(cost.share(more)), rel=1e-12)
