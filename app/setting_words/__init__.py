"""The words of every setting, by its name; the files here follow those of core/config."""

from app.setting_words import baselines, finetuning, learning, opening, searching
from app.setting_words.words import QT_TRANSLATE_NOOP, Words

__all__ = ["TABLES", "WORDS", "Words", "table_title", "words_of"]

WORDS: dict[str, Words] = {
    **opening.WORDS,
    **searching.WORDS,
    **learning.WORDS,
    **baselines.WORDS,
    **finetuning.WORDS,
}

# What the tables of settings are called.
TABLES: dict[str, str] = {
    "": QT_TRANSLATE_NOOP("explanations", "Run"),
    "search": QT_TRANSLATE_NOOP("explanations", "Search"),
    "search.policy": QT_TRANSLATE_NOOP("explanations", "Policy"),
    "search.ppo": QT_TRANSLATE_NOOP("explanations", "Policy learning (PPO)"),
    "search.baselines": QT_TRANSLATE_NOOP("explanations", "Other methods"),
    "finetune": QT_TRANSLATE_NOOP("explanations", "Fine-tuning"),
}


def words_of(name: str) -> Words:
    """The words about a setting; those about a new one are made of its name."""
    label = name.rpartition(".")[2].replace("_", " ").capitalize()
    return WORDS.get(name) or Words(label, f"{label}.")


def table_title(table: str) -> str:
    """What a table of settings is called, such as "Fine-tuning"; not translated."""
    return TABLES.get(table) or table.rpartition(".")[2].replace("_", " ").capitalize()
