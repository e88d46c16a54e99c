"""Every source opens from the dialog, by drag and drop and in the terminal; with real files."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from app.__main__ import main
from app.appearance import Appearance
from app.dialogs import OpenDialog
from app.main_window import MainWindow
from app.session import Session
from app.session_state import SessionState
from core.events import NoticeRaised
from core.networks import consent, network_names
from tests.app.source_files import EXTRAS, ROWS, Named, published_weights

WAIT_MS = 60_000
BROKEN_OFF = 130  # there is no report


@pytest.fixture(autouse=True)
def _own_consents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(consent, "consents_file", lambda: tmp_path / "config" / "trusted.json")


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(qtbot: Any, settings: QSettings) -> MainWindow:
    session = Session()
    window = MainWindow(session, Appearance(QApplication.instance(), settings, session), settings)
    session.setParent(window)

    def end_thread(window: MainWindow) -> None:
        window.errors.close()
        if not session.is_quiet:
            with qtbot.waitSignal(session.shut_down_finished, timeout=WAIT_MS):
                session.shut_down()

    qtbot.addWidget(window, before_close_func=end_thread)
    window.parts.settings.source.set_choices(network_names(), ("digits", "cifar10"))
    window.show()
    return window


@pytest.fixture(params=list(ROWS))
def row(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def named(row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Named:
    extra = EXTRAS.get(row, "torch")
    if importlib.util.find_spec(extra) is None:
        pytest.skip(f"the extra {extra} is not installed")
    named = ROWS[row](tmp_path)
    if named.downloads:
        from torchvision import models

        weights, hub = published_weights(tmp_path / "server")
        monkeypatch.setattr(models, "get_model_weights", lambda name: weights)
        monkeypatch.setattr(torch.hub, "get_dir", lambda: str(hub))
    return named


def drop(window: MainWindow, *paths: Path) -> OpenDialog | None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    return window.dialog if isinstance(window.dialog, OpenDialog) else None


def asks(window: MainWindow) -> Callable[[], bool]:
    return lambda: isinstance(window.dialog, QMessageBox) or window.errors.dialog is not None


def accept(qtbot: Any, window: MainWindow, dialog: OpenDialog, *, runs_code: bool = False) -> None:
    """Click Open, agree where code would run, and wait until it is open."""
    opened: list[object] = []
    window.session.event_received.connect(opened.append)
    dialog.open_button.click()
    if runs_code:
        qtbot.waitUntil(asks(window), timeout=WAIT_MS)
        assert window.errors.dialog is None, window.errors.dialog.message
        assert "SHA-256" in window.dialog.informativeText()
        window.dialog.button(QMessageBox.StandardButton.Yes).click()
    qtbot.waitUntil(lambda: is_at_rest(window), timeout=WAIT_MS)
    assert window.errors.dialog is None, window.errors.dialog.message


def is_at_rest(window: MainWindow) -> bool:
    if window.errors.dialog is not None:
        return True
    return window.session.state is SessionState.READY and window.session.is_quiet


def check_opened(window: MainWindow, named: Named) -> None:
    config = window.session.opened_config
    assert config is not None
    opened = window.session._handle
    assert opened.network.class_count == named.classes
    assert opened.analysis.groups.channel_count > 0
    assert config.checkpoint == named.checkpoint
    assert window.opening.recent.entries()[0].config == config


def test_it_opens_from_the_dialog(qtbot: Any, window: MainWindow, named: Named) -> None:
    window.commands["open"].trigger()
    form = window.dialog.form
    form.network.setEditText(named.network)
    form.checkpoint.set_text(named.checkpoint)
    form.images.set_text(str(named.images))
    form.consent.setChecked(named.downloads)
    accept(qtbot, window, window.dialog, runs_code=named.runs_code)
    check_opened(window, named)


def test_it_opens_by_drag_and_drop(qtbot: Any, window: MainWindow, named: Named) -> None:
    if not named.dropped:
        pytest.skip("the demo is a name only, and has its own button")
    dialog = drop(window, *named.dropped)
    assert dialog is not None
    form = dialog.form
    if not any(str(path) == form.source.network for path in named.dropped):
        form.network.setEditText(named.network)  # networks that only have a name
        form.checkpoint.set_text(named.checkpoint)
    if named.factory:
        form.look()
        assert not dialog.open_button.isEnabled()
        form.factory.setCurrentText(named.factory)
        form.factory.activated.emit(form.factory.currentIndex())
        form.look()
        assert dialog.open_button.isEnabled()
    form.consent.setChecked(named.downloads)
    assert form.source.data == str(named.images)
    accept(qtbot, window, dialog, runs_code=named.runs_code)
    check_opened(window, named)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the terminal would search; the search itself is not made."""
    from core.runs import flow

    seen: list[Any] = []

    def record_nothing(opened: Any, config: Any, folder: Path) -> Iterator[Any]:
        seen.append(opened)
        yield NoticeRaised("Opened, and no more is wanted.")

    monkeypatch.setattr(flow, "record_run", record_nothing)
    return seen


def words_for(named: Named, folder: Path) -> list[str]:
    words = ["search", "--network", named.network, "--data", str(named.images)]
    words += ["--checkpoint", named.checkpoint] if named.checkpoint else []
    words += ["--allow-download"] if named.downloads else []
    return [*words, "--out", str(folder / "run")]


def test_it_opens_in_the_terminal(
    named: Named, tmp_path: Path, recorded: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = words_for(named, tmp_path)
    if named.runs_code:
        assert main(words) == 2
        assert "--trust" in capsys.readouterr().err and not recorded
        words.append("--trust")
    assert main(words) == BROKEN_OFF
    assert "no more is wanted" in capsys.readouterr().err
    (opened,) = recorded
    assert opened.network.class_count == named.classes
    assert opened.analysis.groups.channel_count > 0
    assert not consent.granted()  # --trust is for this once


@pytest.mark.parametrize("row_name", EXTRAS)
@pytest.mark.parametrize("way", ["dialog", "drop", "terminal"])
def test_a_missing_extra_is_said_with_the_command_that_installs_it(
    qtbot: Any,
    window: MainWindow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recorded: list[Any],
    capsys: pytest.CaptureFixture[str],
    row_name: str,
    way: str,
) -> None:
    extra = EXTRAS[row_name]
    monkeypatch.setitem(sys.modules, extra, None)
    named = ROWS[row_name](tmp_path)
    sentence = f"Install it with pip install 'espalier[{extra}]'"
    if way == "terminal":
        assert main(words_for(named, tmp_path)) == 2
        assert sentence in capsys.readouterr().err
        return
    if way == "drop":
        dialog = drop(window, *named.dropped)
    else:
        window.commands["open"].trigger()
        dialog = window.dialog
    dialog.form.network.setEditText(named.network)
    dialog.form.images.set_text(str(named.images))
    dialog.open_button.click()
    qtbot.waitUntil(lambda: window.errors.dialog is not None, timeout=WAIT_MS)
    assert sentence in window.errors.dialog.message
    qtbot.waitUntil(lambda: window.session.is_quiet, timeout=WAIT_MS)
    assert window.session.opened_config is None
