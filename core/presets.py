"""Settings with a name: how long to search, by what method, and how to fine-tune.

A preset says nothing about the network, the images, the budgets, the seed or the machine. Of all
else, what its file does not name is at its default.
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.config.settings import Setting, all_settings, value_of, with_values
from core.errors import ConfigError

PRESETS_FOLDER = Path(__file__).resolve().parents[1] / "resources" / "presets"
PRESETS = ("quick", "frozen", "thorough", "paper", "long")
# What a person decides whatever the preset; in the tables of the search and the fine-tuning.
OWN_DECISIONS = {
    "search": (
        "macs_budget",
        "params_budget",
        "size_budget",
        "latency_budget",
        "latency_batch",
        "seed",
        "device",
        "threads",
        "precision",
        "streams",
        "groups",
        "round_to",
        "pinned_keep",
        "pinned_removed",
        "start_from",
    ),
    "finetune": ("seed", "data", "compare", "precision"),
}
OWN_TABLES = ("", "search.baselines")


def apply_preset(config: RunConfig, name: str) -> RunConfig:
    """Return `config` with all that the preset decides; ConfigError if there is none of it."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset '{name}'. Choose one of {', '.join(PRESETS)}.")
    return with_values(config, preset_values(name))


def preset_of(config: RunConfig) -> str | None:
    """Return the preset whose settings these are, or None."""
    return next((name for name in PRESETS if not differing_settings(config, name)), None)


def differing_settings(config: RunConfig, name: str) -> tuple[str, ...]:
    """Name the settings that the preset would change."""
    values = preset_values(name).items()
    return tuple(setting for setting, value in values if value_of(config, setting) != value)


@functools.cache
def preset_values(name: str) -> Mapping[str, Any]:
    """Return all that a preset decides, each value by its setting's name: search.reward."""
    usual = {one.name: one.default for one in all_settings() if _is_decided(one)}
    return usual | dict(_flat(_values(name), ""))


def _is_decided(setting: Setting) -> bool:
    is_own = setting.field_name in OWN_DECISIONS.get(setting.table, ())
    return setting.table not in OWN_TABLES and not is_own


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
