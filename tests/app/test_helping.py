"""Help: any action by a few letters, the guide, the sheet of shortcuts; and what menus promise."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea

from app.action_table import ACTIONS
from app.guide import Guide, guide_pages
from app.main_window import MainWindow
from app.menu_entries import keys_text, menu_actions, plain_text
from app.panels.docks import DOCKS
from app.panels.explanations import explanations_by_table
from core.presets import PRESETS, preset_values
from tests.app.windows import lasting_window, let_rest, open_tiny


@pytest.fixture(scope="module")
def one_window(qapp, tmp_path_factory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        yield window


@pytest.fixture(scope="module")
def one_opened(qapp, tmp_path_factory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("opened")) as window:
        open_tiny(window)
        yield window


@pytest.fixture
def window(one_window) -> Iterator[MainWindow]:
    yield one_window
    let_rest(one_window)


@pytest.fixture
def opened(one_opened) -> Iterator[MainWindow]:
    yield one_opened
    one_opened.pins.undo_stack.clear()
    let_rest(one_opened)


def test_every_action_has_an_entry_keys_and_a_sentence(window):
    listed = {action.objectName(): action for _, action in menu_actions(window.menuBar())}
    assert set(ACTIONS) | {f"panel_{name}" for name in DOCKS} <= set(listed)
    for name in (*ACTIONS, *(f"panel_{name}" for name in DOCKS)):
        assert keys_text(listed[name]), f"{name} has no shortcut"
        assert len(listed[name].toolTip().split()) >= 3, f"{name} has no sentence"


def test_no_two_actions_have_the_same_keys(window):
    keys = [keys_text(action) for _, action in menu_actions(window.menuBar())]
    written = [key for key in keys if key]
    assert len(set(written)) == len(written)


def test_mnemonics_of_a_menu_differ(window):
    for top in window.menuBar().actions():
        letters = [
            entry.text().lower().split("&")[1][0]
            for entry in top.menu().actions()
            if "&" in entry.text()
        ]
        assert len(set(letters)) == len(letters), f"{plain_text(top)}: {letters}"


def test_any_action_is_found_and_done(qtbot, opened):
    opened.commands["any_action"].trigger()
    finder = opened.dialog
    qtbot.keyClicks(finder.line, "pan log")
    assert finder.titles[0] == "Log"
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    assert not finder.isVisible()
    qtbot.waitUntil(lambda: opened.parts.docks.docks["log"].is_in_front)


def test_what_cannot_be_done_now_says_why_and_does_nothing(qtbot, window):
    window.commands["any_action"].trigger()
    finder = window.dialog
    qtbot.keyClicks(finder.line, "export")
    assert finder.titles[0] == "Export the pruned network…"
    assert finder.list.model().index(0, 1).data() == "Search first."
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    assert finder.isVisible()
    finder.reject()


def test_arrows_walk_the_list_while_typing_goes_on(qtbot, opened):
    opened.commands["any_action"].trigger()
    finder = opened.dialog
    qtbot.keyClick(finder.line, Qt.Key.Key_Down)
    assert finder.list.currentIndex().row() == 1
    qtbot.keyClicks(finder.line, "guide")
    assert finder.list.currentIndex().row() == 0
    finder.reject()


def test_undo_says_that_there_is_nothing_to_undo(opened):
    undo = opened.commands["undo"]
    assert not undo.isEnabled()
    assert opened.commands.why_not(undo) == "No pin was changed."


def test_a_pin_is_undone_and_redone_from_the_menu(opened):
    opened.pins.pin("block.inner", [4], 1)
    opened.commands["undo"].trigger()
    assert not opened.pins.pinned.any()
    opened.commands["redo"].trigger()
    assert opened.pins.pinned[4] == 1


def test_the_guide_stays_beside_the_window_and_is_there_once(window):
    window.commands["guide"].trigger()
    window.commands["guide"].trigger()
    (guide,) = window.findChildren(Guide)
    assert not guide.isModal()
    assert guide.page.toPlainText().startswith("First steps")
    guide.contents.setCurrentRow(guide.contents.count() - 1)
    assert "Ctrl+K" in guide.page.toPlainText()
    guide.close()


def test_the_guide_says_what_mixed_images_are_and_which_presets_have_none(window):
    pages = guide_pages(menu_actions(window.menuBar()))
    tuning = " ".join(pages["Reading the panels"].split("## Fine-tune\n")[1].split())
    assert "*Mixed images* is the share of each batch" in tuning
    assert "*Frozen weights* and *Paper* mix none" in tuning
    assert [name for name in PRESETS if not preset_values(name)["finetune.cutmix"]] == [
        "frozen",
        "paper",
    ]


def test_the_guide_tells_of_every_panel_and_every_setting(window):
    pages = guide_pages(menu_actions(window.menuBar()))
    titles = [panel.title() for panel in window.parts.docked.values()]
    assert [title for title in titles if f"## {title}\n" not in pages["Reading the panels"]] == []
    for words in all_explanations():
        assert f"**{words.label}** (`{words.name}`)" in pages["Settings"]


def all_explanations():
    return [words for table in explanations_by_table().values() for words in table]


def test_every_setting_says_its_default_and_where_it_comes_from():
    for words in all_explanations():
        assert "Default: " in words.sentence, words.label
        assert "Source: " in words.sentence, words.label


def test_the_sheet_shows_all_keys(window):
    window.commands["shortcuts"].trigger()
    sheet = window.dialog
    assert ("Ctrl+K", "Find any action…") in sheet.groups["Help"]
    assert next(iter(sheet.groups)) == "File"
    sheet.close()


def test_the_sheet_scrolls_by_the_keys(qtbot, window):
    window.commands["shortcuts"].trigger()
    window.dialog.resize(780, 300)
    area = window.dialog.findChild(QScrollArea)
    assert area.focusPolicy() & Qt.FocusPolicy.TabFocus
    qtbot.keyClick(area, Qt.Key.Key_PageDown)
    assert area.verticalScrollBar().value() > 0
    window.dialog.close()
