"""What PyTorch computes a weight of becomes that weight, and the network answers as before."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from core.networks.checks import prepare_network
from core.networks.folding import fold_norms, fold_state
from core.pruning.verification import analyse_exactly
from tests.networks import Chain, build, example_images

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")
NORMS = {
    "hooked weight_norm": torch.nn.utils.weight_norm,
    "weight_norm": parametrizations.weight_norm,
    "hooked spectral_norm": torch.nn.utils.spectral_norm,
    "spectral_norm": parametrizations.spectral_norm,
}


def normed(name):
    module = build(Chain)
    for part in (module.first[0], module.second[0]):
        NORMS[name](part)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.3)  # lengths and directions no longer say the same
        module.train()(example_images())
    return module.eval()


@pytest.mark.parametrize("is_half", [False, True])
@pytest.mark.parametrize("name", NORMS)
def test_norms_that_compute_the_weights_are_folded_in_and_it_is_said(name, is_half):
    module = normed(name)
    with torch.no_grad():
        expected = module(example_images())
    if is_half:
        module.half()
    folded, notices = prepare_network(module.train(), "nets.py")
    assert set(folded.state_dict()) == set(build(Chain).state_dict())
    assert len([one for one in notices if "are folded into 2 weights of nets.py." in one]) == 1
    assert {type(part) for part in folded.modules()} == {type(p) for p in build(Chain).modules()}
    assert all(isinstance(part[0].weight, nn.Parameter) for part in (folded.first, folded.second))
    with torch.no_grad():
        difference = (folded(example_images()) - expected).abs().max() / expected.abs().max()
    assert difference < (1e-2 if is_half else 1e-6)
    assert {group.name for group in analyse_exactly(folded, example_images()).groups.groups} == {
        "first.0",
        "second.0",
    }


@pytest.mark.parametrize("name", NORMS)
def test_norms_in_a_checkpoint_are_folded_in(name):
    module = normed(name)
    state = dict(module.state_dict())
    fold_state(state)
    plain = build(Chain).eval()
    plain.load_state_dict(state)
    with torch.no_grad():
        assert torch.allclose(plain(example_images()), module(example_images()), atol=1e-5)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    "part", [nn.ConvTranspose2d(6, 6, 3), nn.ConvTranspose2d(4, 6, 3), nn.Linear(5, 1)]
)
def test_the_rows_of_a_norm_in_a_checkpoint_are_found(name, part):
    part = NORMS[name](copy.deepcopy(part)).train()
    x = torch.randn(2, *(5,) if isinstance(part, nn.Linear) else (part.in_channels, 4, 4))
    with torch.no_grad():
        for _ in range(20):  # spectral_norm finds its vectors on the way
            part(x)
        expected = part.eval()(x)
        state = dict(part.state_dict())
        fold_state(state)
    module = nn.Sequential(part)
    fold_norms(module)
    assert torch.allclose(module[0].weight, state["weight"], atol=1e-6)
    assert torch.allclose(module[0](x), expected, atol=1e-5)


def test_one_length_for_all_rows_and_what_is_no_norm():
    part = parametrizations.weight_norm(nn.Linear(5, 3), dim=None)
    state = dict(part.state_dict())
    fold_state(state)
    assert torch.allclose(state["weight"], part.weight, atol=1e-6)
    other = {"a_g": torch.ones(3), "a_v": torch.ones(4, 2), "b_u": torch.ones(2)}
    same = dict(other)
    fold_state(other)
    assert other.keys() == same.keys()


@pytest.mark.parametrize("prefix", ["", "model."])
def test_weights_that_only_look_computed_stay_the_networks_own(prefix):
    state = {f"{prefix}gate_g": torch.ones(3, 1), f"{prefix}gate_v": torch.ones(3, 2)}
    fold_state(state, own=("gate_g", "gate_v"))
    assert set(state) == {f"{prefix}gate_g", f"{prefix}gate_v"}
