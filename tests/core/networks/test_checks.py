"""What cannot be pruned is refused in one sentence that names the layer or the weight."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from core.errors import NetworkError
from core.networks.checks import check_output, drop_watching_hooks, prepare_network
from core.networks.facts import NetworkFacts
from tests.networks import Chain, build, example_images

FACTS = NetworkFacts("nets.py:make", "python", "nets.py:make")


class With(nn.Module):
    """A chain beside something that does not belong into it."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.chain = build(Chain)
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return self.chain(x)


class Holding(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)


def quantised() -> nn.Module:
    return Holding(torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8))


def quantised_layer() -> nn.Module:
    layer = nn.Sequential(nn.Linear(2, 2))
    return torch.ao.quantization.quantize_dynamic(layer, {nn.Linear})[0]


REFUSED = {
    "lstm": (lambda: nn.LSTM(2, 2), r"layer 'part' is recurrent \(LSTM\)"),
    "gru_cell": (lambda: nn.GRUCell(2, 2), r"layer 'part' is recurrent \(GRUCell\)"),
    "complex": (
        lambda: Holding(torch.ones(2, dtype=torch.complex64)),
        r"weight 'part\.weight' is complex \(torch\.complex64\)",
    ),
    "meta": (lambda: nn.Linear(2, 2, device="meta"), r"'part\.weight' has no values .*meta device"),
    "sparse": (lambda: Holding(torch.eye(3).to_sparse()), r"'part\.weight' is sparse .*to_dense"),
    "lazy": (lambda: nn.LazyLinear(2), r"'part\.weight' has no shape yet"),
    "script": (lambda: torch.jit.script(nn.ReLU()), r"layer 'part' is TorchScript"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")  # TorchScript is on its way out
def test_what_cannot_be_pruned_is_named(name):
    make, sentence = REFUSED[name]
    with pytest.raises(NetworkError, match=sentence) as refused:
        prepare_network(With(make()), "nets.py")
    assert str(refused.value).startswith("Cannot prune nets.py: ")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (quantised, r"weight 'part\.weight' is quantised"),
        (quantised_layer, r"layer 'part' is quantised"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_quantised_networks_are_refused_with_the_remedy(make, sentence):
    with pytest.raises(NetworkError, match=f"{sentence}.*Prune the network first"):
        prepare_network(With(make()), "nets.py")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_converted_and_it_is_said(dtype):
    name = str(dtype).removeprefix("torch.")
    module, notices = prepare_network(build(Chain).to(dtype), "nets.py")
    assert notices == (f"The weights of nets.py are {name}; float32 is used instead.",)
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert not module.training


def test_what_training_puts_round_a_network_is_taken_off():
    chain = build(Chain)
    assert prepare_network(nn.DataParallel(chain), "nets.py")[0] is chain


def test_masks_of_pytorchs_own_pruning_are_folded_in_and_it_is_said():
    module = build(Chain)
    plain = set(module.state_dict())
    for part in (module.first[0], module.second[0]):
        prune.l1_unstructured(part, "weight", 0.5)
    with torch.no_grad():
        expected = module(example_images())
    folded, notices = prepare_network(module, "nets.py")
    assert set(folded.state_dict()) == plain and float((folded.first[0].weight == 0).sum()) == 108
    assert "are folded into 2 weights of nets.py." in notices[0]
    with torch.no_grad():
        assert torch.equal(folded(example_images()), expected)


def test_a_failing_run_is_told_with_the_networks_own_error_shortened_and_the_shape():
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no such size. " * 50)

    with pytest.raises(
        NetworkError, match=r"Cannot run nets\.py:make on images of 3 channels and 8 x 8 pixels"
    ) as told:
        check_output(Failing(), FACTS, 4, (3, 8, 8))
    assert "no such size" in str(told.value)
    assert len(str(told.value)) < 400
    assert "Traceback" in told.value.details


def test_values_that_are_no_numbers_are_told():
    chain = build(Chain)
    with torch.no_grad():
        chain.head.bias.fill_(float("nan"))
    with pytest.raises(NetworkError, match="NaN or infinite"):
        check_output(chain, FACTS, 4, (3, 8, 8))


def test_an_answer_without_a_row_for_a_single_image_is_told_with_what_does_it():
    class Squeezing(Chain):
        def forward(self, x: Tensor) -> Tensor:
            features = self.second(self.first(x)).mean((2, 3), keepdim=True)
            return self.head(features.squeeze())

    facts = dataclasses.replace(FACTS, size_bytes=100)
    with pytest.raises(NetworkError, match=r"gives \(4,\) for 1 image.*write flatten\(1\)"):
        check_output(build(Squeezing), facts, 4, (3, 8, 8))


def test_hooks_that_only_watch_are_taken_off():
    chain, seen = build(Chain), []
    chain.first.register_forward_hook(lambda *given: seen.append(given[2]))
    (told,) = drop_watching_hooks(chain, (3, 8, 8))
    assert told == "The forward hooks of 'first' are taken off: they only watch."
    seen.clear()
    chain(example_images())
    assert not seen


def test_hooks_that_change_the_answer_stay():
    chain = build(Chain)
    chain.first.register_forward_hook(lambda *given: 2 * given[2])
    chain.second.register_forward_hook(lambda *_: None)
    before = chain(example_images())
    assert drop_watching_hooks(chain, (3, 8, 8)) == ()
    assert torch.equal(chain(example_images()), before)
    assert len(chain.second._forward_hooks) == 1


def test_a_network_without_hooks_has_nothing_to_tell():
    assert drop_watching_hooks(build(Chain), (3, 8, 8)) == ()
