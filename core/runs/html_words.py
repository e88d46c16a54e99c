"""How report.html writes what it reads; nothing that a file holds can break it."""

from collections.abc import Mapping
from typing import Any

from core.runs.verdict import Estimate

UNKNOWN = "–"


def mapping_of(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table inside a table; an empty one if it is of another kind."""
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def text_of(values: Mapping[str, Any], name: str) -> str:
    """Return a text; a question mark if it is of another kind."""
    value = values.get(name)
    return value if isinstance(value, str) else "?"


def number_of(values: Mapping[str, Any], name: str) -> float | None:
    """Return a number; None if it is of another kind or absurd."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value)


def count_of(values: Mapping[str, Any], name: str) -> str:
    """Write a whole number with its thousands."""
    number = number_of(values, name)
    return UNKNOWN if number is None else f"{number:,.0f}"


def percent(share: float | None) -> str:
    """Write 0.5 as "50.0 %"."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def decimal(number: float | None) -> str:
    """Write a number with three digits."""
    return UNKNOWN if number is None else f"{number:.3f}"


def scientific(value: object) -> str:
    """Write a small number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.1e}" if is_number else UNKNOWN


def interval(estimate: Estimate | None) -> str:
    """Write an accuracy and its interval."""
    if estimate is None:
        return UNKNOWN
    return f"{100 * estimate.mean:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def points_ahead(lead: Estimate) -> str:
    """Write a difference of accuracies in points, and its interval."""
    return f"{100 * lead.mean:+.1f} points ({100 * lead.low:+.1f} to {100 * lead.high:+.1f})"
