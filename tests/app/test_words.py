"""How numbers are written."""

import pytest

from app.words import duration_text, percent_text, tiny_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (4200, "1 h 10 min")],
)
def test_durations_are_said_in_two_units(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("share", "text"), [(0.4984, "49.8 %"), (1.0, "100.0 %"), (None, "–")])
def test_shares_are_percents(share, text):
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(8.1e-7, "8·10⁻⁷"), (9.7e-5, "1·10⁻⁴"), (0.0, "0"), (2.0, "2·10⁰")]
)
def test_tiny_numbers_have_one_digit_and_a_power_of_ten(value, text):
    assert tiny_text(value) == text
