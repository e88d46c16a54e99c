"""What a person answers while opening: consent, what a file holds, what was open before."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.command_line import parse
from app.dialogs_open import OpenDialog
from app.main_window import MainWindow, _begin
from app.session_state import SessionState
from core.config import RunConfig
from core.events import Event, StageAdvanced, StageStarted
from core.networks import consent, files
from tests.app.opening_steps import WAIT_MS, accept, asks, drop
from tests.app.source_files import NETS, ROWS, TWO_FACTORIES, tiny, write_images

ODD = "odd 'name' \"é\"\nnew & <b>line"


@pytest.fixture
def window(real_window: MainWindow) -> MainWindow:
    return real_window


def settled(qtbot: Any, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.session.is_quiet, timeout=WAIT_MS)


def click(window: MainWindow, button: QMessageBox.StandardButton) -> None:
    window.dialog.button(button).click()


@pytest.mark.parametrize("row", ["python file with weights", "pickled module", "exported program"])
def test_declining_leaves_everything_as_it_was(
    qtbot: Any, window: MainWindow, tmp_path: Path, row: str
) -> None:
    before = window.parts.settings.config()
    named = ROWS[row](tmp_path)
    drop(window, *named.dropped).open_button.click()
    qtbot.waitUntil(asks(window), timeout=WAIT_MS)
    path = Path(named.network)
    words = window.dialog.text() + window.dialog.informativeText()
    assert str(path.resolve()) in words
    assert hashlib.sha256(path.read_bytes()).hexdigest() in words.replace("\n", "")
    click(window, QMessageBox.StandardButton.Cancel)
    settled(qtbot, window)
    assert window.parts.settings.config() == before
    assert window.session.state is SessionState.EMPTY and not window.opening.recent.entries()
    assert not consent.granted() and window.dialogs.error is None


def test_what_the_command_line_names_is_asked_about_in_the_window(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    before = window.parts.settings.config()
    _begin(window, parse(["--network", str(path)]))
    qtbot.waitUntil(asks(window), timeout=WAIT_MS)
    assert "nets.py" in window.dialog.informativeText()
    click(window, QMessageBox.StandardButton.Cancel)
    settled(qtbot, window)
    assert window.parts.settings.config() == before
    assert window.session.state is SessionState.EMPTY


def test_consent_is_remembered_for_what_the_file_held(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    images, path = write_images(tmp_path / "images.npz"), tmp_path / "nets.py"
    path.write_text(NETS)
    accept(qtbot, window, drop(window, path, images), runs_code=True)
    assert list(consent.granted()) == [hashlib.sha256(path.read_bytes()).hexdigest()]
    accept(qtbot, window, drop(window, path, images))  # not asked again
    path.write_text(NETS + "\nprint = None\n")
    before = window.session.opened_config
    drop(window, path, images).open_button.click()
    qtbot.waitUntil(asks(window), timeout=WAIT_MS)
    click(window, QMessageBox.StandardButton.Cancel)
    settled(qtbot, window)
    assert window.session.opened_config is before
    assert window.session.state is SessionState.READY


def test_what_was_open_opens_again_from_the_menu_and_asks_if_its_code_changed(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    images, path = write_images(tmp_path / "images.npz"), tmp_path / "nets.py"
    path.write_text(NETS)
    accept(qtbot, window, drop(window, path, images), runs_code=True)
    with qtbot.waitSignal(window.session.state_changed, timeout=WAIT_MS):
        window.commands["demo"].trigger()
        window.session.stop()
    settled(qtbot, window)
    path.write_text(f"{NETS}\n# another\n")
    recent = next(e for e in window.opening.recent.entries() if e.config.network == str(path))
    window.opening.open_recent(recent)
    qtbot.waitUntil(asks(window), timeout=WAIT_MS)
    assert "nets.py" in window.dialog.informativeText()
    click(window, QMessageBox.StandardButton.Yes)
    settled(qtbot, window)
    assert window.session.opened_config == recent.config == window.parts.settings.config()


def test_what_is_gone_can_be_removed_from_the_menu(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    window.opening.recent.remember(RunConfig(network=str(tmp_path / "gone.pt2")))
    window.opening.menu.aboutToShow.emit()
    action = window.opening.menu.actions()[0]
    assert action.text().endswith("(missing: gone.pt2)")
    action.trigger()
    assert window.dialog.text() == "No longer where it was: gone.pt2."
    click(window, QMessageBox.StandardButton.Cancel)
    assert len(window.opening.recent.entries()) == 1
    window.opening.menu.actions()[0].trigger()
    click(window, QMessageBox.StandardButton.Discard)
    assert window.opening.recent.entries() == ()
    assert window.session.state is SessionState.EMPTY


def test_the_file_menu_holds_what_was_opened(window: MainWindow) -> None:
    file_menu = window.menuBar().actions()[0].menu()
    assert window.opening.menu.menuAction() in file_menu.actions()


def test_an_unclear_pickle_is_asked_about_in_the_dialog(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "strange.pt"
    torch.save({"thing": tmp_path}, path)
    dialog = drop(window, path)
    assert dialog.question is not None
    assert dialog.form.source.checkpoint == str(path)
    dialog.question.network.click()
    assert (dialog.form.source.network, dialog.form.source.checkpoint) == (str(path), "")
    dialog.question.weights.click()
    assert (dialog.form.source.network, dialog.form.source.checkpoint) == ("demo", str(path))
    dialog.form.checkpoint.set_text("")
    assert dialog.question is None
    dialog.reject()
    settled(qtbot, window)


def test_files_chosen_with_any_button_go_where_they_belong(
    qtbot: Any, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, weights, nets = (tmp_path / name for name in ("whole.pt", "weights.pt", "nets.py"))
    torch.save(tiny(), whole)
    torch.save(tiny().state_dict(), weights)
    nets.write_text(TWO_FACTORIES)
    window.commands["open"].trigger()
    form = window.dialog.form
    chosen = {"path": whole}
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(chosen["path"]), ""))
    form.checkpoint.button.click()
    assert (form.source.network, form.source.checkpoint) == (str(whole), "")
    chosen["path"] = weights
    form.network_row.button.click()
    assert (form.source.network, form.source.checkpoint) == (str(whole), str(weights))
    chosen["path"] = nets
    form.network_row.button.click()
    assert form.factory.count() == 2 and not window.dialog.open_button.isEnabled()
    chosen["path"] = tmp_path / "notes.txt"
    form.network_row.button.click()
    assert "ends in '.txt'" in window.dialog.error.text()
    assert form.source.network == str(nets)
    window.dialog.reject()
    settled(qtbot, window)


def test_file_dialogs_offer_every_ending_that_core_reads(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.networks import checkpoint_suffixes, file_suffixes

    asked: list[str] = []
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *words: (asked.append(words[3]), "")[::-1]
    )
    window.commands["open"].trigger()
    window.dialog.form.network_row.button.click()
    window.dialog.form.checkpoint.button.click()
    window.dialog.reject()
    assert all(f"*{suffix}" in asked[0] for suffix in file_suffixes())
    assert all(f"*{suffix}" in asked[1] for suffix in checkpoint_suffixes())


def test_a_link_that_is_dropped_is_refused_in_a_sentence(window: MainWindow) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/net.pt")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    assert "is no file on this machine. Download it" in window.dialogs.error.message


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made on Windows")
@pytest.mark.parametrize("is_link", [False, True])
def test_odd_names_and_links_open_from_the_window(
    qtbot: Any, window: MainWindow, tmp_path: Path, is_link: bool
) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    images = write_images(folder / f"{ODD} images.npz")
    path = folder / f" {ODD}.pt"
    torch.save(tiny(), path)
    if is_link:
        link = tmp_path / "link.pt"
        link.symlink_to(path)
        path = link
    dialog = drop(window, path, images)
    assert (dialog.form.source.network, dialog.form.source.data) == (str(path), str(images))
    accept(qtbot, window, dialog, runs_code=True)
    assert window.session.opened_config.network == str(path)
    assert Path(window.opening.recent.entries()[0].config.data) == images


def test_reading_a_large_file_tells_its_progress_and_hears_stop(
    qtbot: Any, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGE_BYTES", 2**20)
    monkeypatch.setattr(files, "CHUNK_BYTES", 2**12)
    path = tmp_path / "large.pt"
    with path.open("wb") as stream:
        stream.truncate(2**30)  # a quarter of a million pieces that take no room
    seen: list[Event] = []
    window.session.event_received.connect(seen.append)
    window.session.open(RunConfig(network=str(path)))
    qtbot.waitUntil(lambda: StageAdvanced(3) in seen, timeout=WAIT_MS)
    assert StageStarted("Reading large.pt", 2**18) in seen
    window.session.stop()
    settled(qtbot, window)
    assert StageAdvanced(2**18) not in seen
    assert window.session.state is SessionState.EMPTY and window.dialogs.error is None


def test_facts_of_a_file_are_shown_without_running_it(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "nets.py"
    path.write_text(f"raise SystemExit('it ran')\n{NETS}")
    dialog = drop(window, path)
    assert isinstance(dialog, OpenDialog)
    qtbot.waitUntil(lambda: bool(dialog.form.network_note.text()), timeout=WAIT_MS)
    assert dialog.form.network_note.text().startswith("It runs code when it is opened")
    dialog.form.network.setEditText("cifar_resnet20")
    dialog.form.look()
    assert dialog.form.network_note.text() == "Made for images of 3x32x32."
    assert dialog.form.input_shape.placeholderText() == "3x32x32, the network's"
    dialog.reject()
    settled(qtbot, window)
    assert window.dialogs.error is None


def test_a_broken_file_is_told_in_the_dialog_before_it_is_opened(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "nets.py").write_text("def make(:\n")
    dialog = drop(window, tmp_path / "nets.py")
    qtbot.waitUntil(lambda: bool(dialog.form.network_note.text()), timeout=WAIT_MS)
    assert "invalid syntax in line 1" in dialog.form.network_note.text()
    dialog.reject()
    settled(qtbot, window)
