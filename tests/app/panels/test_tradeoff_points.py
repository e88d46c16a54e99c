"""Masks are kept whole in little memory, and the front is what nothing else beats."""

import numpy as np

from app.panels.tradeoff_points import (
    EvaluatedMasks,
    Kind,
    Scored,
    pareto_front,
    step_line,
    thinned,
)
from app.panels.tradeoff_values import PlottedValues


def scored(number: int, kind: Kind = Kind.CANDIDATE, name: str = "") -> Scored:
    return Scored(kind, number, name, 0.5, 0.6, 1.0, True)


def test_masks_come_back_as_they_were():
    masks, generator = EvaluatedMasks(), np.random.default_rng(0)
    keeps = generator.random((600, 21)) > 0.5
    for number, keep in enumerate(keeps):
        masks.add(scored(number), keep)
    assert all((masks.keep(index) == keep).all() for index, keep in enumerate(keeps))
    assert masks[7] == scored(7)
    assert masks.find(keeps[599]) == 599


def test_a_hundred_thousand_masks_of_336_channels_take_a_few_megabytes():
    masks, keep = EvaluatedMasks(), np.ones(336, dtype=np.bool_)
    for number in range(100_000):
        masks.add(scored(number), keep)
    assert len(masks) == 100_000
    assert masks.nbytes <= 2 * 42 * 100_000  # 336 / 8 bytes, and room to grow


def test_a_mask_is_found_only_among_the_kinds_that_are_meant():
    masks, keep = EvaluatedMasks(), np.array([True, False, True])
    masks.add(scored(0, Kind.CRITERION, "l1_uniform"), keep)
    masks.add(scored(0, Kind.WINNER), keep)
    assert masks.find(keep) == 1
    assert masks.find(keep, (Kind.CRITERION,)) == 0
    assert masks.find(keep, (Kind.CANDIDATE,)) is None
    assert masks.find(~keep) is None
    assert masks.find(np.ones(40, dtype=np.bool_)) is None


def test_the_front_of_five_points_is_what_a_person_would_mark():
    cost = np.array([0.3, 0.4, 0.4, 0.5, 0.6])
    value = np.array([50.0, 45.0, 55.0, 55.0, 60.0])
    assert pareto_front(cost, value).tolist() == [0, 2, 4]


def test_points_without_a_finite_score_are_not_in_the_front():
    assert pareto_front(np.array([0.1, 0.2]), np.array([np.nan, 3.0])).tolist() == [1]
    assert pareto_front(np.empty(0), np.empty(0)).tolist() == []


def test_the_stairs_go_right_and_then_up():
    x, y = step_line(np.array([1.0, 2.0]), np.array([10.0, 20.0]), 5.0)
    assert list(zip(x, y, strict=True)) == [(1, 10), (2, 10), (2, 20), (5, 20)]


def test_of_points_in_one_place_one_is_drawn():
    x = np.array([0.1, 0.2, 5.0, 5.1, 5.1])
    y = np.array([0.1, 0.2, 0.1, 0.1, 9.0])
    assert thinned(x, y, 1.0, 1.0).tolist() == [1, 3, 4]
    assert thinned(np.empty(0), np.empty(0), 1.0, 1.0).tolist() == []


def test_axes_make_room_for_masks_and_the_best_criterion_alone():
    masks, keep = EvaluatedMasks(), np.ones(8, dtype=np.bool_)
    for kind, macs, accuracy in (
        (Kind.UNPRUNED, 1.0, 0.9),
        (Kind.CRITERION, 0.5, 0.1),
        (Kind.CRITERION, 0.5, 0.6),
        (Kind.CANDIDATE, 0.48, 0.7),
    ):
        masks.add(Scored(kind, 0, "", macs, accuracy, 1 - accuracy, True), keep)
    values = PlottedValues(masks, is_accuracy=True)
    assert values.worth_fitting(is_all=False).tolist() == [False, False, True, True]
    assert values.worth_fitting(is_all=True).all()
    assert values.outside((40.0, 60.0), (50.0, 80.0)) == (1, 1, 0)
    assert values.outside((40.0, 49.0), (50.0, 80.0)) == (1, 1, 1)
    assert values.front().tolist() == [3]
    nats = PlottedValues(masks, is_accuracy=False)
    assert nats.worth_fitting(is_all=False).tolist() == [False, False, True, True]
    assert nats.front().tolist() == [3]
