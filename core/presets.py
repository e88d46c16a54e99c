"""Settings with a name: how long to search, by what method, and how to fine-tune.

A preset says nothing about the network, the images, the budget, the seed or the machine.
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.config import RunConfig, run_config_from_dict, to_dict
from core.errors import ConfigError

PRESETS_FOLDER = Path(__file__).resolve().parents[1] / "resources" / "presets"
PRESETS = ("quick", "thorough", "paper", "long")


def apply_preset(config: RunConfig, name: str) -> RunConfig:
    """Return `config` with all that the preset names; ConfigError if there is none of it."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset '{name}'. Choose one of {', '.join(PRESETS)}.")
    return run_config_from_dict(_merged(to_dict(config), _values(name)))


def preset_of(config: RunConfig) -> str | None:
    """Return the preset whose settings these are, or None."""
    return next((name for name in PRESETS if apply_preset(config, name) == config), None)


def preset_values(name: str) -> dict[str, Any]:
    """Return what a preset says, each value by its setting's name such as search.reward."""
    return dict(_flat(_values(name), ""))


def _flat(values: Mapping[str, Any], table: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{table}{name}.")
        else:
            yield f"{table}{name}", value


@functools.cache
def _values(name: str) -> Mapping[str, Any]:
    path = PRESETS_FOLDER / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"Cannot read preset {path}: {error}. Install Espalier again.") from error


def _merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name, value in over.items():
        known = merged.get(name)
        merged[name] = (
            _merged(known, value)
            if isinstance(known, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged
