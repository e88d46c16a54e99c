"""What is this: a setting's sentence, what it takes, its default and its source, translated.

The words are in app/setting_words; range and default are what core.config declares.
"""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.setting_words import TABLES, WORDS, table_title, words_of
from app.setting_words.describing import say_sentence
from core.config.settings import all_settings


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
    return Explanation(name, _translate(words.label), say_sentence(words, setting, _translate))


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


def _translate(text: str) -> str:
    return QCoreApplication.translate("explanations", text)
