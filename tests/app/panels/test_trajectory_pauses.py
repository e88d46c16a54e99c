"""Where a search was held, or broken off and resumed, its trajectory has a gap and says so."""

import dataclasses

import numpy as np
import pytest

from app.panels.trajectory import TrajectoryPanel
from app.selection import Selection
from app.session_state import SessionState
from core.events import CandidateEvaluated, SearchResumed
from tests.app.panels.trajectory_samples import STARTED, candidate, show_short_search


@pytest.fixture
def panel(qtbot, settings):
    panel = TrajectoryPanel(Selection(), settings=settings)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def timed(seconds: list[float]) -> list[CandidateEvaluated]:
    return [
        dataclasses.replace(candidate(number), seconds=at)
        for number, at in enumerate(seconds, start=1)
    ]


def test_a_pause_is_told_when_the_search_was_held_and_not_when_it_was_slow(panel):
    panel.show_state(SessionState.SEARCHING)
    for event in (STARTED, *timed([*range(1, 20), 900.0])):  # nobody held it
        panel.show_event(event)
    panel.redraw_now()
    assert "paused" not in panel.readout.text()
    panel.show_state(SessionState.PAUSED)
    panel.show_state(SessionState.SEARCHING)
    panel.show_event(dataclasses.replace(candidate(21), seconds=901.0))
    panel.redraw_now()
    assert "1 × paused" in panel.readout.text()


def test_of_an_earlier_search_pauses_are_known_by_their_times(panel):
    panel.show_state(SessionState.OPENING)
    for event in (STARTED, *timed([*range(1, 20), 900.0])):
        panel.show_event(event)
    panel.redraw_now()
    assert "1 × paused" in panel.readout.text()


def test_a_resumed_search_shows_its_gap(panel):
    show_short_search(panel)
    panel.show_event(SearchResumed(2))
    panel.show_event(candidate(3))
    panel.redraw_now()
    assert panel.point_count == 3
    lines = panel.charts["accuracy"]._gap_lines
    assert [line.value() for line in lines if line.isVisible()] == [2.5]
    assert "1 × resumed" in panel.readout.text()
    assert np.isnan(panel.charts["accuracy"].ema.getData()[1][2])
