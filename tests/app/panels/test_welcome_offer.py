"""The offer to go on with a search that was broken off."""

import dataclasses
from datetime import datetime
from pathlib import Path

import pytest

from app.panels.welcome_offer import UnfinishedOffer
from app.theme import DARK, LIGHT
from core.runs.unfinished import UnfinishedRun

RUN = UnfinishedRun(
    folder=Path("runs/broken"),
    network="nets/<b>mine.py:make",
    dataset="cifar10",
    started=datetime(2026, 1, 2),
    evaluations=1_120,
    total=2_000,
)


@pytest.fixture
def offer(qtbot):
    widget = UnfinishedOffer(600)
    qtbot.addWidget(widget)
    return widget


def test_nothing_is_offered_until_something_was_broken_off(offer):
    assert not offer.isVisibleTo(None)
    offer.show_run(RUN)
    assert offer.isVisibleTo(None)
    offer.show_run(None)
    assert not offer.isVisibleTo(None)


def test_the_offer_says_what_and_how_far(offer):
    offer.show_run(RUN)
    assert offer.words.text() == "<b>mine.py:make on cifar10, after 1,120 of 2,000 evaluations"
    assert offer.button.accessibleDescription() == offer.words.text()


def test_a_long_name_is_shortened_and_whole_in_the_tooltip(offer):
    offer.show_run(dataclasses.replace(RUN, network="x" * 300))
    assert offer.words.fontMetrics().horizontalAdvance(offer.words.text()) < 600
    assert "…" in offer.words.text()
    assert "x" * 300 in offer.words.toolTip()


def test_a_click_asks_to_go_on_with_that_run(offer, qtbot):
    offer.show_run(RUN)
    with qtbot.waitSignal(offer.resume_requested) as asked:
        offer.button.click()
    assert asked.args == [RUN.folder]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_it_is_painted_in_the_palettes_colours(offer, palette):
    offer.show_run(RUN)
    offer.use_palette(palette)
    image = offer.grab().toImage()
    place = image.pixelColor(8, image.height() // 2)
    assert place.name() == palette.accent_soft
