"""The runs panel is given folders; then its table, curves, masks and notes are looked at."""

from datetime import datetime

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt

from app.panels.run_reader import RunReader
from app.panels.runs import RunsPanel
from app.panels.runs_model import COLUMNS, NOTES, RunsModel, run_name, verdict_text
from app.saving import panel_image
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import RunReported
from core.runs.history import RunSummary, read_summary
from tests.core.runs.made import make_run, report_of

OTHER = np.array([1, 0, 0, 1, 1, 1], dtype=np.bool_)
Flag = QItemSelectionModel.SelectionFlag


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "runs"
    make_run(root / "2026-03-01_10-00-00_tiny_50", seed=0, accuracy=0.75)
    make_run(root / "2026-03-02_10-00-00_tiny_50", seed=1, accuracy=0.55, best=OTHER)
    make_run(root / "2026-03-03_10-00-00_other_50", network="other", is_finished=False)
    return root


@pytest.fixture
def panel(qtbot, folder):
    panel = RunsPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(1200, 400)
    panel.folder = folder
    panel.show()
    qtbot.waitUntil(lambda: not panel.reader.is_reading)
    panel.redraw_now()
    return panel


def cell(panel: RunsPanel, row: int, title: str) -> str:
    column = next(place for place, one in enumerate(COLUMNS) if one.title == title)
    return panel.view.proxy.index(row, column).data()


