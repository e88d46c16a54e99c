"""A sample of the catalogue through the terminal and through the window: one sentence each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QMessageBox

from app.__main__ import main
from app.main_window import MainWindow
from app.session_state import SessionState
from core.config import RunConfig
from core.networks import consent
from tests.app.opening_steps import WAIT_MS, asks
from tests.app.windows import lasting_window, let_rest
from tests.bad_input.case import CLASSES, SHAPE, Case, check_sentence
from tests.bad_input.checkpoints import CHECKPOINTS
from tests.bad_input.images import IMAGES
from tests.bad_input.networks import NETWORKS
from tests.bad_input.test_checkpoints import NETS

TO_MEND = 2  # the exit code
# From every corner of the catalogue, and what people meet most.
ALWAYS = {
    "recurrent", "quantised", "complex", "on the meta device", "sparse", "two of one name",
    "arguments", "a ring of links", "weights as the network",
}  # fmt: skip
CASES = [
    *(("network", case) for case in NETWORKS if case.name in ALWAYS),
    *(("network", case) for case in NETWORKS[5::9] if case.name not in ALWAYS),
    *(("checkpoint", case) for case in CHECKPOINTS[::9]),
    *(("data", case) for case in IMAGES[::9]),
]
IDS = [f"{kind} {case.name}" for kind, case in CASES]


@pytest.fixture(autouse=True)
def _own_consents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(consent, "consents_file", lambda: tmp_path / "config" / "trusted.json")


def write_images(folder: Path) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (20, *SHAPE[1:], 3), dtype=np.uint8)
    labels = np.arange(20) % CLASSES
    path = folder / "good.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return str(path)


def config_of(kind: str, case: Case, folder: Path) -> RunConfig:
    """Settings in which one thing is bad; the others are good."""
    (folder / "case").mkdir()
    (folder / "good.py").write_text(NETS)
    bad = case.make(folder / "case")
    values = {"network": f"{folder / 'good.py'}:make", "data": write_images(folder)}
    return RunConfig(**{**values, kind: bad}, input_shape="3x8x8")


@pytest.mark.parametrize(("kind", "case"), CASES, ids=IDS)
def test_the_terminal_says_it_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, case: Case
) -> None:
    config = config_of(kind, case, tmp_path)
    words = ["search", "--quiet", "--trust", "--out", str(tmp_path / "run")]
    words += ["--network", config.network, "--data", config.data, "--input-shape", "3x8x8"]
    words += ["--checkpoint", config.checkpoint] if config.checkpoint else []
    assert main(words) == TO_MEND
    (line,) = capsys.readouterr().err.splitlines()
    check_sentence(ValueError(line.removeprefix("espalier: ")), case.sentence)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def one_window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        yield window


@pytest.fixture
def window(one_window: MainWindow) -> Iterator[MainWindow]:
    """One window that is told everything bad after another, and goes on."""
    yield one_window
    let_rest(one_window)


@pytest.mark.parametrize(("kind", "case"), CASES[::2], ids=IDS[::2])
def test_the_window_says_it_and_goes_on(
    qtbot: Any, window: MainWindow, tmp_path: Path, kind: str, case: Case
) -> None:
    config = config_of(kind, case, tmp_path)
    window.session.open(config)
    qtbot.waitUntil(asks(window), timeout=WAIT_MS)
    if window.dialogs.error is None:  # it asks for consent first
        window.dialog.button(QMessageBox.StandardButton.Yes).click()
    qtbot.waitUntil(lambda: window.dialogs.error is not None, timeout=WAIT_MS)
    check_sentence(ValueError(window.dialogs.error.message), case.sentence)
    qtbot.waitUntil(lambda: window.session.is_quiet, timeout=WAIT_MS)
    assert window.session.state is SessionState.EMPTY
    assert window.commands["open"].isEnabled()
    assert window.opening.recent.entries() == ()
