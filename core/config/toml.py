"""Settings to TOML and back, unchanged; what is unknown or of a wrong kind is refused by name."""

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import tomli_w

from core.config.checks import FLOAT_MOST, SHOWN_LETTERS, hints_of, shown
from core.config.running import RunConfig
from core.config.searching import WHEN_UNNAMED
from core.config.training import TrainingConfig
from core.errors import ConfigError, readable

T = TypeVar("T")
KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def to_dict(config: Any) -> dict[str, Any]:
    """Turn any configuration into nested plain values."""
    return dataclasses.asdict(config)


def to_toml(config: Any) -> str:
    """Write any configuration as TOML."""
    return tomli_w.dumps(to_dict(config))


def run_config_from_toml(text: str) -> RunConfig:
    """Read a RunConfig from TOML; ConfigError names the setting that does not fit."""
    return run_config_from_dict(_parsed(text))


def begun_config_from_toml(text: str) -> RunConfig:
    """Read the settings that a run began with; what they are too old to name is as it was then.

    Raises: ConfigError that names the setting that does not fit.
    """
    values = _parsed(text)
    search = values.get("search", {})
    if isinstance(search, Mapping):
        values = {**values, "search": {**WHEN_UNNAMED, **search}}
    return run_config_from_dict(values)


def run_config_from_dict(values: Mapping[str, Any]) -> RunConfig:
    """Make a RunConfig of nested plain values; ConfigError names the setting that does not fit."""
    return _from_dict(RunConfig, values, "")


def load_run_config(path: Path) -> RunConfig:
    """Read a RunConfig from a TOML file; ConfigError if it cannot be read."""
    return run_config_from_toml(_read(path))


def load_begun_config(path: Path) -> RunConfig:
    """Read what a run began with from its TOML file; ConfigError if it cannot be read."""
    return begun_config_from_toml(_read(path))


def load_training_config(path: Path) -> TrainingConfig:
    """Read a TrainingConfig from a TOML file; ConfigError if it cannot be read."""
    return _from_dict(TrainingConfig, _parsed(_read(path)), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"Cannot read settings from {readable(path)}: {reason}. Choose another file."
        ) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, numbers of thousands of digits, brackets in brackets
        reason = readable(str(error)).rstrip(".")
        raise ConfigError(
            f"Cannot read the settings: {reason}. Mend or remove that line."
        ) from error


def _from_dict(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    hints = hints_of(kind)
    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(
                f"Unknown setting '{readable(where + name)[:SHOWN_LETTERS]}'. "
                f"Known here: {', '.join(sorted(known))}."
            )
    return kind(**{k: _convert(hints[k], v, f"{where}{k}") for k, v in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"Setting '{where}' must be a table, not {shown(value)}.")
        return _from_dict(typing.cast(type, hint), value, f"{where}.")
    if typing.get_origin(hint) in (Literal, types.UnionType):
        return value
    if hint is float and type(value) is int:
        return float(value) if abs(value) < FLOAT_MOST else math.inf if value > 0 else -math.inf
    if typing.get_origin(hint) is tuple:
        return tuple(value) if isinstance(value, list) else value
    if type(value) is not hint:
        raise ConfigError(f"Setting '{where}' must be {KINDS[hint]}, not {shown(value)}.")
    return value
