"""The whole window: sample events and clicks go in, widgets are looked at. No torch, no sleeps."""

import threading
from pathlib import Path

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from app import jobs
from app.actions import ACTIONS
from app.appearance import Appearance
from app.command_line import parse, run_config
from app.dialogs import ExportDialog
from app.dialogs_open import OpenDialog
from app.main_window import MainWindow, _begin
from app.panels.docks import DOCKS
from app.selection import LoadedMask
from app.session import Session
from app.session_state import SessionState
from app.theme import DARK, LIGHT, apply_palette
from core.config import RunConfig, SearchConfig, load_run_config
from core.errors import ConsentNeeded, NetworkError
from core.events import ExportFinished, RecordingFailed, StageAdvanced, StageStarted, StopRequested
from tests.app import samples
from tests.app.finetune_samples import finetuning

NEVER = threading.Event()
WAIT_MS = 20_000  # for machines with other work; usually it is milliseconds


def open_tiny(config, *, allow_download):
    yield samples.network_opened()


def search_tiny(opened, config, runs_folder):
    yield from samples.search_events()
    yield samples.run_reported()


def search_for_ever(opened, config, runs_folder):
    try:
        yield samples.search_started()
        yield samples.best_changed()
        while True:
            NEVER.wait(0.001)
            yield StageAdvanced(0)
    except StopRequested:
        yield samples.search_finished(is_stopped=True)


@pytest.fixture
def fakes(monkeypatch):
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    monkeypatch.setattr(jobs, "search", search_tiny)
    return monkeypatch


