"""The health panel is fed whole made-up searches; then its lines, words and plot are looked at."""

import math

import pytest

from app.panels.health import HealthPanel
from app.panels.health_words import AXES, MEANINGS, NAMES, PER_CENT
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import NoticeRaised
from core.health import SIGNATURES, HealthMonitor
from tests.app.samples import network_opened
from tests.core.health.made_up import (
    candidate,
    held_out,
    made_up_search,
    search_started,
    sound_search,
)

KINDS = list(SIGNATURES)


@pytest.fixture
def panel(qtbot):
    panel = HealthPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(900, 320)
    panel.show()
    return panel


def show(panel: HealthPanel, events) -> None:
    """Show a search as run_search tells it: what is raised comes behind its event."""
    monitor = HealthMonitor()
    for event in events:
        for told in (event, *monitor.take(event)):
            panel.show_event(told)
    panel.redraw_now()


def states(panel: HealthPanel) -> list[str]:
    return [panel.verdicts[kind].state for kind in KINDS]


def said(panel: HealthPanel, kind: str) -> str:
    index = panel.list.model().index(KINDS.index(kind), 0)
    return panel.list.model().data(index, 11).split(": ", 1)[1]  # AccessibleTextRole


def test_every_signature_has_words():
    assert set(NAMES) == set(MEANINGS) == set(AXES) == set(SIGNATURES)
    assert set(SIGNATURES) >= PER_CENT


def test_it_invites_until_a_search_starts(panel):
    panel.show_event(network_opened())
    assert panel._pages.currentIndex() == 0
    assert panel.table() is None
    panel.show_event(search_started())
    panel.redraw_now()
    assert panel._pages.currentIndex() == 1
    assert states(panel) == ["waiting"] * 5
    assert said(panel, "oscillating_macs") == "not enough data yet"
    panel.show_event(network_opened())
    panel.redraw_now()
    assert panel._pages.currentIndex() == 0


def test_a_sound_search_is_fine(panel):
    show(panel, sound_search())
    assert states(panel) == ["fine", "fine", "fine", "fine", "waiting"]
    assert said(panel, "accuracy_collapse") == "fine"
    assert panel.heading.text() == "Bad numbers"
    assert panel.advice.isHidden()


def test_what_is_raised_is_shown_with_its_evidence_and_advice(panel):
    show(panel, made_up_search(20, macs_kept=lambda update: 0.45 + 0.04 * (-1) ** update))
    assert panel.heading.text() == "Oscillating MACs"
    assert said(panel, "oscillating_macs") == "raised at evaluation 192"
    assert "between 41.0 % and 49.0 % of the network" in panel.evidence.text()
    assert panel.advice.isVisible()
    assert "projection" in panel.advice.text()
    x, y = panel.plot.curves[0].getData()
    assert (x[0], x[-1]) == (16, 320)
    assert y[:2] == pytest.approx([49, 41], abs=0.1)  # per cent


def test_the_persons_choice_stays(panel):
    show(panel, made_up_search(11))
    panel.list.setCurrentRow(2)
    panel.list.itemPressed.emit(panel.list.item(2))
    show(panel, [candidate(500, reward=math.nan)])
    assert panel.verdicts["bad_numbers"].state == "raised"
    assert panel.list.currentRow() == 2
    assert panel.heading.text() == "Oscillating MACs"


def test_what_was_raised_and_is_fine_again_says_so(panel):
    show(
        panel,
        made_up_search(40, macs_kept=lambda update: 0.45 + (update < 13) * 0.04 * (-1) ** update),
    )
    assert said(panel, "oscillating_macs") == "fine, was raised at evaluation 192"


def test_an_overfitted_reward_is_drawn_beside_the_held_out_score(panel):
    events = [search_started()]
    pairs = ((1.2, 1.1), (1.0, 0.9), (1.4, 0.8), (1.35, 0.7))
    events += [held_out(64 * at, out, rewarded) for at, (out, rewarded) in enumerate(pairs, 1)]
    show(panel, events)
    assert panel.heading.text() == "Overfitted reward"
    assert "reward&nbsp;images" in panel.key.text()
    assert panel.plot.curves[0].getData()[1] == pytest.approx([1.1, 0.9, 0.8, 0.7])
    assert panel.plot.curves[1].getData()[1] == pytest.approx([1.2, 1.0, 1.4, 1.35])


def test_the_table_has_a_row_for_each_signature(panel):
    show(panel, [search_started(), candidate(7, reward=math.nan)])
    table = panel.table()
    assert table.header[:3] == ("signature", "state", "raised_at_evaluation")
    assert table.rows[0][:3] == ("bad_numbers", "raised", 7)
    assert table.rows[0][3] == "At evaluation 7 the reward is nan."
    assert table.rows[1][:3] == ("accuracy_collapse", "waiting", None)


def test_values_that_are_not_finite_are_left_out_of_the_range(panel):
    show(panel, made_up_search(12, macs_kept=lambda _: 0.6))  # all over the budget: no median
    panel.list.setCurrentRow(KINDS.index("no_better_than_random"))
    low, high = panel.plot.getPlotItem().getViewBox().viewRange()[1]
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_it_draws_after_events_that_tell_something_only(panel):
    panel.show_event(search_started())
    panel.redraw_now()
    panel.show_event(NoticeRaised("nothing"))
    assert not panel._timer.isActive()


def test_a_narrow_panel_puts_the_list_above(panel):
    show(panel, sound_search())
    assert (
        panel.list.geometry().right()
        < panel.plot.mapTo(panel._board, panel.plot.rect().topLeft()).x()
    )
    panel.resize(360, 620)
    panel._layout.activate()
    assert (
        panel.list.geometry().bottom()
        < panel.heading.mapTo(panel._board, panel.heading.rect().topLeft()).y()
    )
    assert not panel.list.verticalScrollBar().isVisible()


def test_what_the_axes_of_a_low_plot_show_is_read_whole(panel, qtbot):
    panel.use_palette(LIGHT)
    panel.resize(754, 191)  # of a window of 1100 x 700
    show(panel, sound_search())
    for row, kind in enumerate(KINDS):
        panel.list.setCurrentRow(row)
        assert f"<b>{AXES[kind]}</b>" in panel.key.text()
    item = panel.plot.getPlotItem()
    assert not item.getAxis("left").label.isVisible()
    bottom = item.getAxis("bottom")
    qtbot.waitUntil(lambda: bottom.size().width() > 300)
    label, margin = bottom.label, bottom.label.document().documentMargin()
    words = label.mapRectToParent(label.boundingRect()).adjusted(margin, margin, -margin, -margin)
    assert label.toPlainText().strip() == "evaluations"
    assert bottom.mapRectFromParent(bottom.geometry()).adjusted(0, 0, 0, 0.5).contains(words)


def test_another_palette_recolours_the_curves(panel):
    panel.use_palette(DARK)
    assert panel.plot.curves[0].opts["pen"].color().name() == DARK.accuracy
