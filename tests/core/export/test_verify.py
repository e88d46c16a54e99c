"""The parity gate's arithmetic."""

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ParityError
from core.export.verify import (
    ParityGate,
    module_reader,
    parity_batches,
    relative_difference,
    require_parity,
)
from tests.core.export.opened import RandomPart


def logits(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def test_difference_is_the_greatest_gap_over_the_greatest_value():
    assert relative_difference(logits(1, -4), logits(1, -3)) == 0.25


def test_equal_logits_differ_by_nothing():
    assert relative_difference(logits(0, 0), logits(0, 0)) == 0.0


@pytest.mark.parametrize(
    "actual", [logits(1, np.nan), logits(1, np.inf), logits(1, 2, 3), np.zeros((2, 2), np.float32)]
)
def test_broken_logits_are_infinitely_far(actual):
    assert relative_difference(logits(1, 2), actual) == np.inf


def test_anything_is_far_from_a_network_that_says_nothing():
    assert relative_difference(logits(0, 0), logits(0, 1e-9)) == np.inf


def test_differences_up_to_the_limit_pass():
    assert require_parity({"hard_vs_soft": 1e-4, "onnx": 0.0}) is None


def test_a_greater_difference_is_refused_with_its_number():
    with pytest.raises(ParityError, match=r"ONNX Runtime .* differs by 3\.0e-03") as refused:
        require_parity({"hard_vs_soft": 1e-7, "onnx": 3e-3})
    assert "1.000e-07" in refused.value.details


def test_not_a_number_is_refused():
    with pytest.raises(ParityError):
        require_parity({"onnx": float("nan")})


def test_batches_that_do_not_fit_are_read_in_parts_and_that_is_said():
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    gate = ParityGate.of(module, RandomPart(seed=1))

    def short(images):
        if len(images) > 16:
            raise MemoryError
        return module_reader(module)(images)

    assert max(gate.compare("onnx", short)) < 1e-6
    assert [notice.message.partition(": ")[2] for notice in gate.at_once.take_notices()] == [
        "32 images are computed at once from now on, not 64.",
        "16 images are computed at once from now on, not 32.",
    ]


def test_batches_have_1_7_and_64_real_images_even_of_a_small_part_and_random_ones():
    part = RandomPart(seed=1, count=40)
    batches = parity_batches(part)
    assert [batch.shape for batch in batches] == [(n, 3, 8, 8) for n in (1, 7, 64, 1, 7, 64)]
    one, _, many = batches[:3]
    assert torch.equal(many[0], many[40])
    assert torch.equal(one[0], many[0])
    assert not torch.equal(batches[5], many)
    assert torch.equal(batches[5], parity_batches(part)[5])


def test_the_gate_keeps_the_worst_number_of_each_check():
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval()
    gate = ParityGate.of(network, RandomPart(seed=1))
    readers = {"reloaded": module_reader(network), "onnx": lambda x: module_reader(network)(x) * 2}
    for check, reader in readers.items():
        assert len(list(gate.compare(check, reader))) == 6
    assert gate.differences == {"reloaded": 0.0, "onnx": 1.0}
    with pytest.raises(ParityError, match="ONNX Runtime"):
        gate.require()


def test_what_is_only_measured_may_differ_but_must_be_a_number():
    differences = {"hard_vs_soft": 0.3, "onnx": 1e-6}
    with pytest.raises(ParityError, match="masked one"):
        require_parity(differences)
    assert require_parity(differences, measured={"hard_vs_soft"}) is None
    for broken in (float("inf"), float("nan")):
        with pytest.raises(ParityError, match="masked one"):
            require_parity({"hard_vs_soft": broken}, measured={"hard_vs_soft"})
    with pytest.raises(ParityError, match="ONNX"):
        require_parity({"onnx": 0.3}, measured={"hard_vs_soft"})
