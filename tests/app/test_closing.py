"""Closing the window: at once, after a question, and with a thread that hears nothing."""

import threading

from PySide6.QtWidgets import QMessageBox

from app import jobs
from app.session_state import SessionState
from tests.app import samples
from tests.app.window_steps import (
    WAIT_MS,
    answer,
)


def test_closing_during_a_run_asks_and_can_be_taken_back(searching):
    assert not searching.close()
    assert searching.dialog.text() == "A run is going on."
    answer(searching, QMessageBox.StandardButton.Cancel)
    assert searching.isVisible()
    assert searching.session.state is SessionState.SEARCHING


def test_closing_during_a_run_stops_it_and_then_closes(qtbot, searching):
    searching.close()
    with qtbot.waitSignal(searching.closed, timeout=WAIT_MS):
        answer(searching, QMessageBox.StandardButton.Discard)
        assert searching.session.state is SessionState.STOPPING
    assert not searching.isVisible()
    assert searching.session.is_quiet


def test_a_thread_that_hears_nothing_does_not_hold_the_window(qtbot, fakes, opened):
    may_end = threading.Event()

    def deaf(handle, config, runs_folder):
        yield samples.search_started()
        may_end.wait(10)
        yield samples.search_started()

    fakes.setattr(jobs, "search", deaf)
    with qtbot.waitSignal(opened.session.event_received):
        opened.commands["start"].trigger()
    opened.close()
    with qtbot.waitSignal(opened.closed, timeout=WAIT_MS):
        answer(opened, QMessageBox.StandardButton.Discard)
    assert not opened.isVisible()
    with qtbot.waitSignal(opened.session.shut_down_finished, timeout=WAIT_MS):
        may_end.set()


def test_an_idle_window_closes_at_once(opened):
    assert opened.close()