def check(panel: RunsPanel, *rows: int) -> None:
    for row in rows:
        index = panel.view.proxy.index(row, 0)
        panel.view.proxy.setData(index, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    panel.redraw_now()


def test_an_empty_folder_says_what_will_be_there(qtbot, tmp_path):
    panel = RunsPanel(Selection())
    qtbot.addWidget(panel)
    panel.folder = tmp_path / "nothing"
    panel.show()
    qtbot.waitUntil(lambda: not panel.reader.is_reading)
    panel.redraw_now()
    assert panel.empty.isVisible()
    assert "Every search leaves one here" in panel.empty.text()
    assert panel.table() is None


def test_a_panel_that_nobody_sees_reads_nothing(qtbot, folder):
    panel = RunsPanel(Selection())
    qtbot.addWidget(panel)
    panel.show_runs_folder(folder)
    assert not panel.reader.is_reading
    assert panel.model.runs == []


def test_runs_are_listed_newest_first_with_all_their_numbers(panel):
    assert panel.view.proxy.rowCount() == 3
    assert cell(panel, 2, "Date") == "2026-03-01 10:00"
    assert cell(panel, 2, "Test accuracy") == "75.0 %"
    assert cell(panel, 2, "Lead, points") == "+15.0"
    assert cell(panel, 1, "Lead, points") == "−5.0"
    assert cell(panel, 0, "Lead, points") == "unfinished"
    assert cell(panel, 0, "Test accuracy") == "–"
    assert panel.status.text() == "3 runs"


def test_columns_sort_by_their_values(panel):
    accuracy = [column.title for column in COLUMNS].index("Test accuracy")
    panel.view.sortByColumn(accuracy, Qt.SortOrder.AscendingOrder)  # unknown ones first
    assert [cell(panel, row, "Test accuracy") for row in range(3)] == ["–", "55.0 %", "75.0 %"]


def test_search_finds_words_in_any_column(panel):
    panel.search.setText("OTHER")
    panel.redraw_now()
    assert panel.view.proxy.rowCount() == 1
    assert panel.status.text() == "1 of 3 runs"


def test_checked_runs_lay_their_curves_over_each_other(panel):
    assert "Check runs" in panel.pictures.plot_hint.text()
    check(panel, 0, 2)
    assert len(panel.pictures.plot.curves) == 2
    x, y = panel.pictures.plot.curves[1].getData()
    assert x.tolist() == [1, 2, 2, 3, 3]
    assert y == pytest.approx([51, 51, 52, 52, 53])
    panel.pictures.x_axis.setCurrentIndex(1)
    panel.redraw_now()
    assert panel.pictures.plot.curves[1].getData()[0].tolist() == [0.5, 1.0, 1.0, 1.5, 1.5]
    pens = [curve.opts["pen"] for curve in panel.pictures.plot.curves]
    assert len({(pen.color().name(), pen.style()) for pen in pens}) == 2


def test_two_selected_runs_show_the_difference_of_their_masks(panel):
    assert "two runs of one network" in panel.pictures.difference_legend.text()
    rows = Flag.Select | Flag.Rows
    for row in (1, 2):
        panel.view.selectionModel().select(panel.view.proxy.index(row, 0), rows)
    panel.redraw_now()
    # the newer one is the first: it keeps 1 0 0 | 1 1 1, the older 1 1 0 | 0 1 0
    stem, inner = panel.pictures.difference.layers
    assert (stem.both, stem.only_first, stem.only_second, stem.neither) == (1, 0, 1, 1)
    assert (inner.both, inner.only_first, inner.only_second, inner.neither) == (1, 2, 0, 0)
    assert "block.inner: both 1, only first 2" in panel.pictures.difference.accessibleDescription()
    colours = panel.pictures.difference.part_colours()
    image = panel.pictures.difference.grab().toImage()
    shown = {image.pixelColor(x, 10).name() for x in range(image.width())}
    assert {colours["both"], colours["only_second"], colours["neither"]} <= shown
    assert colours["only_first"] not in shown


def test_masks_that_cannot_be_read_are_told(panel, folder):
    (folder / "2026-03-01_10-00-00_tiny_50" / "masks.npz").write_bytes(b"x")
    check(panel, 1, 2)
    assert panel.pictures.difference.layers == ()
    assert "missing or damaged" in panel.pictures.difference_legend.text()


def test_notes_are_written_into_the_run_s_folder(panel, folder):
    index = panel.view.proxy.index(2, NOTES)
    assert panel.view.proxy.flags(index) & Qt.ItemFlag.ItemIsEditable
    panel.view.proxy.setData(index, "the good one", Qt.ItemDataRole.EditRole)
    notes = folder / "2026-03-01_10-00-00_tiny_50" / "notes.txt"
    assert notes.read_text() == "the good one"
    assert cell(panel, 2, "Notes") == "the good one"


def test_notes_that_cannot_be_written_are_told(panel, folder, qtbot):
    import shutil

    shutil.rmtree(folder / "2026-03-01_10-00-00_tiny_50")
    with qtbot.waitSignal(panel.failed) as told:
        panel.view.proxy.setData(panel.view.proxy.index(2, NOTES), "lost", Qt.ItemDataRole.EditRole)
    assert "Cannot write" in told.args[0]
    assert cell(panel, 2, "Notes") == ""


def test_a_run_is_opened_by_button_and_by_return(panel, qtbot, folder):
    assert not panel.open_run.isEnabled()
    panel.view.selectRow(2)
    panel.redraw_now()
    with qtbot.waitSignal(panel.run_requested) as wished:
        panel.open_run.click()
    assert wished.args == [folder / "2026-03-01_10-00-00_tiny_50"]
    with qtbot.waitSignal(panel.run_requested):
        panel.view.activated.emit(panel.view.currentIndex())


def test_a_finished_run_that_is_looked_at_is_told(panel, qtbot, folder):
    with qtbot.waitSignal(panel.run_chosen) as chosen:
        panel.view.selectRow(1)
    assert chosen.args == [folder / "2026-03-02_10-00-00_tiny_50"]


def test_a_broken_run_says_why_and_cannot_be_opened(qtbot, panel, folder):
    (folder / "2026-03-03_10-00-00_other_50" / "config.toml").write_text("[")
    panel.refresh()
    qtbot.waitUntil(lambda: not panel.reader.is_reading)
    panel.view.selectRow(0)
    panel.redraw_now()
    assert cell(panel, 0, "Lead, points") == "config.toml is damaged"
    assert not panel.open_run.isEnabled()


def test_a_run_that_has_just_ended_joins_the_list(panel, tmp_path):
    made = make_run(tmp_path / "elsewhere" / "2026-04-01_10-00-00_tiny_50", seed=7)
    report = report_of("tiny", 7, 0.75, {"l1_uniform": 0.6})
    panel.show_event(RunReported(str(made), report))
    panel.show_event(RunReported(str(made), report))
    panel.redraw_now()
    assert panel.view.proxy.rowCount() == 4
    assert cell(panel, 0, "Seed") == "7"


def test_another_folder_and_one_that_cannot_be_read(panel, qtbot, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with qtbot.waitSignal(panel.failed) as told:
        panel.show_runs_folder(file)
    assert "Choose another folder" in told.args[0]


def test_the_table_has_the_rows_of_the_screen(panel):
    panel.search.setText("tiny")
    rows = panel.table().rows
    assert [row[6] for row in rows] == [1, 0]
    assert rows[1][8:12] == (0.75, 0.498, "l1_uniform", 0.6)


def test_another_palette_recolours_curves_and_masks(panel):
    check(panel, 1, 2)
    panel.use_palette(DARK)
    panel.redraw_now()
    assert panel.pictures.plot.backgroundBrush().color().name() == DARK.surface
    assert panel.pictures.plot.curves[0].opts["pen"].color().name() == DARK.accuracy
    assert panel.pictures.difference.part_colours()["both"] == DARK.kept


def test_five_hundred_runs_never_hold_the_window_for_long(qtbot, tmp_path):
    first = make_run(tmp_path / "0")
    texts = {name: (first / name).read_text() for name in ("config.toml", "report.json")}
    for number in range(1, 500):
        run = tmp_path / str(number)
        run.mkdir()
        for name, text in texts.items():
            (run / name).write_text(text)
    reader, model = RunReader(), RunsModel()
    reader.run_read.connect(model.add)
    slices = []
    reader.read(tmp_path)
    while reader.is_reading:
        before = len(model.runs)
        reader.read_slice()
        slices.append(len(model.runs) - before)
    assert len(model.runs) == 500
    assert len(slices) > 5


def test_a_run_in_a_few_words(tmp_path):
    run = read_summary(make_run(tmp_path / "a", seed=3))
    assert run_name(run) == "tiny · 50 % · seed 3"
    assert verdict_text(run) == "+15.0"
    bare = RunSummary(tmp_path / "b", datetime.min)
    assert run_name(bare) == "b"
    assert COLUMNS[0].write(bare) == "–"


def test_a_run_that_was_broken_off_can_go_on(panel, qtbot, folder):
    panel.view.selectRow(0)  # the unfinished one
    panel.redraw_now()
    assert panel.resume_run.isEnabled()
    with qtbot.waitSignal(panel.resume_requested) as asked:
        panel.resume_run.click()
    assert asked.args == [folder / "2026-03-03_10-00-00_other_50"]
    panel.view.selectRow(1)
    panel.redraw_now()
    assert not panel.resume_run.isEnabled()


def test_a_picture_shows_every_run_and_column_even_of_a_low_panel(panel, folder):
    for number in range(30):
        make_run(folder / f"2026-02-01_10-00-{number:02d}_tiny_50", seed=number)
        panel.model.add(read_summary(folder / f"2026-02-01_10-00-{number:02d}_tiny_50"))
    panel.resize(500, 200)
    picture = panel_image(panel)
    size = picture.size() / picture.devicePixelRatio()
    rows = 34 * panel.view.verticalHeader().defaultSectionSize()
    assert size.height() >= rows
    assert size.width() >= sum(panel.view.columnWidth(column) for column in range(len(COLUMNS)))
    lowest = picture.copy(0, picture.height() * 9 // 10, picture.width() // 4, 60)
    colours = {
        lowest.pixelColor(x, y).name()
        for x in range(lowest.width())
        for y in range(lowest.height())
    }
    assert LIGHT.text in colours
