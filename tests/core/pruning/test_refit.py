"""Refitted weights against a least-squares problem that is written out and solved at once."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.pruning import refit_measuring
from core.pruning.masks import kept_channels
from core.pruning.refit import DAMPING, name_left_alone
from core.pruning.refit_measuring import measure_refit
from core.pruning.surgery import network_state, prune_network, slice_state
from core.pruning.verification import analyse_exactly
from tests.core.tiny import TinyPart, finish
from tests.networks import (
    Chain,
    Dense,
    Flattened,
    Grouped,
    InvertedResidual,
    PaddedShortcut,
    Residual,
    build,
    example_images,
)

CPU = torch.device("cpu")


class Strided(nn.Module):
    """Readers with strides, dilation, odd padding and a kernel that is no square."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 5, (3, 2), stride=(2, 1), padding=(1, 2))
        self.third = nn.Conv2d(5, 4, 3, padding="same", dilation=2, padding_mode="replicate")
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(self.first(x).relu()).relu())
        return self.head(x.relu().mean((2, 3)))


def measured(module, **options):
    analysis = analyse_exactly(module, example_images())
    _, refit = finish(measure_refit(module, analysis, TinyPart(module, 1), device=CPU, **options))
    return analysis, refit


def rows_read(module: nn.Module, reader: nn.Module, images: Tensor) -> np.ndarray:
    """Everything that one output's weights are multiplied with, (rows, weights)."""
    seen: list[Tensor] = []
    hook = reader.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        module.eval()(images)
    hook.remove()
    (inputs,) = seen
    if isinstance(reader, nn.Linear):
        return inputs.double().numpy()
    mode = "constant" if reader.padding_mode == "zeros" else reader.padding_mode
    padded = nn.functional.pad(inputs, reader._reversed_padding_repeated_twice, mode=mode)
    patches = nn.functional.unfold(
        padded, reader.kernel_size, dilation=reader.dilation, stride=reader.stride
    )
    return patches.transpose(1, 2).flatten(0, 1).double().numpy()


def solved(rows: np.ndarray, weight: np.ndarray, kept: np.ndarray, is_centred: bool) -> np.ndarray:
    """The ridge problem as one tall least-squares system: (outputs, kept)."""
    if is_centred:
        rows = rows - rows.mean(axis=0)
    left = rows[:, kept]
    damping = DAMPING * (left**2).mean(axis=0).mean()
    ridge = np.sqrt(len(rows) * damping) * np.eye(left.shape[1])
    wanted = np.concatenate([rows @ weight.T, np.zeros((len(ridge), len(weight)))])
    return np.linalg.lstsq(np.concatenate([left, ridge]), wanted, rcond=None)[0].T


