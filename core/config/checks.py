"""Checks of settings: each raises ConfigError with the setting's name and the value."""

import dataclasses
import functools
import typing
from collections.abc import Sequence
from typing import Any

from core.config.declaring import CHOICES, RANGE
from core.errors import ConfigError

SHOWN_LETTERS = 60  # of a value in a sentence
FLOAT_MOST = 2**1023


def check_fields(config: Any) -> None:
    """Check every field against its type and what core.config.declaring says of it."""
    hints = hints_of(type(config))
    for entry in dataclasses.fields(config):
        hint = hints[entry.name]
        if RANGE in entry.metadata:
            check_range(config, entry.name, *entry.metadata[RANGE])
        elif CHOICES in entry.metadata:
            check_choice(config, entry.name, entry.metadata[CHOICES])
        elif typing.get_origin(hint) is typing.Literal:
            check_choice(config, entry.name, typing.get_args(hint))
        elif typing.get_origin(hint) is tuple:
            check_lines(config, entry.name)
        elif hint is bool:
            check_bool(config, entry.name)


def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a class's fields; Python takes long to find them, so they are kept."""
    return _found_hints(kind)


_found_hints = functools.cache(typing.get_type_hints)


def shown(value: object) -> str:
    """A value for a sentence; hexadecimal has no limit of digits."""
    words = hex(value) if isinstance(value, int) and abs(value) > FLOAT_MOST else repr(value)
    return words if len(words) <= SHOWN_LETTERS else f"{words[: SHOWN_LETTERS - 1]}…"


def check_range(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"Setting '{name}' must be between {low} and {high}, not {shown(value)}.")


def check_choice(config: object, name: str, choices: Sequence[object]) -> None:
    value = getattr(config, name)
    if value not in choices or isinstance(value, bool):
        raise ConfigError(
            f"Setting '{name}' must be one of {', '.join(map(str, choices))}, not {shown(value)}."
        )


def check_bool(config: object, name: str) -> None:
    value = getattr(config, name)
    if not isinstance(value, bool):
        raise ConfigError(f"Setting '{name}' must be true or false, not {shown(value)}.")


def check_lines(config: object, name: str) -> None:
    value = getattr(config, name)
    if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
        raise ConfigError(f"Setting '{name}' must be a list of texts, not {shown(value)}.")
