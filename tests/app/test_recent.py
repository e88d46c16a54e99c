"""What was opened before: kept in order, eight at most, with missing files shown as such."""

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from app.recent import RECENT_MOST, RECENT_SETTING, Recent, RecentList, RecentMenu
from core.config import RunConfig, SearchConfig


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def recent(settings: QSettings) -> RecentList:
    return RecentList(settings)


def opened(recent: RecentList) -> list[str]:
    return [entry.config.network for entry in recent.entries()]


def test_nothing_was_opened_at_first(recent: RecentList) -> None:
    assert recent.entries() == ()


def test_the_last_one_stands_first_and_each_source_once(recent: RecentList) -> None:
    for name in ("demo", "resnet18", "demo"):
        recent.remember(RunConfig(network=name))
    assert opened(recent) == ["demo", "resnet18"]


def test_all_settings_come_back_as_they_were_when_it_was_opened_last(
    recent: RecentList, settings: QSettings
) -> None:
    recent.remember(RunConfig(search=SearchConfig(macs_budget=0.3)))
    config = RunConfig(
        network="/a 'b'\nc\"d\\é.py:make",
        checkpoint="published",
        data="x.npz",
        normalisation="half",
        input_shape="3x8x8",
        search=SearchConfig(macs_budget=0.25, seed=7),
    )
    recent.remember(config)
    settings.sync()
    again = RecentList(QSettings(settings.fileName(), QSettings.Format.IniFormat))
    assert again.entries()[0] == Recent(config)


def test_eight_are_kept(recent: RecentList) -> None:
    for number in range(12):
        recent.remember(RunConfig(network=f"net{number}"))
    assert opened(recent) == [f"net{number}" for number in range(11, 3, -1)]
    assert len(opened(recent)) == RECENT_MOST


def test_they_can_be_forgotten_one_by_one_and_all(recent: RecentList) -> None:
    for name in ("demo", "resnet18"):
        recent.remember(RunConfig(network=name))
    recent.forget(recent.entries()[0])
    assert opened(recent) == ["demo"]
    recent.clear()
    assert opened(recent) == []


@pytest.mark.parametrize("stored", ["", "{", "3", '["network = 3", "[x", "network = \\"demo\\""]'])
def test_a_damaged_memory_loses_only_what_is_damaged(
    recent: RecentList, settings: QSettings, stored: str
) -> None:
    settings.setValue(RECENT_SETTING, stored)
    assert opened(recent) == (["demo"] if "demo" in stored else [])
    recent.remember(RunConfig(network="resnet18"))
    assert opened(recent)[0] == "resnet18"


def test_files_that_are_gone_are_named(tmp_path: Path) -> None:
    network, images = tmp_path / "nets.py", tmp_path / "images.npz"
    entry = Recent(RunConfig(network=f"{network}:make", checkpoint="w.pt", data=str(images)))
    assert entry.missing == ("nets.py", "w.pt", "images.npz")
    network.touch()
    images.touch()
    assert entry.missing == ("w.pt",)
    assert Recent(RunConfig(network="timm:x", checkpoint="published", data="cifar10")).missing == ()


def test_titles_are_short_and_on_one_line(tmp_path: Path) -> None:
    entry = Recent(RunConfig(network=f"/{'x' * 300}\n.py:make", data="a\nb.npz"))
    assert "\n" not in entry.title and len(entry.title) < 110
    assert entry.title.endswith(r":make – a\nb.npz")


def test_the_menu_offers_them_marks_what_is_missing_and_can_be_cleared(
    qtbot: object, recent: RecentList
) -> None:
    chosen: list[Recent] = []
    menu = RecentMenu(recent, chosen.append)
    qtbot.addWidget(menu)  # type: ignore[attr-defined]
    assert [action.text() for action in menu.actions()] == ["Nothing was opened yet"]
    recent.remember(RunConfig(network="gone & away.pt2"))
    recent.remember(RunConfig())
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == [
        "&1  demo – digits",
        "&2  gone && away.pt2 – digits (missing: gone & away.pt2)",
        "&Clear",
    ]
    menu.actions()[0].trigger()
    assert chosen == [Recent(RunConfig())]
    menu.actions()[-1].trigger()
    menu.aboutToShow.emit()
    assert recent.entries() == () and not menu.actions()[0].isEnabled()
