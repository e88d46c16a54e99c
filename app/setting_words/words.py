"""What a setting is called and one sentence about it; no Qt, for the terminal reads it too."""

from dataclasses import dataclass


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Mark a text for Qt's translators, who look for this name; it stays as it is."""
    return text


OURS = QT_TRANSLATE_NOOP("explanations", "Source: ours.")
PAPER = QT_TRANSLATE_NOOP("explanations", "Source: the paper (arXiv 2509.10526).")
PAPER_OUR_NUMBER = QT_TRANSLATE_NOOP(
    "explanations", "Source: the paper (arXiv 2509.10526); the default is ours."
)


@dataclass(frozen=True)
class Words:
    """About one setting; its range and default are said by what the setting declares."""

    label: str
    sentence: str  # one, with a full stop
    unit: str = ""  # what its number counts: "images"
    source: str = OURS
