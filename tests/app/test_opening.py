"""Every source opens from the dialog, by drag and drop and in the terminal; with real files."""

import dataclasses
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from app.__main__ import main
from app.main_window import MainWindow
from core.events import NetworkOpened, NoticeRaised
from core.networks import consent, network_names
from tests.app.opening_steps import WAIT_MS, accept, drop
from tests.app.source_files import EXTRAS, ROWS, Named, published_weights
from tests.app.windows import lasting_window, let_rest

BROKEN_OFF = 130  # there is no report

pytestmark = pytest.mark.usefixtures("own_consents")


@pytest.fixture(scope="module")
def one_window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        window.parts.settings.source.set_choices(network_names(), ("digits", "cifar10"))
        yield window


@pytest.fixture
def window(one_window: MainWindow) -> Iterator[MainWindow]:
    """One window in which a person opens one thing after another."""
    yield one_window
    let_rest(one_window)


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


def check_opened(window: MainWindow, named: Named, opened: NetworkOpened) -> None:
    config = window.session.opened_config
    assert config is not None
    assert opened.handle.network.class_count == named.classes
    assert opened.groups.channel_count > 0
    assert config.checkpoint == named.checkpoint
    assert window.opening.recent.entries()[0].config == config


def test_it_opens_from_the_dialog(qtbot: Any, window: MainWindow, named: Named) -> None:
    window.commands["open"].trigger()
    form = window.dialog.form
    form.network.setEditText(named.network)
    form.checkpoint.set_text(named.checkpoint)
    form.images.set_text(str(named.images))
    form.consent.setChecked(named.downloads)
    opened = accept(qtbot, window, window.dialog, runs_code=named.runs_code)
    check_opened(window, named, opened)


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
    opened = accept(qtbot, window, dialog, runs_code=named.runs_code)
    check_opened(window, named, opened)


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
    before = window.session.opened_config
    if way == "drop":
        dialog = drop(window, *named.dropped)
    else:
        window.commands["open"].trigger()
        dialog = window.dialog
    dialog.form.network.setEditText(named.network)
    dialog.form.images.set_text(str(named.images))
    dialog.open_button.click()
    qtbot.waitUntil(lambda: window.dialogs.error is not None, timeout=WAIT_MS)
    assert sentence in window.dialogs.error.message
    qtbot.waitUntil(lambda: window.session.is_quiet, timeout=WAIT_MS)
    assert window.session.opened_config is before


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made on Windows")
@pytest.mark.parametrize("is_link", [False, True])
def test_odd_names_and_links_open_in_the_terminal(
    tmp_path: Path, recorded: list[Any], capsys: pytest.CaptureFixture[str], is_link: bool
) -> None:
    folder = tmp_path / "odd 'name' \"é\"\nnew"
    folder.mkdir()
    named = ROWS["pickled module"](folder)
    path = Path(named.network).rename(folder / " a\nb .pt")
    if is_link:
        link = tmp_path / "link.pt"
        link.symlink_to(path)
        path = link
    words = words_for(dataclasses.replace(named, network=str(path)), tmp_path)
    assert main(words) == 2
    (question,) = capsys.readouterr().err.splitlines()[-1:]
    assert r"\nnew/ a\nb .pt runs code" in question
    assert main([*words, "--trust"]) == BROKEN_OFF
    assert recorded[0].network.class_count == named.classes
