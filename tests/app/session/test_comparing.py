"""Comparisons through the session's thread: one that is read, and one that runs and is stopped."""

from functools import partial

import pytest

from app import jobs
from app.session_state import SessionState
from core.errors import BudgetError
from core.events import ComparisonReported, StageStarted, StopRequested
from core.runs.comparison_reading import contents_text
from tests.app.comparison_samples import compared
from tests.app.session.steps import CONFIG, reach

WAIT_MS = 20_000


def is_comparison(event) -> bool:
    return isinstance(event, ComparisonReported)


def test_an_earlier_comparison_needs_nothing_open(qtbot, session, tmp_path):
    (tmp_path / "comparison.json").write_text(contents_text(compared().handle), encoding="utf-8")
    with qtbot.waitSignal(session.event_received, timeout=WAIT_MS, check_params_cb=is_comparison):
        session.read_aside("comparison", partial(jobs.read_comparison, tmp_path))
    assert session.state is SessionState.EMPTY


def test_a_folder_without_a_comparison_is_told(qtbot, session, tmp_path):
    with qtbot.waitSignal(session.failed, timeout=WAIT_MS) as failed:
        session.read_aside("comparison", partial(jobs.read_comparison, tmp_path))
    assert "There is no comparison in" in failed.args[0]


@pytest.mark.parametrize("refusal", ["", "Choose a budget of 5.6 % or more."])
def test_whether_budgets_can_be_met_is_found_out_aside(qtbot, opened, monkeypatch, refusal):
    def check(handle, search):
        assert (handle, search) == (CONFIG, CONFIG.search)
        if refusal:
            raise BudgetError(refusal)

    monkeypatch.setattr("core.search.check_budget", check)
    states = []
    opened.state_changed.connect(states.append)
    with qtbot.waitSignal(opened.budgets_checked, timeout=WAIT_MS) as checked:
        opened.check_budgets(CONFIG)
    assert checked.args == [refusal]
    assert states == []


def test_no_budget_is_checked_before_something_is_open(session):
    session.check_budgets(CONFIG)
    assert session.is_quiet


def test_a_comparison_is_one_job_that_can_be_stopped(qtbot, opened):
    def compare(handle):
        try:
            yield StageStarted("agent, seed 0 (1 of 9): Searching", 300)
            while True:
                yield StageStarted("agent, seed 0 (1 of 9): Searching", 300)
        except StopRequested:
            yield compared()

    with qtbot.waitSignal(
        opened.event_received,
        timeout=WAIT_MS,
        check_params_cb=lambda event: isinstance(event, StageStarted),
    ):
        opened.run_in_front(SessionState.SEARCHING, compare)
    with (
        reach(qtbot, opened, SessionState.READY),
        qtbot.waitSignal(opened.event_received, timeout=WAIT_MS, check_params_cb=is_comparison),
    ):
        opened.stop()
    assert opened.best_keep is None