@pytest.fixture
def settings(tmp_path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def make_window(qtbot, fakes, settings):
    """Make windows whose threads end before they do."""
    app = QApplication.instance()

    def end_thread(window: MainWindow) -> None:
        window.errors.close()
        if not window.session.is_quiet:
            with qtbot.waitSignal(window.session.shut_down_finished, timeout=WAIT_MS):
                window.session.shut_down()

    def make() -> MainWindow:
        session = Session()
        window = MainWindow(session, Appearance(app, settings, session), settings)
        session.setParent(window)
        qtbot.addWidget(window, before_close_func=end_thread)
        return window

    yield make
    if pg.getConfigOption("background") != LIGHT.surface:
        apply_palette(app, LIGHT)


@pytest.fixture
def window(make_window):
    window = make_window()
    window.show()
    return window


def reach(qtbot, window: MainWindow, state: SessionState):
    return qtbot.waitSignal(
        window.session.state_changed, timeout=WAIT_MS, check_params_cb=lambda new: new is state
    )


@pytest.fixture
def opened(qtbot, window):
    with reach(qtbot, window, SessionState.READY):
        window.session.open(RunConfig())
    return window


@pytest.fixture
def searched(qtbot, window):
    with reach(qtbot, window, SessionState.FINISHED):
        window.commands["demo"].trigger()
    return window


@pytest.fixture
def searching(qtbot, fakes, opened):
    fakes.setattr(jobs, "search", search_for_ever)
    with qtbot.waitSignals([opened.session.event_received] * 2):
        opened.commands["start"].trigger()
    return opened


def enabled(window: MainWindow) -> set[str]:
    return {name for name in ACTIONS if window.commands[name].isEnabled()}


def answer(window: MainWindow, button: QMessageBox.StandardButton) -> None:
    window.dialog.button(button).click()


def test_the_empty_window_invites_and_shows_no_docks(window):
    assert window.parts.welcome.isVisible()
    assert not window.parts.settings.isVisible()
    assert {"open", "demo", "quit"} <= enabled(window)
    assert not {"start", "stop", "pause", "export", "fit", "run_folder"} & enabled(window)


def test_the_window_says_when_it_is_painted(qtbot, make_window):
    window = make_window()
    with qtbot.waitSignal(window.first_painted):
        window.show()
    assert window.isVisible()


def test_opening_shows_the_network_and_the_docks(opened):
    assert not opened.parts.welcome.isVisible()
    assert opened.parts.graph.isVisible()
    assert opened.windowTitle() == "tiny – Espalier"
    assert {"start", "fit", "open"} <= enabled(opened)


def test_the_demo_is_opened_and_searched_at_once(searched):
    assert searched.session.opened_config == RunConfig()
    assert searched.parts.results.isVisible()
    assert {"export", "run_folder", "start"} <= enabled(searched)


def test_results_tell_what_the_report_says(searched):
    shown = {figure.title: (figure.value, figure.note) for figure in searched.parts.results.figures}
    assert shown == {
        "Test accuracy": ("96.1 %", "unpruned 98.2 %"),
        "MACs kept": ("49.8 %", "100 k → 49.8 k"),
        "Parameters": ("900", "before 2,000"),
        "Best criterion": ("94.2 %", "obs global"),
        "Same network": ("≤ 8·10⁻⁷", "greatest difference of the files"),
    }


def test_results_of_a_broken_off_run_show_dashes(window):
    nothing = dict.fromkeys(("hard_vs_soft", "reloaded", "onnx"))
    criteria = {"l1_uniform": {"accuracy": None, "macs_kept": 0.5}}
    baseline = samples.REPORT["baseline"] | {"accuracy": None}
    pruned = samples.REPORT["pruned"] | {"accuracy": None}
    event = samples.run_reported()
    report = samples.REPORT | {
        "baseline": baseline,
        "pruned": pruned,
        "criteria": criteria,
        "parity": nothing,
    }
    window.parts.results.show_event(type(event)(event.folder, report))
    values = [figure.value for figure in window.parts.results.figures]
    assert values == ["–", "49.8 %", "900", "–", "–"]


def test_a_running_search_locks_the_settings_and_offers_pause_and_stop(searching):
    assert not searching.parts.settings.budget.isEnabled()
    assert {"pause", "stop"} <= enabled(searching)
    assert not {"open", "start", "export", "load_settings"} & enabled(searching)


def test_pause_becomes_resume(searching):
    searching.commands["pause"].trigger()
    assert searching.session.state is SessionState.PAUSED
    assert searching.commands["pause"].iconText() == "Resume"
    searching.commands["pause"].trigger()
    assert searching.session.state is SessionState.SEARCHING


def test_a_stopped_search_can_be_exported(qtbot, searching):
    with reach(qtbot, searching, SessionState.FINISHED):
        searching.commands["stop"].trigger()
    assert "export" in enabled(searching)


def test_closing_during_a_run_asks_and_can_be_taken_back(searching):
    assert not searching.close()
    assert searching.dialog.text() == "A run is going on."
    answer(searching, QMessageBox.StandardButton.Cancel)
    assert searching.isVisible()
    assert searching.session.state is SessionState.SEARCHING


def test_closing_during_a_run_stops_it_and_then_closes(qtbot, searching):
    searching.close()
    with qtbot.waitSignal(searching.closed, timeout=WAIT_MS):
        answer(searching, QMessageBox.StandardButton.Discard)
        assert searching.session.state is SessionState.STOPPING
    assert not searching.isVisible()
    assert searching.session.is_quiet


def test_a_thread_that_hears_nothing_does_not_hold_the_window(qtbot, fakes, opened):
    may_end = threading.Event()

    def deaf(handle, config, runs_folder):
        yield samples.search_started()
        may_end.wait(10)
        yield samples.search_started()

    fakes.setattr(jobs, "search", deaf)
    with qtbot.waitSignal(opened.session.event_received):
        opened.commands["start"].trigger()
    opened.close()
    with qtbot.waitSignal(opened.closed, timeout=WAIT_MS):
        answer(opened, QMessageBox.StandardButton.Discard)
    assert not opened.isVisible()
    with qtbot.waitSignal(opened.session.shut_down_finished, timeout=WAIT_MS):
        may_end.set()


def test_an_idle_window_closes_at_once(opened):
    assert opened.close()


def test_a_failure_is_told_in_a_dialog_and_in_the_log(qtbot, fakes, window):
    def failing(config, *, allow_download):
        raise NetworkError("Cannot open 'x.pt': it is truncated. Choose another file.", "zip: EOF")
        yield

    fakes.setattr(jobs, "open_network", failing)
    with reach(qtbot, window, SessionState.EMPTY):
        window.session.open(RunConfig(checkpoint="x.pt"))
    dialog = window.errors.dialog
    assert dialog.problem.text() == "Cannot open 'x.pt': it is truncated."
    assert dialog.remedy.text() == "Choose another file."
    assert "truncated" in window.parts.log.view.toPlainText()
    assert "open" in enabled(window)


def test_the_details_of_an_error_unfold_and_can_be_copied(window):
    window.show_error("It broke. Mend it.", "line 1")
    dialog = window.errors.dialog
    assert not dialog.details.isVisible()
    dialog.unfold_button.click()
    assert dialog.details.isVisible()
    dialog.copy_button.click()
    assert QApplication.clipboard().text() == "It broke. Mend it.\n\nline 1"


def test_errors_come_one_after_another(window):
    window.show_error("First.")
    window.show_error("Second.")
    window.show_error("Second.")
    assert window.errors.dialog.message == "First."
    window.errors.dialog.accept()
    assert window.errors.dialog.message == "Second."
    window.errors.dialog.accept()
    assert window.errors.dialog is None


def test_a_failed_write_is_told_while_the_search_goes_on(window):
    window.session.event_received.emit(RecordingFailed("Cannot write into runs. Make room."))
    assert window.errors.dialog.message == "Cannot write into runs. Make room."


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
    assert "'notes.txt' ends in '.txt', which is no network" in window.errors.dialog.message


def test_a_file_that_runs_code_is_asked_about(window, tmp_path):
    asked = ConsentNeeded(tmp_path / "nets.py", "abc123", "it is a Python file")
    window.session.consent_needed.emit(asked)
    assert "it is a Python file" in window.dialog.text()
    assert "abc123" in window.dialog.informativeText()
    assert window.dialog.defaultButton().text() == "Cancel"
    answer(window, QMessageBox.StandardButton.Cancel)
    assert window.errors.dialog is None


def test_export_asks_for_folder_and_formats_and_says_what_was_written(
    qtbot, fakes, searched, tmp_path
):
    given = []

    def exporting(opened, keep, folder, formats, config):
        given.extend([keep, folder, formats])
        yield ExportFinished((str(folder / "pruned.onnx"),), {"onnx": 2e-7})

    fakes.setattr(jobs, "export", exporting)
    searched.commands["export"].trigger()
    dialog = searched.dialog
    assert isinstance(dialog, ExportDialog)
    dialog.folder.set_text(str(tmp_path))
    dialog.formats["pytorch"].setChecked(False)
    with reach(qtbot, searched, SessionState.FINISHED):
        dialog.export_button.click()
    assert given == [samples.BEST, tmp_path, ("onnx",)]
    assert "pruned.onnx" in searched.dialog.informativeText()
    assert "2·10⁻⁷" in searched.dialog.informativeText()
    searched.dialog.close()


def test_an_export_of_nothing_cannot_be_asked_for(searched):
    searched.commands["export"].trigger()
    for box in searched.dialog.formats.values():
        box.setChecked(False)
    assert not searched.dialog.export_button.isEnabled()
    searched.dialog.reject()


def test_settings_are_saved_and_loaded(monkeypatch, window, tmp_path):
    file = str(tmp_path / "mine.toml")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (file, ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (file, ""))
    config = RunConfig(search=SearchConfig(macs_budget=0.3, seed=5))
    window.parts.settings.set_config(config)
    window.commands["save_settings"].trigger()
    assert load_run_config(Path(file)) == config
    window.parts.settings.set_config(RunConfig())
    window.commands["load_settings"].trigger()
    assert window.parts.settings.config() == config


def test_settings_that_do_not_fit_are_refused_and_nothing_changes(monkeypatch, window, tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("[search]\nmacs_budget = 7.0\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    window.commands["load_settings"].trigger()
    assert "macs_budget" in window.errors.dialog.message
    assert window.parts.settings.config() == RunConfig()


def test_settings_that_cannot_be_written_are_told(monkeypatch, window, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path), ""))
    window.commands["save_settings"].trigger()
    assert "Cannot write settings" in window.errors.dialog.message


def test_the_graph_is_written_as_a_picture(monkeypatch, opened, tmp_path):
    file = tmp_path / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    opened.commands["picture"].trigger()
    assert "<svg" in file.read_text(encoding="utf-8")


def test_a_picture_that_cannot_be_written_is_told(monkeypatch, opened, tmp_path):
    file = tmp_path / "missing" / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    opened.parts.graph.picture_requested.emit()
    assert "Cannot write" in opened.errors.dialog.message


def test_layers_are_found_and_the_graph_is_turned_from_the_menu(opened):
    opened.commands["find"].trigger()
    assert opened.parts.graph.find.isVisible()
    opened.commands["turn"].trigger()
    assert opened.parts.graph.is_vertical
    opened.commands["turn"].trigger()
    assert not opened.parts.graph.is_vertical


def test_a_layer_chosen_in_the_graph_is_inspected(qtbot, opened):
    opened.parts.graph.select_layer("stem")
    opened.parts.docked["inspector"].redraw_now()
    assert opened.parts.docked["inspector"].name.text() == "stem"
    qtbot.waitUntil(lambda: opened.parts.docked["inspector"].isVisible())


def test_a_link_in_the_inspector_selects_in_the_graph(qtbot, opened):
    opened.parts.graph.select_layer("stem")
    opened.parts.docked["inspector"].coupled.linkActivated.emit("block.back")
    assert opened.parts.graph.scene.selected == "block.back"
    assert opened.selection.layer == "block.back"


def test_a_loaded_mask_is_shown_by_graph_and_layer_and_taken_back(searched):
    graph, inspector = searched.parts.graph, searched.parts.docked["inspector"]
    searched.selection.select_layer("block.inner")
    keep = samples.ALL.copy()
    keep[4] = False
    mask = LoadedMask("evaluation 7", keep, 0.9, 0.95, is_chosen=True)
    searched.selection.choose_mask(mask)
    inspector.redraw_now()
    assert graph.caption.text() == (
        "tiny · Loaded mask: evaluation 7 · 90.0 % of MACs · 95.0 % accuracy"
    )
    assert graph.choice.currentText() == "Loaded mask"
    assert inspector.kept.text() == "7 of 8 channels kept"
    assert inspector.mask_source.text().startswith("Above: loaded mask, evaluation 7.")
    graph.choice.setCurrentIndex(graph.choice.findData("best"))
    graph.choice.activated.emit(graph.choice.currentIndex())
    assert not searched.selection.mask.is_chosen
    graph.choice.setCurrentIndex(graph.choice.findData("loaded"))
    graph.choice.activated.emit(graph.choice.currentIndex())
    assert searched.selection.mask is mask


def test_docks_float_close_and_come_back_and_the_layout_is_reset(qtbot, opened):
    docks = opened.parts.docks
    docks.docks["trajectory"].setFloating(True)
    docks.docks["log"].close_button.click()
    qtbot.waitUntil(lambda: not docks.actions["log"].isChecked())
    docks.actions["log"].trigger()
    assert docks.docks["log"].isVisible()
    docks.docks["log"].close()
    opened.commands["reset_layout"].trigger()
    assert not docks.docks["trajectory"].isFloating()
    assert not docks.docks["log"].isHidden()
    qtbot.waitUntil(lambda: docks.actions["log"].isChecked())


def test_every_dock_has_an_entry_with_a_shortcut_that_brings_it_forward(qtbot, opened):
    actions = opened.parts.docks.actions
    assert set(actions) == set(DOCKS)
    keys = [action.shortcut().toString() for action in actions.values()]
    assert all(keys) and len(set(keys)) == len(keys)
    for name, action in actions.items():
        action.trigger()
        assert opened.parts.docked[name].isVisible()


def test_the_theme_is_changed_and_remembered(window, settings):
    window.commands["theme_dark"].trigger()
    assert window.appearance.palette is DARK
    assert settings.value("theme") == "dark"
    again = Appearance(QApplication.instance(), settings, window)
    assert again.palette is DARK


def test_the_layout_is_remembered(qtbot, opened, make_window):
    opened.parts.docks.docks["log"].hide()
    assert opened.close()
    window = make_window()
    with qtbot.waitSignal(window.session.state_changed):
        window.session.open(RunConfig())
    assert window.parts.docks.docks["log"].isHidden()
    assert not window.parts.docks.docks["settings"].isHidden()


def list_nothing():
    yield StageStarted("Preparing")
    return jobs.Choices()


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["--demo"], SessionState.READY),
        (["--network", "tiny", "--start"], SessionState.FINISHED),
    ],
)
def test_the_command_line_opens_and_starts(qtbot, fakes, window, words, state):
    fakes.setattr(jobs, "list_choices", list_nothing)
    with reach(qtbot, window, state):
        _begin(window, parse(words))
    assert window.parts.settings.config() == run_config(parse(words))


