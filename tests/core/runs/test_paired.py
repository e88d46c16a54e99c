"""Student's paired test against tables and numbers computed by hand."""

import pytest

from core.runs.paired import mean_of, paired_test, two_sided_p


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [
        (12.706, 1, 0.05),
        (2.776, 4, 0.05),
        (4.604, 4, 0.01),
        (2.132, 4, 0.10),
        (2.228, 10, 0.05),
        (-2.776, 4, 0.05),
        (0.0, 7, 1.0),
        (1.0, 1, 0.5),  # the Cauchy distribution: 1 - 2 atan(1) / pi
    ],
)
def test_the_p_of_students_t(t, freedom, p):
    assert two_sided_p(t, freedom) == pytest.approx(p, rel=2e-3)


def test_a_mean_and_its_standard_error():
    # deviations -1, 0, 1: variance 1; error 1 / sqrt(3)
    mean = mean_of([1.0, 2.0, 3.0])
    assert (mean.value, mean.standard_error, mean.count) == (2.0, pytest.approx(3**-0.5), 3)
    assert mean_of([0.5]).standard_error is None
    assert mean_of([]) is None


def test_a_measurable_difference_by_hand():
    # differences 1, 2, 3: t = 2 / (1 / sqrt 3) = 3.4641, 2 degrees of freedom: p = .0742
    test = paired_test([2.0, 3.0, 4.0], [1.0, 1.0, 1.0], is_more_better=True)
    assert test.p == pytest.approx(0.0742, abs=1e-4)
    assert test.outcome == "tie"
    surer = paired_test([2.0, 3.1, 4.0, 3.0], [0.0, 1.0, 2.0, 1.05], is_more_better=True)
    assert surer.p < 0.001
    assert surer.outcome == "better"


def test_less_is_better_of_a_cross_entropy():
    own, other = [1.0, 1.1, 1.2, 1.0], [2.0, 2.1, 2.1, 2.05]
    assert paired_test(own, other, is_more_better=False).outcome == "better"
    assert paired_test(other, own, is_more_better=False).outcome == "worse"


def test_equal_values_are_a_tie_and_a_constant_difference_says_nothing():
    assert paired_test([0.5] * 3, [0.5] * 3, is_more_better=True).outcome == "tie"
    same = paired_test([0.5] * 3, [0.25] * 3, is_more_better=True)
    assert (same.outcome, same.p) == ("untested", None)


def test_two_seeds_are_not_tested():
    test = paired_test([0.5, 0.6], [0.1, 0.3], is_more_better=True)
    assert (test.outcome, test.p, test.difference) == ("untested", None, pytest.approx(0.35))
    assert paired_test([], [], is_more_better=True) is None
