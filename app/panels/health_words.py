"""What the signatures of a search's health are called, and what they mean."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.theme import Palette
from core.health import State

NAMES = {
    "bad_numbers": QT_TRANSLATE_NOOP("health", "Bad numbers"),
    "accuracy_collapse": QT_TRANSLATE_NOOP("health", "Accuracy collapse"),
    "oscillating_macs": QT_TRANSLATE_NOOP("health", "Oscillating MACs"),
    "no_better_than_random": QT_TRANSLATE_NOOP("health", "No better than random"),
    "reward_overfit": QT_TRANSLATE_NOOP("health", "Overfitted reward"),
}
MEANINGS = {
    "bad_numbers": QT_TRANSLATE_NOOP(
        "health", "A number is not finite, the logits have exploded, or all masks are the same."
    ),
    "accuracy_collapse": QT_TRANSLATE_NOOP(
        "health", "Accuracy falls to less than half of what the search had reached."
    ),
    "oscillating_macs": QT_TRANSLATE_NOOP(
        "health", "The kept MACs swing to and fro instead of settling at the budget."
    ),
    "no_better_than_random": QT_TRANSLATE_NOOP(
        "health",
        "The policy's masks are no better than those that it began with, before it learned.",
    ),
    "reward_overfit": QT_TRANSLATE_NOOP(
        "health", "The best mask gains on its reward images and loses on held-out ones."
    ),
}
AXES = {
    "bad_numbers": QT_TRANSLATE_NOOP("health", "Entropy, nats per channel"),
    "accuracy_collapse": QT_TRANSLATE_NOOP("health", "Accuracy, %"),
    "oscillating_macs": QT_TRANSLATE_NOOP("health", "MACs kept, %"),
    "no_better_than_random": QT_TRANSLATE_NOOP("health", "Cross-entropy, nats"),
    "reward_overfit": QT_TRANSLATE_NOOP("health", "Cross-entropy, nats"),
}
PER_CENT = {"accuracy_collapse", "oscillating_macs"}  # shares that the plot shows as %
STATES: dict[State, str] = {
    "waiting": QT_TRANSLATE_NOOP("health", "not enough data yet"),
    "fine": QT_TRANSLATE_NOOP("health", "fine"),
    "raised": QT_TRANSLATE_NOOP("health", "raised"),
}
GLYPHS: dict[State, str] = {"waiting": "…", "fine": "✓", "raised": "▲"}


def translated(words: str) -> str:
    """Words of this file in the person's language."""
    return QCoreApplication.translate("health", words)


def state_colour(state: State, palette: Palette) -> str:
    """The colour of a state's glyph."""
    colours: dict[State, str] = {
        "waiting": palette.muted_text,
        "fine": palette.success,
        "raised": palette.error,
    }
    return colours[state]
