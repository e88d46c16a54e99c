"""The table of methods: what it says of means, tests and ties."""

import pytest

from app.panels.methods import MethodsPanel
from app.selection import Selection
from tests.app.comparison_samples import compared


@pytest.fixture
def panel(qtbot):
    panel = MethodsPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(1100, 320)
    panel.show()
    return panel


def row_of(panel, method):
    grid = panel.grid
    rows = {grid.item(row, 0).text(): row for row in range(grid.rowCount())}
    cells = range(grid.columnCount())
    return [grid.item(rows[method], column).text() for column in cells]


def test_it_says_what_will_be_here(panel):
    assert panel.table() is None
    assert panel.empty.isVisible()
    assert not panel.grid.isVisible()


def test_means_and_tests_by_hand(panel):
    panel.show_event(compared())
    panel.redraw_now()
    agent = row_of(panel, "agent")
    # mean .7524; standard error .0025 of the five
    assert agent[:4] == ["agent", "5", "75.24 ± 0.25", "–"]
    assert row_of(panel, "random")[3].startswith("▼ worse, p ")
    assert row_of(panel, "layer_ratios")[3].startswith("= tie, p ")
    assert row_of(panel, "obs_per_mac")[-2:] == ["0", "26.5 ± 0.7"]
    assert panel.grid.columnCount() == 2 + 2 * 5 + 3


def test_without_fine_tuning_there_are_no_columns_for_it(panel):
    panel.show_event(compared(is_finetuned=False))
    panel.redraw_now()
    assert panel.grid.columnCount() == 2 + 2 * 2 + 3


def test_two_seeds_are_not_tested(panel):
    panel.show_event(compared(seeds=2))
    panel.redraw_now()
    assert row_of(panel, "random")[3] == "–"
    assert "fewer than three seeds" in panel.notes.text()


def test_the_table_has_every_number(panel):
    panel.show_event(compared())
    table = panel.table()
    random = dict(zip(table.header, table.rows[1], strict=True))
    assert random["method"] == "random"
    assert random["accuracy_mean"] == pytest.approx(0.7204)
    assert random["accuracy_outcome"] == "worse"
    assert random["evaluations"] == 300


def test_its_buttons_ask_for_more(panel, qtbot):
    with qtbot.waitSignal(panel.compare_requested):
        panel.compare.click()
    with qtbot.waitSignal(panel.open_requested):
        panel.open.click()
    assert panel.title() == "Methods"
