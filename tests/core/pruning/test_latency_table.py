"""Interpolated times on a made-up table of the tiny chain."""

import dataclasses
import json

import numpy as np
import pytest

from core.pruning.latency_table import LatencyCost, LatencyTable, LayerTimes
from core.pruning.verification import analyse_exactly
from tests.networks import Chain, build, example_images

ANALYSIS = analyse_exactly(build(Chain), example_images())
FIRST = LayerTimes(("first.0",), (3,), (2, 4, 8), ((1.0, 2.0, 4.0),))
SECOND = LayerTimes(("second.0",), (2, 8), (3, 6), ((1.0, 3.0), (5.0, 9.0)))
TABLE = LatencyTable("CPU", 1, 1, 20.0, 10.0, 2.0, 0.5, 1.5, (FIRST, SECOND))
COST = LatencyCost(ANALYSIS, TABLE)


def mask(a: int, b: int) -> np.ndarray:
    return np.concatenate([np.arange(8) < a, np.arange(6) < b])


@pytest.mark.parametrize(
    ("a", "b", "layers"),
    [
        (8, 6, 4.0 + 9.0),  # corners of the tables
        (2, 3, 1.0 + 1.0),
        (4, 3, 2.0 + (1.0 + (5.0 - 1.0) / 3)),  # a third of the way from 2 to 8 inputs
        (6, 4, 3.0 + (1 / 3 * (1 + 2 / 3) + 2 / 3 * (5 + 4 / 3))),  # between in both
        (1, 1, 1.0 + 1.0),  # narrower than all: what the narrowest takes
    ],
)
def test_times_between_the_widths_of_the_table(a, b, layers):
    assert float(COST.milliseconds(mask(a, b))) == pytest.approx(0.5 + 2.0 * layers)
    assert float(COST.share(mask(a, b))) == pytest.approx((0.5 + 2.0 * layers) / 26.5)


def test_many_masks_at_once_are_the_same_as_one_by_one():
    masks = np.stack([mask(a, b) for a in range(1, 9) for b in range(1, 7)])
    assert COST.share(masks).tolist() == [float(COST.share(one)) for one in masks]


def test_one_more_channel():
    shares = COST.share_with_each(mask(4, 3))
    assert shares[7] == pytest.approx(float(COST.share(mask(5, 3))))
    assert shares[13] == pytest.approx(float(COST.share(mask(4, 4))))


def test_a_wider_layer_never_costs_less():
    odd = dataclasses.replace(FIRST, ms=((3.0, 1.0, 2.0),))  # 4 and 8 outputs seem to be faster
    cost = LatencyCost(ANALYSIS, dataclasses.replace(TABLE, layers=(odd, SECOND)))
    times = [float(cost.milliseconds(mask(a, 6))) for a in range(1, 9)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(0.5 + 2.0 * (3.0 + 9.0))


def test_a_table_goes_to_json_and_back_to_the_bit():
    table = dataclasses.replace(TABLE, unpruned_ms=0.1 + 0.2, rest_ms=1 / 3)
    assert LatencyTable.from_dict(json.loads(json.dumps(table.as_dict()))) == table


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "another"},
        {"version": 2},
        {"scale": float("nan")},
        {"layers": [{**dataclasses.asdict(FIRST), "ms": [[1.0, 2.0]]}]},
        {"layers": [{**dataclasses.asdict(FIRST), "outputs": [4, 2, 8]}]},
        {"layers": [{**dataclasses.asdict(FIRST), "inputs": []}]},
    ],
)
def test_what_is_no_table_is_refused(changes):
    with pytest.raises(ValueError):
        LatencyTable.from_dict({**TABLE.as_dict(), **changes})
