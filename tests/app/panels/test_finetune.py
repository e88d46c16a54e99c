"""The fine-tuning's panel is fed events; then its plots, words, table and button are looked at."""

import json
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QStyle, QStyleOptionComboBox

from app.panels.finetune import FinetunePanel
from app.panels.finetune_plot import STYLES, style_of
from app.selection import Selection
from app.session_state import SessionState
from app.theme import DARK
from core.config import FinetuneConfig
from core.events import (
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneScored,
    FinetuneStarted,
    NoticeRaised,
)
from tests.app import samples
from tests.app.finetune_samples import ADVANCES, finetuning, report, training


@pytest.fixture
def panel(qtbot):
    panel = FinetunePanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(940, 300)
    panel.show()
    return panel


def show(panel: FinetunePanel, events) -> None:
    for event in events:
        panel.show_event(event)
    panel.redraw_now()


def test_it_invites_until_a_network_is_trained(panel):
    show(panel, [samples.network_opened(), samples.search_started()])
    assert panel._pages.currentIndex() == 0
    assert panel.table() is None
    show(panel, training("learned"))
    assert panel._pages.currentIndex() == 1


def test_loss_and_accuracy_of_each_network_are_drawn(panel):
    show(panel, [samples.search_started(), *finetuning("learned", "l1_uniform")])
    assert len(panel.loss.curves) == len(panel.accuracy.curves) == 2
    x, y = panel.loss.curves[0].getData()
    assert len(x) == 3 * ADVANCES
    assert y[0] == pytest.approx(2.0 / 1.25)
    x, y = panel.accuracy.curves[1].getData()
    assert x.tolist() == [0, 1, 2, 3]
    assert y == pytest.approx([70, 71, 72, 73])
    assert panel.accuracy.level.value() == pytest.approx(98)  # unpruned, from the search


def test_everything_lies_inside_the_axes(panel):
    show(panel, [samples.search_started(), *finetuning("learned")])
    for plot, values in ((panel.loss, (0.5, 1.6)), (panel.accuracy, (70, 98))):
        (left, right), (low, high) = plot.getPlotItem().getViewBox().viewRange()
        assert low < min(values)
        assert high > max(values)
        assert left < 0
        assert right > 3


def test_networks_differ_in_more_than_their_colour():
    assert len({(style.line, style.symbol) for style in STYLES}) == len(STYLES)
    assert style_of(99) is STYLES[-1]


def test_the_legend_names_the_networks_and_escapes_them(panel):
    show(panel, training("learned"))
    show(panel, training("<b>odd</b>"))
    assert "learned" in panel.legend.text()
    assert "&lt;b&gt;odd" in panel.legend.text()


def test_the_course_is_said_in_a_line(panel):
    events = list(training("learned"))
    last = max(i for i, event in enumerate(events) if isinstance(event, FinetuneAdvanced))
    show(panel, events[: last + 1])
    assert panel.readout.text() == (
        "learned: epoch 3.0 of 3, loss 0.500 · best so far: epoch 2, 72.0 % on held-out images "
        "· 6 s"
    )


def test_the_course_of_a_training_that_is_taken_up_again_begins_at_its_last_epoch(panel):
    told = (FinetuneStarted, FinetuneScored)
    show(panel, [event for event in training("learned") if isinstance(event, told)][:3])
    assert panel.readout.text().startswith("learned: epoch 2.0 of 3 · best so far: epoch 2")


def test_the_result_is_a_row_for_each_network(panel):
    show(panel, training("learned"))
    assert panel.result.isHidden()
    show(panel, finetuning("learned", "random_uniform"))
    assert panel.result.isVisible()
    rows = [
        [panel.result.item(row, column).text() for column in range(panel.result.columnCount())]
        for row in range(panel.result.rowCount())
    ]
    assert rows[0] == [
        "learned",
        "49.8 %",
        "71.6 → 85.9",
        "1.267 → 0.645",
        "1.125 → 0.489",
        "3 of 3",
        "1 min 12 s",
    ]
    assert rows[1][0] == "random uniform"
    assert "Export now writes the fine-tuned network" in panel.readout.text()


def test_another_fine_tuning_starts_afresh(panel):
    show(panel, finetuning("learned", "l1_uniform"))
    show(panel, list(training("learned"))[:3])
    assert list(panel.curves.by_name) == ["learned"]
    assert panel.result.isHidden()
    assert len(panel.loss.curves) == 1


def test_another_search_or_network_empties_it(panel):
    show(panel, finetuning("learned"))
    show(panel, [samples.search_started()])
    assert panel._pages.currentIndex() == 0
    show(panel, finetuning("learned"))
    show(panel, [samples.network_opened()])
    assert panel._pages.currentIndex() == 0


def test_its_table_has_a_row_for_each_epoch(panel):
    show(panel, training("learned"))
    table = panel.table()
    assert table.header == ("network", "epoch", "held_out_accuracy", "held_out_cross_entropy")
    assert [row[:2] for row in table.rows] == [("learned", epoch) for epoch in range(4)]


def test_other_events_change_nothing(panel):
    panel.show_event(NoticeRaised("hello"))
    assert not panel._timer.isActive()


def test_the_form_says_and_takes_settings(panel):
    config = FinetuneConfig(epochs=7, learning_rate=0.005, distillation=0.5, compare="best")
    panel.follow(config)
    assert panel.config() == config
    panel.form.epochs.setValue(9)
    assert panel.config() == replace(config, epochs=9)
    panel.follow(replace(config, learning_rate=0.0))
    assert panel.form.fields["finetune.learning_rate"].text() == "auto"
    assert panel.config().learning_rate == 0
    panel.follow(FinetuneConfig(epochs=3, seed=4))
    assert (panel.config().epochs, panel.config().seed) == (3, 4)