def test_without_words_the_window_only_prepares(qtbot, fakes, window):
    fakes.setattr(jobs, "list_choices", list_nothing)
    with qtbot.waitSignal(window.session.choices_listed):
        _begin(window, parse([]))
    assert window.session.state is SessionState.EMPTY


def test_runs_are_recorded_where_the_person_says(qtbot, fakes, opened, tmp_path):
    given = []

    def searching(handle, config, runs_folder):
        given.append(runs_folder)
        yield samples.search_started()

    fakes.setattr(jobs, "search", searching)
    opened.parts.settings.set_runs_folder(str(tmp_path))
    with reach(qtbot, opened, SessionState.READY):
        opened.commands["start"].trigger()
    assert given == [tmp_path]


def test_every_action_explains_itself_and_shortcuts_are_unique(window):
    tips = [window.commands[name].toolTip() for name in ACTIONS]
    assert all(len(tip.split()) > 1 for tip in tips)
    shortcuts = [words.shortcut for words in ACTIONS.values() if words.shortcut]
    assert len(shortcuts) == len(set(shortcuts))


def test_progress_and_the_best_mask_stand_in_the_status_bar(qtbot, searched):
    status = searched.parts.status
    qtbot.waitUntil(lambda: status.best.text() != "", timeout=2000)
    assert status.stage.text() == "Search finished"
    assert status.best.text() == "Best: 96.0 % accuracy at 49.8 % of the MACs"


