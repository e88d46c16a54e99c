"""How numbers are written everywhere in the window."""

from math import floor, log10

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent_text(share: float | None, digits: int = 1) -> str:
    """Write a share (0-1) as "49.8 %", or a dash if it is not known."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def tiny_text(value: float) -> str:
    """Write a small positive number as "8·10⁻⁷"; 0 stays 0."""
    if value <= 0.0:
        return "0"
    exponent = floor(log10(value))
    digit = round(value / 10.0**exponent)
    if digit == 10:
        digit, exponent = 1, exponent + 1
    return f"{digit}·10{str(exponent).translate(SUPERSCRIPTS)}"


def duration_text(seconds: float) -> str:
    """Say a duration in at most two units: "8 s", "2 min 05 s", "1 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
