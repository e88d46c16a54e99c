"""Fields of settings that say themselves what they take.

The check when a value is made, the forms of the window and the words of the terminal all read
what is declared here, so that a range stands in one place. What a type says already - Literal,
bool, a tuple of texts - is read from the type.
"""

from dataclasses import field
from typing import Literal, TypeVar

RANGE, CHOICES, REGISTRY, IS_PATH = "range", "choices", "registry", "is_path"  # metadata's keys

Registry = Literal["rewards", "methods", "priors", "devices"]
N = TypeVar("N", int, float)
T = TypeVar("T")


def number(default: N, low: float, high: float) -> N:
    """A number from `low` to `high`, both included."""
    return field(default=default, metadata={RANGE: (low, high)})


def among(default: T, choices: tuple[T, ...]) -> T:
    """One of a few values; for texts, a Literal type says the same."""
    return field(default=default, metadata={CHOICES: choices})


def named(default: str, registry: Registry) -> str:
    """A name out of a list that only the heavy libraries know; what reads it checks it."""
    return field(default=default, metadata={REGISTRY: registry})


def path(default: str = "") -> str:
    """A file or a folder; empty for none."""
    return field(default=default, metadata={IS_PATH: True})
