"""What actions write and read: exports, settings, pictures; what they remember."""

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from app import jobs
from app.dialogs import ExportDialog
from app.selection import LoadedMask
from app.session_state import SessionState
from core.config import RunConfig, SearchConfig, load_run_config
from core.errors import ExportError
from core.events import ExportFinished
from tests.app import samples
from tests.app.finetune_samples import finetuning
from tests.app.window_steps import reach


def test_export_asks_for_folder_and_formats_and_says_what_was_written(
    qtbot, fakes, searched, tmp_path
):
    given = []

    def exporting(opened, keep, folder, formats, config, run_folder):
        given.extend([keep, folder, formats, config.export_half, run_folder])
        yield ExportFinished((str(folder / "pruned.onnx"),), {"onnx": 2e-7})

    fakes.setattr(jobs, "export", exporting)
    searched.commands["export"].trigger()
    dialog = searched.dialog
    assert isinstance(dialog, ExportDialog)
    dialog.folder.set_text(str(tmp_path))
    dialog.formats["pytorch"].setChecked(False)
    assert not dialog.half.isChecked()
    dialog.half.setChecked(True)
    with reach(qtbot, searched, SessionState.FINISHED):
        dialog.export_button.click()
    assert given == [samples.BEST, tmp_path, ("onnx",), True, searched.session.run_folder]
    assert "pruned.onnx" in searched.dialog.informativeText()
    assert "2·10⁻⁷" in searched.dialog.informativeText()
    assert searched.parts.status.stage.text() == "Export finished"
    searched.dialog.close()


def test_an_export_of_nothing_cannot_be_asked_for(searched):
    searched.commands["export"].trigger()
    for box in searched.dialog.formats.values():
        box.setChecked(False)
    assert not searched.dialog.export_button.isEnabled()
    searched.dialog.reject()


def test_float16_is_there_with_onnx_only_and_as_the_search_wanted_it(searched):
    work = searched.session._work
    work.search_config = dataclasses.replace(work.search_config, export_half=True)
    searched.commands["export"].trigger()
    dialog = searched.dialog
    assert dialog.is_half_chosen
    dialog.formats["onnx"].setChecked(False)
    assert not dialog.half.isEnabled()
    assert not dialog.is_half_chosen
    dialog.formats["onnx"].setChecked(True)
    assert dialog.is_half_chosen
    dialog.reject()


def test_the_mask_on_the_screen_is_exported_and_named(qtbot, fakes, searched, tmp_path):
    given = []

    def exporting(opened, keep, folder, formats, config, run_folder):
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


def test_fine_tuning_starts_from_its_panel_and_export_says_so(qtbot, fakes, searched):
    given = []

    def training(opened, masks, config, folder, *, resume):
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
    assert searched.parts.status.stage.text() == "Fine-tuning finished"
    exported = []

    def exporting(opened, finetuned, folder, formats, config):
        exported.append((finetuned.name, config.export_half))
        yield ExportFinished((), {})

    fakes.setattr(jobs, "export_finetuned", exporting)
    searched.commands["export"].trigger()
    assert "Fine-tuned weights" in searched.dialog.what.text()
    searched.dialog.half.setChecked(True)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.dialog.export_button.click()
    assert exported == [("learned", True)]
    searched.dialog.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (QMessageBox.StandardButton.Yes, [True]),
        (QMessageBox.StandardButton.No, [False]),
        (QMessageBox.StandardButton.Cancel, []),
    ],
)
def test_a_fine_tuning_that_was_broken_off_goes_on_if_that_is_wanted(
    qtbot, fakes, searched, answer, expected
):
    given, asked = [], []

    def training(opened, masks, config, folder, *, resume):
        given.append(resume)
        yield from finetuning("learned")

    fakes.setattr(jobs, "finetune", training)
    fakes.setattr("app.deeds.has_broken_off_finetuning", lambda folder: not asked.append(folder))
    searched.parts.finetune.form.button.click()
    assert asked == [Path("runs/tiny")]
    assert searched.dialog.text() == "A fine-tuning of this run was broken off."
    if expected:
        with reach(qtbot, searched, SessionState.FINISHED):
            searched.dialog.button(answer).click()
    else:
        searched.dialog.button(answer).click()
    assert given == expected


def test_after_a_failed_export_a_search_does_not_say_that_the_network_is_there(
    qtbot, fakes, searched, tmp_path
):
    def failing(opened, keep, folder, formats, config, run_folder):
        raise ExportError("Cannot write there. Choose another folder.")
        yield

    def going_on(opened, folder):
        yield from samples.search_events()
        yield ExportFinished(("runs/tiny/pruned.onnx",), {"onnx": 2e-7})
        yield samples.run_reported()

    fakes.setattr(jobs, "export", failing)
    fakes.setattr(jobs, "resume", going_on)
    searched.commands["export"].trigger()
    searched.dialog.folder.set_text(str(tmp_path))
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.dialog.export_button.click()
    assert searched.parts.status.stage.text() == "Search finished"
    searched.dialogs.error.accept()
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.session.resume_run(tmp_path)
    assert not [box for box in searched.findChildren(QMessageBox) if box.isVisible()]
    assert searched.parts.status.stage.text() == "Search finished"


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
    assert "macs_budget" in window.dialogs.error.message
    assert window.parts.settings.config() == RunConfig()


def test_settings_that_cannot_be_written_are_told(monkeypatch, window, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path), ""))
    window.commands["save_settings"].trigger()
    assert "Cannot write settings" in window.dialogs.error.message


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


def test_pins_go_into_the_search_and_into_saved_settings(qtbot, monkeypatch, opened, tmp_path):
    started = []
    monkeypatch.setattr(opened.session, "start", lambda config, **_: started.append(config))
    opened.pins.pin("block.inner", [4, 5], 1)
    opened.commands["start"].trigger()
    assert started[0].search.pinned_keep == ("block.inner:0-1",)
    opened.pins.undo_stack.undo()
    opened.commands["start"].trigger()
    assert started[1].search.pinned_keep == ()


def test_pins_of_another_network_wait_in_the_settings(opened, monkeypatch, tmp_path):
    file = tmp_path / "pinned.toml"
    file.write_text('network = "other"\n[search]\npinned_keep = ["conv:0"]\n', encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    opened.commands["load_settings"].trigger()
    assert opened.parts.settings.pin_lines == (("conv:0",), ())
    assert not opened.pins.pinned.any()


def test_the_graph_is_written_as_a_picture(monkeypatch, opened, tmp_path):
    file = tmp_path / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    opened.commands["picture"].trigger()
    assert "<svg" in file.read_text(encoding="utf-8")


def test_a_picture_that_cannot_be_written_is_told(monkeypatch, opened, tmp_path):
    file = tmp_path / "missing" / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    opened.parts.graph.picture_requested.emit()
    assert "Cannot write" in opened.dialogs.error.message


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
