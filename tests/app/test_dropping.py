"""The dialog that opens a network, and what is dropped on the window."""

from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMessageBox

from app.dialogs_open import OpenDialog
from app.session_state import SessionState
from core.config import RunConfig
from core.errors import ConsentNeeded
from tests.app.window_steps import answer, reach


def test_opening_asks_with_the_settings_filled_in(qtbot, window):
    window.parts.settings.set_config(RunConfig(network="resnet18", data="cifar10"))
    window.commands["open"].trigger()
    dialog = window.dialog
    assert isinstance(dialog, OpenDialog)
    assert dialog.form.source.network == "resnet18"
    dialog.form.network.setEditText("")
    assert not dialog.open_button.isEnabled()
    dialog.form.network.setEditText("tiny")
    with reach(qtbot, window, SessionState.READY):
        dialog.open_button.click()
    assert window.session.opened_config.network == "tiny"
    assert window.parts.settings.config().network == "tiny"


def drop(*paths: Path) -> QDropEvent:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    drop.kept = data  # the event does not own it
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    return QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)


def test_a_dropped_checkpoint_opens_the_dialog_filled_in(window, tmp_path):
    window.parts.settings.source.set_choices(("demo", "cifar_resnet20"), ("digits",))
    weights = tmp_path / "resnet20-12fca82f.th"
    window.dropEvent(drop(weights))
    assert window.dialog.form.source.checkpoint == str(weights)
    assert window.dialog.form.source.network == "cifar_resnet20"
    window.dialog.reject()


def test_a_checkpoint_and_images_can_be_dropped_together(window, tmp_path):
    images = tmp_path / "images.npz"
    event = drop(tmp_path / "weights.pt", images)
    window.dropEvent(event)
    assert window.dialog.form.source.data == str(images)
    assert window.dialog.form.source.checkpoint.endswith("weights.pt")
    window.dialog.reject()


def test_something_else_that_is_dropped_is_refused_in_a_sentence(window, tmp_path):
    window.dropEvent(drop(tmp_path / "notes.txt"))
    assert window.dialog is None
    assert "'notes.txt' ends in '.txt', which is no network" in window.dialogs.error.message


def test_a_file_that_runs_code_is_asked_about(window, tmp_path):
    asked = ConsentNeeded(tmp_path / "nets.py", "abc123", "it is a Python file")
    window.session.consent_needed.emit(asked)
    assert "it is a Python file" in window.dialog.text()
    assert "abc123" in window.dialog.informativeText()
    assert window.dialog.defaultButton().text() == "Cancel"
    answer(window, QMessageBox.StandardButton.Cancel)
    assert window.dialogs.error is None
