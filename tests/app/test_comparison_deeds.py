"""Comparing methods in the window: the form, the job, and a comparison opened again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog

from app.comparison_dialog import ComparisonDialog
from app.main_window import MainWindow
from app.session_state import SessionState
from core.config import SearchConfig
from core.errors import ConfigError
from core.pruning.baselines import ALLOCATIONS
from core.runs.comparing import USUAL_METHODS
from core.runs.comparison_flow import compared_names
from tests.app.comparison_samples import compared
from tests.app.windows import lasting_window, let_rest, open_tiny


@pytest.fixture(scope="module")
def one_window(qapp, tmp_path_factory) -> Iterator[MainWindow]:
    with lasting_window(tmp_path_factory.mktemp("window")) as window:
        open_tiny(window)
        yield window


@pytest.fixture
def window(one_window) -> Iterator[MainWindow]:
    one_window.parts.docks.docks["methods"].close()
    yield one_window
    let_rest(one_window)


def test_the_form_counts_the_runs(qtbot, window):
    assert set(USUAL_METHODS) <= set(compared_names())
    dialog = ComparisonDialog(compared_names(), SearchConfig(), Path("somewhere"), window)
    qtbot.addWidget(dialog)
    assert dialog.chosen_methods == tuple(
        name for name in compared_names() if name in USUAL_METHODS
    )
    assert dialog.told.text().startswith(f"{5 * len(USUAL_METHODS)} runs")
    dialog.seeds.setValue(2)
    assert "fewer than three seeds" in dialog.told.text()
    for box in dialog.methods.values():
        box.setChecked(False)
    assert not dialog.compare_button.isEnabled()
    dialog.methods["l1"].setChecked(True)
    dialog.folder.set_text("")
    assert not dialog.compare_button.isEnabled()


def test_criteria_are_compared_with_each_allocation_that_is_ticked(qtbot, window):
    names = compared_names()
    dialog = ComparisonDialog(names, SearchConfig(), Path("somewhere"), window, tuple(ALLOCATIONS))
    qtbot.addWidget(dialog)
    assert "l2_global" not in dialog.methods and "random_uniform" in dialog.methods
    for name, box in dialog.methods.items():
        box.setChecked(name in ("random", "bn_scale", "l1"))
    assert dialog.chosen_methods == ("random", "l1", "bn_scale")
    dialog.best.setChecked(False)
    assert dialog.chosen_methods == ("random", "l1", "bn_scale")  # none is no choice
    dialog.allocations["layer_normalised"].setChecked(True)
    dialog.allocations["uniform"].setChecked(True)
    assert dialog.chosen_methods == (
        "random",
        *("l1_uniform", "l1_layer_normalised"),
        *("bn_scale_uniform", "bn_scale_layer_normalised"),
    )
    for box in (dialog.best, *dialog.allocations.values(), *dialog.methods.values()):
        box.setChecked(True)
    assert set(dialog.chosen_methods) == set(names)


def test_the_form_says_at_which_budgets_it_compares(qtbot, window):
    search = SearchConfig(macs_budget=0.3, params_budget=0.4)
    dialog = ComparisonDialog(("agent",), search, Path("somewhere"), window)
    qtbot.addWidget(dialog)
    assert dialog.budget.text() == "30.0 % of the MACs, 40.0 % of the parameters"


def test_a_budget_out_of_reach_is_said_below_it_and_nothing_is_compared(window, monkeypatch):
    checked = []
    monkeypatch.setattr(window.session, "has_open", lambda config: True)
    monkeypatch.setattr(window.session, "check_budgets", checked.append)
    window.commands["compare_methods"].trigger()
    dialog = window.dialog
    assert checked[0].search.macs_budget == window.parts.settings.budget.value()
    assert dialog.compare_button.isEnabled()
    window.session.budgets_checked.emit("Choose a budget of 5.6 % or more.")
    assert dialog.refusal.isVisible()
    QApplication.processEvents()
    assert all(box.height() >= box.sizeHint().height() for box in dialog.methods.values())
    assert dialog.refusal.text() == "Choose a budget of 5.6 % or more."
    dialog.seeds.setValue(3)
    assert not dialog.compare_button.isEnabled()
    window.session.budgets_checked.emit("")
    assert dialog.compare_button.isEnabled()
    assert not dialog.refusal.isVisible()


def test_what_is_chosen_is_run_as_one_job(window, monkeypatch):
    asked = []
    monkeypatch.setattr(window.session, "has_open", lambda config: True)
    monkeypatch.setattr(window.session, "run_in_front", lambda *words: asked.append(words))
    window.commands["compare_methods"].trigger()
    dialog = window.dialog
    assert isinstance(dialog, ComparisonDialog)
    dialog.evaluations.setValue(32)
    dialog.epochs.setValue(3)
    dialog.accept()
    [(state, job)] = asked
    assert state is SessionState.SEARCHING
    assert job.keywords["counts"] == (5, 3)
    assert job.keywords["config"].search.evaluations == 32
    assert job.keywords["folder"].name.endswith("-compared")
    assert window.parts.docked["methods"].isVisible()


def test_another_network_must_be_opened_first(window, monkeypatch):
    said = []
    monkeypatch.setattr(window.session, "has_open", lambda config: False)
    monkeypatch.setattr(window, "show_error", lambda *words: said.append(words[0]))
    window.commands["compare_methods"].trigger()
    assert "Open them first." in said[0]
    assert not window.findChildren(ComparisonDialog)  # nothing is asked in vain


def test_fine_tuning_that_does_not_fit_is_told_before_anything_is_asked(window, monkeypatch):
    def refused():
        raise ConfigError("Setting 'epochs' must be a number.")

    said = []
    monkeypatch.setattr(window.session, "has_open", lambda config: True)
    monkeypatch.setattr(window.parts.finetune, "config", refused)
    monkeypatch.setattr(window, "show_error", lambda *words: said.append(words[0]))
    window.commands["compare_methods"].trigger()
    assert said == ["Setting 'epochs' must be a number."]
    assert not window.findChildren(ComparisonDialog)


def test_the_panels_buttons_are_there_when_their_actions_are(window):
    panel = window.parts.docked["methods"]
    window.commands.show_state(SessionState.SEARCHING)
    assert not panel.compare.isEnabled()
    assert not panel.open.isEnabled()
    assert panel.compare.toolTip() == window.commands.why_not(window.commands["compare_methods"])
    window.commands.show_state(SessionState.READY)
    assert panel.compare.isEnabled()
    assert panel.open.isEnabled()
    assert panel.compare.toolTip() == ""


def test_a_finished_comparison_comes_to_the_front(window):
    window.session.event_received.emit(compared())
    panel = window.parts.docked["methods"]
    assert panel.isVisible()
    assert panel.comparison is not None


def test_an_earlier_comparison_is_read_in_the_thread(window, monkeypatch, tmp_path):
    read = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *words: str(tmp_path))
    monkeypatch.setattr(window.session, "read_aside", lambda *words: read.append(words))
    window.commands["open_comparison"].trigger()
    [(name, job)] = read
    assert name == "comparison"
    assert job.args == (tmp_path,)
