"""What is this: a setting's sentence, its unit, its range, its default and its source.

The words are in app/setting_words; range and default are what core.config declares.
"""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication

from app.setting_words import TABLES, WORDS, table_title, words_of
from core.config.settings import Setting, all_settings


@dataclass(frozen=True)
class Explanation:
    """What a setting is called and what is said about it."""

    name: str  # in files and for --set: "search.ppo.clip_coef"
    label: str
    sentence: str


def explanation(name: str) -> Explanation:
    """Return the translated words about a setting."""
    words = words_of(name)
    setting = {one.name: one for one in all_settings()}.get(name)
    said = [_translate(words.sentence)]
    if setting is not None:
        said += _say_values(setting, _translate(words.unit) if words.unit else "")
    return Explanation(name, _translate(words.label), " ".join([*said, _translate(words.source)]))


def explanations_by_table() -> dict[str, tuple[Explanation, ...]]:
    """Return the words about every setting under its table's heading."""
    names = [*WORDS, *(one.name for one in all_settings() if one.name not in WORDS)]
    tables = dict.fromkeys([*TABLES, *(one.table for one in all_settings())])
    return {
        table_heading(table): tuple(
            explanation(name) for name in names if name.rpartition(".")[0] == table
        )
        for table in tables
    }


def table_heading(table: str) -> str:
    """What a table of settings is called, translated."""
    return _translate(table_title(table))


def value_text(value: Any) -> str:
    """Write a setting's value as people read it."""
    if isinstance(value, bool):
        return _translate("on") if value else _translate("off")
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(value) or _translate("none")
    return str(value) or _translate("empty")


def _say_values(setting: Setting, unit: str) -> list[str]:
    said = []
    if setting.range is not None:
        low, high = map(value_text, setting.range)
        text = _translate("From {} to {} {}.") if unit else _translate("From {} to {}.")
        said.append(text.format(low, high, unit))
    elif unit:
        said.append(_translate("In {}.").format(unit))
    said.append(_translate("Default: {}.").format(value_text(setting.default)))
    return said


def _translate(text: str) -> str:
    return QCoreApplication.translate("explanations", text)
