"""The window's saved settings, a run's config.toml and --config are one file."""

from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QFileDialog

from app.command_line import parse, run_config
from app.deeds import Deeds
from core.config import PPOConfig, RunConfig, SearchConfig, load_run_config
from core.runs.recording import RunRecorder
from tests.core.export.opened import open_tiny

SEARCH = SearchConfig(
    macs_budget=0.3,
    seed=5,
    evaluations=7,
    pinned_keep=("stem:0-2",),
    streams="prune",
    ppo=PPOConfig(epochs=2),
)


class _Window:
    """As much of a window as saving needs."""

    def show_error(self, sentence: str, details: str = "") -> None:
        raise AssertionError(sentence)


def test_saved_settings_search_in_the_terminal_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images.npz").touch()
    config = RunConfig(network="tiny", data="images.npz", search=SEARCH)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("mine.toml", ""))
    deeds = Deeds.__new__(Deeds)
    deeds._window = _Window()
    deeds._settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    monkeypatch.setattr(Deeds, "_config", lambda self: config)
    monkeypatch.setattr(Deeds, "tr", lambda self, text: text)
    deeds._on_save_settings()
    saved = Path("mine.toml").absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    read = run_config(parse(["search", "--config", str(saved)]))
    assert read.search == SEARCH
    assert read.data == str(tmp_path / "images.npz")
    recorder = RunRecorder(open_tiny(), read, tmp_path)
    recorder.settle()
    recorder.close()
    assert (tmp_path / "config.toml").read_text() == saved.read_text()
    assert load_run_config(tmp_path / "config.toml") == read
