"""Student's paired test by seed: does one method differ from another, or is it a tie?

Needs no torch. Source: Student 1908; the incomplete beta function by Lentz's continued fraction
as in "Numerical Recipes", section 6.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import Literal

LEAST_PAIRS = 3  # that say something about the spread over seeds
SIGNIFICANT = 0.05
TINY = 1e-300

Outcome = Literal["better", "worse", "tie", "untested"]


@dataclass(frozen=True)
class Mean:
    """A mean over seeds and how well it is known."""

    value: float
    standard_error: float | None  # None of a single one
    count: int


@dataclass(frozen=True)
class PairedTest:
    """What a method has more than the one it is compared with, in the same seeds."""

    difference: float  # mean
    standard_error: float | None
    p: float | None  # two-sided; None: there is nothing to test by
    pairs: int
    outcome: Outcome


def mean_of(values: Sequence[float]) -> Mean | None:
    """Mean and standard error of the mean; None of nothing."""
    count = len(values)
    if not count:
        return None
    mean = sum(values) / count
    if count == 1:
        return Mean(mean, None, 1)
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    return Mean(mean, sqrt(variance / count), count)


def paired_test(
    own: Sequence[float], other: Sequence[float], *, is_more_better: bool
) -> PairedTest | None:
    """Test own minus other, value by value of the same seeds; None without any pair.

    Where all differences are 0 it is a tie. Where they are equal but not 0, or there are under
    three, nothing is known of their spread, and it is untested.
    """
    differences = [one - two for one, two in zip(own, other, strict=True)]
    known = mean_of(differences)
    if known is None:
        return None
    error = known.standard_error
    if known.count < LEAST_PAIRS or error is None:
        return PairedTest(known.value, error, None, known.count, "untested")
    if error <= 1e-12 * max(1.0, abs(known.value)):
        outcome: Outcome = "tie" if known.value == 0 else "untested"
        return PairedTest(known.value, error, None, known.count, outcome)
    p = two_sided_p(known.value / error, known.count - 1)
    outcome = "tie"
    if p < SIGNIFICANT:
        outcome = "better" if (known.value > 0) == is_more_better else "worse"
    return PairedTest(known.value, error, p, known.count, outcome)


def two_sided_p(t: float, freedom: int) -> float:
    """P(|T| >= |t|) of Student's t: I_x(freedom / 2, 1 / 2) at x = freedom / (freedom + t^2)."""
    return _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _apart(1 + term * d)
            c = _apart(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value


def _apart(value: float) -> float:
    """Keep a number away from 0, by which is divided."""
    return value if abs(value) > TINY else TINY
