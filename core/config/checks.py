"""Checks of settings: each raises ConfigError with the setting's name and the value."""

from core.errors import ConfigError

SHOWN_LETTERS = 60  # of a value in a sentence
FLOAT_MOST = 2**1023


def shown(value: object) -> str:
    """A value for a sentence; hexadecimal has no limit of digits."""
    words = hex(value) if isinstance(value, int) and abs(value) > FLOAT_MOST else repr(value)
    return words if len(words) <= SHOWN_LETTERS else f"{words[: SHOWN_LETTERS - 1]}…"


def check_range(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"Setting '{name}' must be between {low} and {high}, not {shown(value)}.")


def check_choice(config: object, name: str, choices: tuple[str, ...]) -> None:
    value = getattr(config, name)
    if value not in choices:
        raise ConfigError(
            f"Setting '{name}' must be one of {', '.join(choices)}, not {shown(value)}."
        )


def check_lines(config: object, name: str) -> None:
    value = getattr(config, name)
    if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
        raise ConfigError(f"Setting '{name}' must be a list of texts, not {shown(value)}.")
