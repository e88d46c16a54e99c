"""Every setting by its name, such as search.ppo.clip_coef: what it takes, and other values for it.

The forms of the window, `--set` and `espalier settings` are made from this, so that a new field
of a settings class is in all of them.
"""

import dataclasses
import functools
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from core.config.declaring import CHOICES, IS_PATH, RANGE, REGISTRY, Registry
from core.config.running import RunConfig
from core.config.toml import run_config_from_dict, to_dict
from core.errors import ConfigError, readable


@dataclass(frozen=True)
class Setting:
    """One field of RunConfig or of a table in it."""

    name: str  # with the tables it is in: "search.ppo.clip_coef"
    kind: type  # int, float, bool, str or tuple
    default: Any
    range: tuple[float, float] | None = None
    choices: tuple[Any, ...] = ()
    registry: Registry | None = None  # the table that knows the names it takes
    is_path: bool = False

    @property
    def table(self) -> str:
        """The table it is in, such as "search.ppo"; empty at the top."""
        return self.name.rpartition(".")[0]

    @property
    def field_name(self) -> str:
        """Its name in its table, such as "clip_coef"."""
        return self.name.rpartition(".")[2]


@functools.cache
def all_settings() -> tuple[Setting, ...]:
    """Every setting, each table's in the order of its class, tables behind what is beside them."""
    return tuple(_settings_of(RunConfig, ""))


def setting_named(name: str) -> Setting:
    """Return a setting; KeyError if there is none of that name."""
    return {one.name: one for one in all_settings()}[name]


def value_of(config: RunConfig, name: str) -> Any:
    """Return the value that `config` has for a setting."""
    return functools.reduce(getattr, name.split("."), config)


def with_values(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return `config` with other values of some settings, checked together.

    Raises: ConfigError that names the setting that is unknown or does not fit.
    """
    tables = to_dict(config)
    for name, value in values.items():
        *path, field_name = name.split(".")
        table = tables
        for part in path:
            inner = table.get(part)
            if not isinstance(inner, dict):
                inner = table[part] = {}  # refused below, with the names that are known there
            table = inner
        table[field_name] = value
    return run_config_from_dict(tables)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read "search.ppo.clip_coef=0.1": the value as TOML has it, bare words as texts.

    Raises: ConfigError if it is no assignment, or names a whole table.
    """
    name, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise ConfigError(
            f"Cannot read the setting '{readable(text)}'. Write a name and a value, such as "
            "search.ppo.clip_coef=0.1."
        )
    known = {setting.name: setting for setting in all_settings()}
    inner = [other for other in known if other.startswith(f"{name}.")]
    if inner:
        raise ConfigError(f"'{name}' is a table of settings. Name one of {', '.join(inner)}.")
    return name, _read_value(written, known.get(name))


def _read_value(written: str, setting: Setting | None) -> Any:
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):  # a bare word, or brackets in brackets
        value = written
    is_text = setting is not None and setting.kind is str
    if is_text and not isinstance(value, str):
        return written  # a network called 2025-01-01 is no date
    is_lines = setting is not None and setting.kind is tuple
    return [value] if is_lines and isinstance(value, str) else value


def _settings_of(kind: type, table: str) -> Iterable[Setting]:
    hints = typing.get_type_hints(kind)
    entries = dataclasses.fields(kind)
    tables = [entry for entry in entries if dataclasses.is_dataclass(hints[entry.name])]
    for entry in entries:
        if entry not in tables:
            yield _setting(entry, hints[entry.name], table)
    for entry in tables:
        yield from _settings_of(cast(type, hints[entry.name]), f"{table}{entry.name}.")


def _setting(entry: dataclasses.Field[Any], hint: Any, table: str) -> Setting:
    choices, outer = entry.metadata.get(CHOICES, ()), typing.get_origin(hint)
    if outer is Literal:
        choices = typing.get_args(hint)
    return Setting(
        f"{table}{entry.name}",
        type(entry.default) if outer is Literal else outer or hint,
        entry.default,
        entry.metadata.get(RANGE),
        tuple(choices),
        entry.metadata.get(REGISTRY),
        entry.metadata.get(IS_PATH, False),
    )