def test_the_log_tells_the_run(searched):
    text = searched.parts.log.view.toPlainText()
    for words in (
        "Opened tiny with digits",
        "Criterion l1_uniform",
        "Best so far, evaluation 1",
        "Finished after 4 evaluations",
        "The run is in runs/tiny",
    ):
        assert words in text


def test_pins_go_into_the_search_and_into_saved_settings(qtbot, monkeypatch, opened, tmp_path):
    started = []
    monkeypatch.setattr(opened.session, "start", lambda config, **_: started.append(config))
    opened.pins.pin("block.inner", [4, 5], 1)
    opened.commands["start"].trigger()
    assert started[0].search.pinned_keep == ("block.inner:0-1",)
    opened.pins.undo_stack.undo()
    opened.commands["start"].trigger()
    assert started[1].search.pinned_keep == ()


def test_pins_of_another_network_are_refused(opened, monkeypatch, tmp_path):
    file = tmp_path / "pinned.toml"
    file.write_text('network = "other"\n[search]\npinned_keep = ["conv:0"]\n', encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    opened.commands["load_settings"].trigger()
    assert "pin channels of other" in opened.errors.dialog.message


def test_the_mask_on_the_screen_is_exported_and_named(qtbot, fakes, searched, tmp_path):
    given = []

    def exporting(opened, keep, folder, formats, config):
        given.append(keep)
        yield ExportFinished((), {})

    fakes.setattr(jobs, "export", exporting)
    mask = LoadedMask("evaluation 7", samples.ALL, 0.9, 0.95, is_chosen=True)
    searched.selection.choose_mask(mask)
    searched.commands["export"].trigger()
    dialog = searched.dialog
    assert dialog.what.text() == "Evaluation 7: 90.0 % of the MACs, 95.0 % accuracy"
    dialog.folder.set_text(str(tmp_path))
    with reach(qtbot, searched, SessionState.FINISHED):
        dialog.export_button.click()
    assert given[0] is samples.ALL
    searched.dialog.close()


def test_a_panel_is_saved_under_the_runs_name(monkeypatch, searched, tmp_path):
    asked = []

    def answer(*arguments):
        asked.append(Path(arguments[2]).name)
        return str(tmp_path / "layer.csv"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    searched.selection.select_layer("block.inner")
    menu = searched.panel_deeds.menu("inspector")
    entries = {action.text(): action for action in menu.actions()}
    entries["Save as CSV…"].trigger()
    assert asked == ["tiny_inspector.csv"]
    rows = (tmp_path / "layer.csv").read_text(encoding="utf-8").splitlines()
    assert rows[:2] == ["channel,is_kept,is_kept_by_l1,is_removable", "0,1,1,1"]
    menu.close()


def test_the_panel_in_use_is_the_one_that_had_the_keys(searched):
    searched.parts.docks.show_panel("settings")
    assert searched.panel_deeds.in_use is searched.parts.settings
    searched.parts.graph.view.setFocus()
    assert searched.panel_deeds.in_use is searched.parts.graph
    searched.commands["copy_table"].trigger()
    assert QApplication.clipboard().text().startswith("layer\tkind")


def test_fine_tuning_starts_from_its_panel_and_export_says_so(qtbot, fakes, searched):
    given = []

    def training(opened, masks, config, folder):
        given.append(config.finetune.epochs)
        yield from finetuning("learned")

    fakes.setattr(jobs, "finetune", training)
    panel = searched.parts.finetune
    panel.form.epochs.setValue(3)
    with reach(qtbot, searched, SessionState.FINISHED):
        panel.form.button.click()
    assert given == [3]
    assert (searched.parts.results.figures[-1].title, searched.parts.results.figures[-1].value) == (
        "Fine-tuned",
        "85.9 %",
    )
    searched.commands["export"].trigger()
    assert "Fine-tuned weights" in searched.dialog.what.text()
    searched.dialog.reject()


def test_fine_tuning_settings_are_loaded_and_saved(monkeypatch, window, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[finetune]\nepochs = 5\nseed = 3\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(path), ""))
    window.commands["load_settings"].trigger()
    assert window.parts.finetune.config().epochs == 5
    window.parts.finetune.form.epochs.setValue(6)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(path), ""))
    window.commands["save_settings"].trigger()
    saved = load_run_config(path).finetune
    assert (saved.epochs, saved.seed) == (6, 3)


def test_an_error_waits_until_the_dialog_is_closed(window):
    window.commands["open"].trigger()
    window.show_error("It broke meanwhile.")
    assert window.errors.dialog is None
    window.dialog.reject()
    assert window.errors.dialog.message == "It broke meanwhile."


def test_a_dialog_takes_the_place_of_the_one_before(window):
    window.commands["shortcuts"].trigger()
    first = window.dialog
    window.commands["about"].trigger()
    assert not first.isVisible()
    assert window.dialog.isVisible()
    window.dialog.reject()


def test_the_last_folder_of_settings_is_remembered(monkeypatch, window, tmp_path):
    asked = []

    def answer(*arguments):
        asked.append(arguments[2])
        return str(tmp_path / "mine.toml"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    window.commands["save_settings"].trigger()
    window.commands["load_settings"].trigger()
    window.commands["save_settings"].trigger()
    assert asked[1] == str(tmp_path)
    assert asked[2] == str(tmp_path / "espalier.toml")