CASES = {
    "chain": (Chain, "second.0", True),
    "linear": (Chain, "head", True),
    "flattened": (Flattened, "hidden", True),
    "stream": (Residual, "inner.0", True),
    "projection": (Residual, "projection", True),
    "strided stream": (Residual, "wide.0", True),
    "padded shortcut": (PaddedShortcut, "head", True),
    "concatenation": (Dense, "last", True),
    "strided and padded": (Strided, "second", True),
    "dilated": (Strided, "third", True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refitted_weight_solves_the_least_squares_problem(case):
    kind, name, is_centred = CASES[case]
    module = build(kind)
    analysis, refit = measured(module)
    keep = np.arange(analysis.plan.channel_count) % 3 != 1
    key = f"{name}.weight"
    reader = module.get_submodule(name)
    owners = analysis.plan.owners[key]
    inputs = kept_channels(keep, owners[1])
    outputs = kept_channels(keep, owners.get(0, np.full(len(reader.weight), -1)))
    weight = reader.weight.detach().double().flatten(1).numpy()
    taps = weight.shape[1] // len(inputs)
    images = TinyPart(module, 1).images
    rows = rows_read(module, reader, images)
    expected = solved(rows, weight, np.repeat(inputs, taps), is_centred)[outputs]
    state = refit.refit(keep).state
    actual = state[key]
    assert actual.shape == slice_state(analysis.plan, network_state(module), keep)[key].shape
    np.testing.assert_allclose(actual.flatten(1).numpy(), expected, atol=5e-4, rtol=5e-3)
    if reader.bias is not None:
        mean = rows.mean(axis=0)
        shift = weight[outputs] @ mean - expected @ mean[np.repeat(inputs, taps)]
        bias = reader.bias.detach().double().numpy()[outputs] + shift
        np.testing.assert_allclose(state[f"{name}.bias"].numpy(), bias, atol=5e-3, rtol=5e-3)


def test_without_bias_or_norm_the_mean_is_fitted_too():
    module = build(Strided)
    module.head = nn.Linear(4, 4, bias=False)
    analysis, refit = measured(module)
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    keep[analysis.plan.owners["head.weight"][1][0]] = False
    rows = rows_read(module, module.head, TinyPart(module, 1).images)
    weight = module.head.weight.detach().double().numpy()
    expected = solved(rows, weight, np.array([False, True, True, True]), is_centred=False)
    state = refit.refit(keep).state
    assert set(state) == {"head.weight"}
    np.testing.assert_allclose(state["head.weight"].numpy(), expected, atol=2e-4, rtol=2e-3)


def test_a_copy_of_a_channel_takes_over_all_of_it():
    """y = 2a + 3b with b = a: without b the weight on a becomes 5, and nothing is lost."""
    module = build(Strided)
    with torch.no_grad():
        module.third.weight[1], module.third.bias[1] = module.third.weight[0], module.third.bias[0]
        module.head.weight[:, 0], module.head.weight[:, 1] = 2.0, 3.0
        module.head.weight[:, 2:] = 0.0
    analysis, refit = measured(module)
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    keep[analysis.plan.owners["head.weight"][1][1]] = False
    fitted = refit.refit(keep)
    expected = torch.tensor([5.0, 0.0, 0.0]).expand(4, 3)
    torch.testing.assert_close(fitted.state["head.weight"], expected, atol=0.1, rtol=0.0)
    assert fitted.error < 1e-3


def test_the_error_is_the_lost_share_of_the_variance():
    """Without its only varying input a layer loses everything; with all of them nothing."""
    module = build(Chain)
    analysis, refit = measured(module)
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    assert refit.refit(keep).error == 0.0
    assert refit.refit(keep).state == {}
    keep[analysis.plan.owners["head.weight"][1]] = False
    fitted = refit.refit(keep)
    assert fitted.error == pytest.approx(1.0)
    assert fitted.state["head.weight"].shape == (4, 0)
    rows = rows_read(module, module.head, TinyPart(module, 1).images)
    with torch.no_grad():
        said = module.head(torch.from_numpy(rows.mean(axis=0)).float())
    torch.testing.assert_close(fitted.state["head.bias"], said)  # the mean answer is left


@pytest.mark.parametrize("kind", [Chain, Residual, Dense, Flattened, Strided])
def test_a_refitted_network_is_closer_to_the_whole_one(kind):
    module = build(kind).eval()
    analysis, refit = measured(module)
    keep = np.arange(analysis.plan.channel_count) % 4 != 1
    cut = prune_network(module, analysis.plan, keep).eval()
    images = TinyPart(module, 1).images
    with torch.no_grad():
        answers, before = module(images), cut(images)
        for key, value in refit.refit(keep).state.items():
            cut.get_parameter(key).copy_(value)
        after = cut(images)
    assert (after - answers).square().mean() < (before - answers).square().mean()


def test_a_depthwise_layer_is_cut_and_no_more():
    module = build(InvertedResidual)
    analysis, refit = measured(module)
    keep = np.arange(analysis.plan.channel_count) % 2 == 0
    state = refit.refit(keep).state
    assert "project.weight" in state
    assert "depthwise.0.weight" not in state


def test_a_grouped_layer_is_named():
    module = build(Grouped)
    _, refit = measured(module)
    assert refit.left_alone
    assert all("only a part of its inputs" in reason for reason in refit.left_alone.values())


def test_what_is_never_removed_is_not_measured():
    module = build(Chain)
    nothing = np.zeros(14, dtype=np.bool_)
    _, refit = measured(module, removable=nothing)
    assert len(refit) == 0
    assert refit.left_alone == {}


def test_a_covariance_that_would_be_too_large_is_shared_by_the_taps(monkeypatch):
    """3x3 over 8 channels are 72 weights; with a limit of 40 each tap is refitted by channels."""
    monkeypatch.setattr(refit_measuring, "WEIGHTS_MOST", 40)
    module = build(Chain)
    analysis, refit = measured(module)
    keep = np.ones(analysis.plan.channel_count, dtype=np.bool_)
    keep[[1, 4]] = False
    images = TinyPart(module, 1).images
    with torch.no_grad():
        pixels = module.eval().first(images).double()
    rows = pixels.movedim(1, 3).reshape(-1, 8).numpy()
    weight = module.second[0].weight.detach().double()  # (6, 8, 3, 3)
    by_tap = weight.permute(0, 2, 3, 1).reshape(-1, 8).numpy()
    expected = solved(rows, by_tap, keep[:8], is_centred=True)
    expected = expected.reshape(6, 3, 3, 6).transpose(0, 3, 1, 2)
    actual = refit.refit(keep).state["second.0.weight"].numpy()
    np.testing.assert_allclose(actual, expected, atol=2e-4, rtol=2e-3)


def test_without_memory_for_a_covariance_the_layer_is_named(monkeypatch):
    monkeypatch.setattr(refit_measuring, "COVARIANCE_BYTES", 400)
    _, refit = measured(build(Chain))
    assert set(refit.left_alone) == {"second.0", "head"}
    assert "72 inputs is too large" in refit.left_alone["second.0"]


class ProductHead(Chain):
    """A head that is a product with a parameter, which has its inputs first."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).mean((2, 3)) @ self.weight


def test_a_head_that_is_a_bare_parameter_is_named_as_left_alone():
    module = build(ProductHead)
    analysis = analyse_exactly(module, example_images())
    _, refit = finish(measure_refit(module, analysis, TinyPart(module, 1), device=CPU))
    assert refit.left_alone == {"weight": "it is no convolution or linear layer"}


def test_the_layers_left_alone_are_named_up_to_five():
    many = {f"layer{n}": "it is too large" for n in range(7)}
    assert name_left_alone(many).endswith("layer4 (it is too large) and 2 more.")
    assert name_left_alone({}) == ""
