"""What is said about a setting's values: range, choices, default. The same in window and terminal.

`tr` translates; the terminal's texts stay as they are.
"""

from collections.abc import Callable
from typing import Any

from app.setting_words.words import QT_TRANSLATE_NOOP, Words
from core.config.settings import Setting

Translate = Callable[[str], str]

RANGE = QT_TRANSLATE_NOOP("explanations", "From {} to {}.")
RANGE_IN_UNIT = QT_TRANSLATE_NOOP("explanations", "From {} to {} {}.")
CHOICES = QT_TRANSLATE_NOOP("explanations", "One of {}.")
CHOICES_IN_UNIT = QT_TRANSLATE_NOOP("explanations", "One of {} {}.")
DEFAULT = QT_TRANSLATE_NOOP("explanations", "Default: {}.")
ON, OFF = QT_TRANSLATE_NOOP("explanations", "on"), QT_TRANSLATE_NOOP("explanations", "off")
NONE, EMPTY = QT_TRANSLATE_NOOP("explanations", "none"), QT_TRANSLATE_NOOP("explanations", "empty")


def say_sentence(words: Words, setting: Setting | None, tr: Translate) -> str:
    """A setting's sentence, what it takes and its default, and where it comes from."""
    said = [tr(words.sentence)]
    if setting is not None:
        said += [say_values(setting, words, tr), say_default(setting, tr)]
    return " ".join(part for part in (*said, tr(words.source)) if part)


def say_values(setting: Setting, words: Words, tr: Translate) -> str:
    """What a number or a choice takes; empty for texts and switches."""
    unit = [tr(words.unit)] if words.unit else []
    if setting.range is not None:
        ends = [value_text(end, tr) for end in setting.range]
        return tr(RANGE_IN_UNIT if unit else RANGE).format(*ends, *unit)
    if setting.choices:
        listed = ", ".join(value_text(choice, tr) for choice in setting.choices)
        return tr(CHOICES_IN_UNIT if unit else CHOICES).format(listed, *unit)
    return ""


def say_default(setting: Setting, tr: Translate) -> str:
    """The value that a setting has before anybody changes it."""
    return tr(DEFAULT).format(value_text(setting.default, tr))


def value_text(value: Any, tr: Translate) -> str:
    """Write a setting's value as people read it."""
    if isinstance(value, bool):
        return tr(ON) if value else tr(OFF)
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(value) or tr(NONE)
    return str(value) or tr(EMPTY)
