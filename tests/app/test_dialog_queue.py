"""Dialogs come one after another, never two at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog

from app import jobs
from app.main_window import MainWindow
from app.session_state import SessionState
from core.config import RunConfig
from core.errors import ConsentNeeded, NetworkError
from core.events import ExportFinished, RecordingFailed
from tests.app.window_steps import enabled, reach
from tests.app.windows import lasting_window, let_rest


@pytest.fixture(scope="module")
def one_window(qapp, tmp_path_factory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        yield window


@pytest.fixture
def window(one_window) -> Iterator[MainWindow]:
    yield one_window
    let_rest(one_window)


def test_a_failure_is_told_in_a_dialog_and_in_the_log(qtbot, fakes, window):
    def failing(config, *, allow_download):
        raise NetworkError("Cannot open 'x.pt': it is truncated. Choose another file.", "zip: EOF")
        yield

    fakes.setattr(jobs, "open_network", failing)
    with reach(qtbot, window, SessionState.EMPTY):
        window.session.open(RunConfig(checkpoint="x.pt"))
    dialog = window.dialogs.error
    assert dialog.problem.text() == "Cannot open 'x.pt': it is truncated."
    assert dialog.remedy.text() == "Choose another file."
    assert "truncated" in window.parts.log.view.toPlainText()
    assert "open" in enabled(window)


def test_the_details_of_an_error_unfold_and_can_be_copied(window):
    window.show_error("It broke. Mend it.", "line 1")
    dialog = window.dialogs.error
    assert not dialog.details.isVisible()
    dialog.unfold_button.click()
    assert dialog.details.isVisible()
    dialog.copy_button.click()
    assert QApplication.clipboard().text() == "It broke. Mend it.\n\nline 1"


def test_errors_come_one_after_another(window):
    window.show_error("First.")
    window.show_error("Second.")
    window.show_error("Second.")
    assert window.dialogs.error.message == "First."
    window.dialogs.error.accept()
    assert window.dialogs.error.message == "Second."
    window.dialogs.error.accept()
    assert window.dialogs.error is None


def test_a_failed_write_is_told_while_the_search_goes_on(window):
    window.session.event_received.emit(RecordingFailed("Cannot write into runs. Make room."))
    assert window.dialogs.error.message == "Cannot write into runs. Make room."


def test_an_error_waits_until_the_dialog_is_closed(window):
    window.commands["open"].trigger()
    window.show_error("It broke meanwhile.")
    assert window.dialogs.error is None
    window.dialog.reject()
    assert window.dialogs.error.message == "It broke meanwhile."


def test_a_dialog_takes_the_place_of_the_one_before(window):
    window.commands["shortcuts"].trigger()
    first = window.dialog
    window.commands["about"].trigger()
    assert not first.isVisible()
    assert window.dialog.isVisible()
    window.dialog.reject()


def shown(window) -> list[QDialog]:
    """The dialogs on the screen."""
    return [d for d in window.findChildren(QDialog) if d.isVisible()]


def test_what_an_event_tells_waits_until_an_error_is_closed(window, tmp_path):
    window.deeds.export_folder = tmp_path
    window.show_error("It broke.")
    window.session.event_received.emit(ExportFinished(("pruned.onnx",), {"onnx": 1e-7}))
    assert shown(window) == [window.dialogs.error]
    window.dialogs.error.accept()
    assert shown(window) == [window.dialog]
    assert "pruned.onnx" in window.dialog.informativeText()
    window.dialog.accept()
    assert shown(window) == []
    # that of a fine-tuning, say, did not go there
    window.session.event_received.emit(ExportFinished(("pruned.pt",), {"state": 1e-7}))
    assert shown(window) == []


def test_what_an_event_asks_leaves_the_persons_dialog_alone(window):
    window.commands["open"].trigger()
    asking = window.dialog
    window.session.consent_needed.emit(ConsentNeeded(Path("net.py"), "abc123", "a Python file"))
    window.show_error("It broke.")
    assert shown(window) == [asking]
    asking.reject()
    assert shown(window) == [window.dialog] and "abc123" in window.dialog.informativeText()
    window.dialog.reject()
    assert shown(window) == [window.dialogs.error]
    window.dialogs.error.accept()


def test_a_wish_waits_for_an_error(window):
    window.show_error("It broke.")
    window.commands["about"].trigger()
    assert shown(window) == [window.dialogs.error]
    window.dialogs.error.accept()
    assert shown(window) == [window.dialog]
    window.dialog.reject()


def test_an_error_waits_for_a_file_dialog_that_runs_by_itself(qtbot, window):
    other = QFileDialog(window)
    other.open()
    window.show_error("It broke.")
    assert window.dialogs.error is None
    other.reject()
    qtbot.waitUntil(lambda: window.dialogs.error is not None)
    window.dialogs.error.accept()
    other.deleteLater()


def test_closing_forgets_what_waits(window):
    for words in ("First.", "Second."):
        window.show_error(words)
    window.dialogs.close()
    assert shown(window) == [] and window.dialogs.error is None