def test_the_button_starts_stops_or_says_why_not(qtbot, panel):
    panel.show_state(SessionState.READY)
    assert not panel.form.button.isEnabled()
    assert "Search first" in panel.form.reason.text()
    panel.show_state(SessionState.FINISHED)
    with qtbot.waitSignal(panel.finetune_requested):
        panel.form.button.click()
    panel.show_state(SessionState.FINETUNING)
    assert panel.form.button.text() == "Stop"
    assert not panel.form.epochs.isEnabled()
    with qtbot.waitSignal(panel.stop_requested):
        panel.form.button.click()
    panel.show_state(SessionState.STOPPING)
    assert not panel.form.button.isEnabled()


def test_a_low_panel_shows_its_button_and_the_rows_of_the_result(panel, qtbot):
    panel.resize(754, 191)  # of a window of 1100 x 700
    panel.show_state(SessionState.FINISHED)
    show(panel, finetuning("learned", "l1_uniform", "random_uniform"))
    grid, button = panel.result, panel.form.button
    qtbot.waitUntil(lambda: button.height() >= button.sizeHint().height())
    lowest = button.mapTo(panel, button.rect().bottomLeft()).y()
    assert lowest < panel.height()

    def are_rows_whole() -> bool:
        rows = sum(grid.rowHeight(row) for row in range(grid.rowCount()))
        return grid.viewport().height() >= rows

    qtbot.waitUntil(are_rows_whole)
    assert not grid.horizontalScrollBar().maximum()
    # and no word is written over it
    qtbot.waitUntil(lambda: grid.geometry().bottom() < panel.readout.geometry().top())
    assert panel.loss.height() >= 90


def test_columns_that_do_not_fit_have_their_bar_below_the_rows(panel, qtbot):
    panel.resize(400, 700)
    show(panel, finetuning("of_a_long_name" * 5))
    grid = panel.result
    qtbot.waitUntil(lambda: grid.horizontalScrollBar().maximum() > 0)
    qtbot.waitUntil(lambda: grid.viewport().height() >= grid.rowHeight(0))


@pytest.mark.parametrize("width", [1000, 872, 706, 400])  # in a window of 1100, or narrower
def test_every_choice_is_written_whole(panel, width):
    panel.resize(width, 300)
    panel.layout().activate()
    field = panel.form.fields["finetune.compare"]
    for place in range(field.count()):
        field.setCurrentIndex(place)
        option = QStyleOptionComboBox()
        field.initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = field.style().subControlRect(control, option, part, field).width()
        assert field.fontMetrics().horizontalAdvance(field.currentText()) <= room


def test_a_narrow_panel_puts_the_settings_above(panel):
    panel.resize(400, 700)
    panel.layout().activate()
    assert panel.form.geometry().bottom() <= panel._pages.geometry().top()


def test_another_palette_recolours_the_curves(panel):
    show(panel, training("learned"))
    panel.use_palette(DARK)
    assert panel.loss.curves[0].opts["pen"].color().name() == DARK.accuracy


def test_an_earlier_run_shows_what_was_made_of_it(panel, tmp_path):
    history = [{"epoch": 0, "accuracy": 0.7}, {"epoch": 1, "accuracy": 0.8, "loss": 1.5}]
    contents = report("learned")
    network = contents["networks"][0] | {"history": history, "best_epoch": 1, "epochs": 1}
    contents["networks"] = [network]
    (tmp_path / "finetune.json").write_text(json.dumps(contents), encoding="utf-8")
    show(panel, [samples.search_started(), samples.run_reported(str(tmp_path))])
    assert panel.accuracy.curves[0].getData()[1] == pytest.approx([70, 80])
    assert panel.loss.curves[0].getData()[1] == pytest.approx([1.5])
    assert panel.result.item(0, 5).text() == "1 of 1"
    assert "in the run's folder" in panel.readout.text()
    show(panel, training("learned"))  # and a new one starts afresh
    assert panel.result.isHidden()


def test_an_epoch_that_was_broken_off_stands_where_it_ended(panel, tmp_path):
    events = [*training("learned", 2)]
    events[-1:] = [
        FinetuneScored("learned", 2.33, 0.75, 0.9, True),
        FinetuneFinished("learned", 2.33, 0.75, 0.9, 6.0, True, None),
    ]
    show(panel, events)
    assert panel.accuracy.curves[0].getData()[0].tolist() == [0, 1, 2, 2.33]
    assert "best so far: epoch 2.33, 75.0 % on held-out images" in panel.readout.text()
    history = [{"epoch": 0, "accuracy": 0.7}, {"epoch": 0.33, "accuracy": 0.8}]
    contents = report("learned")
    network = contents["networks"][0] | {"history": history, "best_epoch": 0.33, "epochs": 0.33}
    contents["networks"] = [network]
    (tmp_path / "finetune.json").write_text(json.dumps(contents), encoding="utf-8")
    show(panel, [samples.search_started(), samples.run_reported(str(tmp_path))])
    assert panel.accuracy.curves[0].getData()[0].tolist() == [0, 0.33]
    assert panel.accuracy.viewRange()[0][1] == pytest.approx(1.05 * 0.33)
    assert panel.result.item(0, 5).text() == "0.33 of 0.33"


def test_a_run_that_was_not_fine_tuned_shows_nothing(panel, tmp_path):
    show(panel, [samples.search_started(), samples.run_reported(str(tmp_path))])
    assert panel._pages.currentIndex() == 0
