"""All settings, and another value for each."""

from pathlib import Path
from typing import Any

from core.config.settings import Setting, all_settings

SETTINGS = {setting.name: setting for setting in all_settings()}


def another_value(setting: Setting) -> Any:
    """A value that is not the default, and fits."""
    if setting.choices:
        return next(one for one in setting.choices if one != setting.default)
    if setting.kind is bool:
        return not setting.default
    if setting.kind is tuple:
        return ("stem:0-2", "stem:5")
    if setting.range is not None:
        low, high = setting.range
        wanted = setting.default / 2 if setting.default > 2 * low else setting.default + 0.123
        return int(wanted + 1) if setting.kind is int else min(wanted, high)
    if setting.is_path:
        return str(Path("another").absolute())
    return {"input_shape": "3x48x64", "search.device": "cpu"}.get(setting.name, "another")
