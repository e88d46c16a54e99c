"""Rounding the widths of a finished run, from the window."""

from app import jobs
from app.dialogs_round import RoundDialog
from app.session_state import SessionState
from core.config import RunConfig, to_toml
from tests.app import samples
from tests.app.window_steps import enabled, reach


def test_a_finished_run_is_rounded_in_a_run_of_its_own(qtbot, fakes, searched, tmp_path):
    given = []

    def rounding(multiple, opened, folder):
        given.extend([multiple, folder])
        yield from samples.search_events()
        yield samples.run_reported()

    fakes.setattr(jobs, "round_widths", rounding)
    (tmp_path / "config.toml").write_text(to_toml(RunConfig()))
    searched.session._work.run_folder = tmp_path
    assert "round" in enabled(searched)
    searched.commands["round"].trigger()
    dialog = searched.dialog
    assert isinstance(dialog, RoundDialog)
    assert dialog.multiple == 8
    dialog.choices[16].setChecked(True)
    with reach(qtbot, searched, SessionState.FINISHED):
        dialog.round_button.click()
    assert given == [16, tmp_path]


def test_nothing_is_rounded_before_a_run(window):
    assert "round" not in enabled(window)
    assert window.commands.why_not(window.commands["round"])


def test_a_dialog_that_is_left_rounds_nothing(searched, fakes):
    fakes.setattr(jobs, "round_widths", None)
    searched.commands["round"].trigger()
    searched.dialog.reject()
    assert searched.session.state is SessionState.FINISHED
