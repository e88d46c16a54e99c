"""The strip of results: latency."""

import json

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton

from app.panels.results import ResultsPanel
from core.events import RunReported
from tests.app import samples
from tests.app.finetune_samples import report as finetune_report


def row(batch: int, before: float, after: float, threads: int = 1) -> dict[str, object]:
    return {
        "runtime": "ONNX Runtime",
        "device": "CPU",
        "threads": threads,
        "batch": batch,
        "before_p50_ms": before,
        "before_p95_ms": before,
        "after_p50_ms": after,
        "after_p95_ms": after,
        "runs": 9,
    }


@pytest.fixture
def panel(qtbot):
    widget = ResultsPanel()
    qtbot.addWidget(widget)
    return widget


def shown(panel, rows, note=None):
    panel.show_event(RunReported("x", samples.REPORT | {"latency": rows, "latency_note": note}))
    return {figure.title: figure for figure in panel.figures}


def test_latency_is_shown_with_its_runtime_threads_and_batch(panel):
    figure = shown(panel, [row(1, 3.12, 2.04), row(32, 150.0, 90.4, 2)])["Latency"]
    assert (figure.value, figure.note) == ("3.1 → 2.0 ms", "ONNX Runtime, 1 thread, batch 1")
    assert "batch 32: 150 → 90 ms" in figure.details


def test_fast_networks_get_more_digits_and_several_threads_are_said(panel):
    figure = shown(panel, [row(1, 0.1234, 0.1111, 2)])["Latency"]
    assert (figure.value, figure.note) == ("0.123 → 0.111 ms", "ONNX Runtime, 2 threads, batch 1")


def test_what_is_not_faster_is_in_the_details(panel):
    figure = shown(panel, [row(1, 1.0, 1.0)], "Fewer MACs are not faster here: <b>.")["Latency"]
    assert figure.details.endswith("not faster here: <b>.")
    tips = [tile.toolTip() for tile in panel._tiles]
    assert any("&lt;b&gt;" in tip for tip in tips)


def test_what_was_not_measured_is_not_shown(panel):
    assert "Latency" not in shown(panel, [])


def test_a_run_that_was_fine_tuned_and_is_opened_again_says_so(panel, tmp_path):
    file = tmp_path / "finetune.json"
    file.write_text(json.dumps(finetune_report("learned")), encoding="utf-8")
    panel.show_event(RunReported(str(tmp_path), samples.REPORT))
    tuned = panel.figures[-1]
    assert (tuned.title, tuned.value) == ("Fine-tuned", "85.9 %")
    assert tuned.note == "test accuracy, epoch 3"
    panel.show_event(RunReported(str(tmp_path / "other"), samples.REPORT))
    assert "Fine-tuned" not in {figure.title for figure in panel.figures}


def test_the_strip_leaves_the_docks_beside_it_their_room(panel):
    shown(panel, [row(1, 3.12, 2.04)])
    # by how much depends on the font, which tests of themes may have changed
    assert panel.minimumSizeHint().width() < panel.sizeHint().width() - 30


def test_notes_are_written_whole_where_there_is_little_room(panel):
    shown(panel, [row(1, 0.1234, 0.1401)])
    for _ in range(3):  # as Export and the others beside it
        panel.add_button(QToolButton(text="Round widths"))
    width = panel.minimumSizeHint().width()
    panel.resize(width, panel.heightForWidth(width))
    QApplication.processEvents()
    notes = [label for label in panel.findChildren(QLabel) if label.wordWrap()]
    assert "greatest difference of the files" in {note.text() for note in notes}
    assert not [n.text() for n in notes if n.heightForWidth(n.width()) > n.height()]


def test_no_line_of_a_note_begins_with_a_unit_or_has_a_number_alone(panel):
    shown(panel, [row(1, 0.1234, 0.1401)])
    notes = [label.text() for label in panel.findChildren(QLabel) if label.wordWrap()]
    assert "ONNX Runtime, 1\xa0thread, batch\xa01" in notes
    assert "unpruned 98.2\xa0%" in notes
    assert "100\xa0k → 49.8\xa0k" in notes


def test_many_figures_stand_in_two_rows_and_push_nothing_out_of_a_small_window(panel):
    shown(panel, [row(1, 0.1234, 0.1401)])
    QApplication.processEvents()
    one_row = panel.minimumSizeHint().width()
    budgets = {name: {"budget": 0.5, "kept": 0.49} for name in ("params", "size", "latency")}
    entries = {"latency": [row(1, 0.1234, 0.1401)], "further_budgets": budgets}
    panel.show_event(RunReported("x", samples.REPORT | entries))
    QApplication.processEvents()
    assert len(panel.figures) == 9
    assert panel.minimumSizeHint().width() < one_row


def budgeted(panel, prediction=None, **budgets):
    further = {name: {"budget": 0.5, "kept": kept} for name, kept in budgets.items()}
    entries = {"further_budgets": further, "latency_prediction": prediction}
    panel.show_event(RunReported("x", samples.REPORT | entries))
    return {figure.title: (figure.value, figure.note, figure.details) for figure in panel.figures}


def test_every_further_budget_is_shown_with_what_is_kept(panel):
    figures = budgeted(panel, params=0.482, size=0.4999)
    assert figures["Parameters kept"] == ("48.2 %", "budget 50.0 %", "")
    assert figures["File kept"] == ("50.0 %", "budget 50.0 %", "")
    assert "Latency kept" not in figures


def test_predicted_latency_stands_beside_the_measured(panel):
    prediction = {"measured_kept": 0.552, "note": "The real network is above the budget."}
    figures = budgeted(panel, prediction, latency=0.49)
    words = ("55.2 %", "measured; predicted 49.0 %, budget 50.0 %", prediction["note"])
    assert figures["Latency kept"] == words
    unmeasured = budgeted(panel, prediction | {"measured_kept": None}, latency=0.49)
    assert unmeasured["Latency kept"][:2] == ("49.0 %", "predicted, budget 50.0 %")


def test_accuracy_before_the_refit_stands_beside_that_of_the_unpruned_network(panel):
    refitted = {"before_refit": {"pruned": {"accuracy": 0.722, "cross_entropy": 1.2}}}
    panel.show_event(RunReported("x", samples.REPORT | refitted))
    (figure,) = [one for one in panel.figures if one.title == "Test accuracy"]
    assert figure.note.startswith("unpruned ")
    assert figure.note.endswith("72.2 % before the refit")
