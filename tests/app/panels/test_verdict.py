"""The verdict panel is given runs; then its sentence, table and dots are looked at."""

import json
import re

import pytest

from app.panels.table_picture import whole_size
from app.panels.verdict import VerdictPanel
from app.panels.verdict_grid import AFTER, LEAD_AFTER
from app.panels.verdict_words import estimate_text, lead_text, sentence_words
from app.saving import panel_image, save_panel
from app.selection import Selection
from app.theme import DARK, LIGHT
from core.events import FinetuneReported, RunReported
from core.runs.finetune_file import (
    FINETUNE_FILE,
    FinetunedNetwork,
    FinetuneFile,
    TestScore,
    file_contents,
)
from core.runs.verdict import LEARNED, Estimate, Outcome, judge
from tests.app import samples
from tests.core.runs.made import make_run, report_of


@pytest.fixture
def panel(qtbot):
    panel = VerdictPanel(Selection())
    qtbot.addWidget(panel)
    panel.resize(1000, 360)
    panel.show()
    return panel


def settle(panel: VerdictPanel, qtbot) -> None:
    qtbot.waitUntil(lambda: not panel.reader.is_reading)
    panel.redraw_now()


def texts(panel: VerdictPanel, row: int) -> list[str]:
    return [panel.grid.item(row, column).text() for column in range(6)]


def finetune(folder, *, stopped: str = "", epochs: int = 20, **after: float) -> None:
    networks = tuple(
        FinetunedNetwork(name, after=TestScore(value), is_stopped=name == stopped)
        for name, value in after.items()
    )
    contents = file_contents(FinetuneFile(networks=networks, settings={"epochs": epochs}))
    (folder / FINETUNE_FILE).write_text(json.dumps(contents))


def test_an_empty_panel_says_what_will_be_there(panel):
    panel.redraw_now()
    assert panel.empty.isVisible()
    assert "compared here" in panel.empty.text()
    assert panel.table() is None


def test_a_run_that_has_just_ended_is_judged(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    panel.show_event(RunReported(str(folder), report_of("tiny", 0, 0.75, {})))
    settle(panel, qtbot)
    # 1.96 * sqrt((0.75 * 0.25 + 0.6 * 0.4) / 1000) = 0.0405
    assert panel.sentence.text() == (
        "Before fine-tuning, learned against the best criterion (l1 uniform): "
        "15.0 points better (10.9 to 19.1). "
        "Against a random mask: 45.0 points better (41.1 to 48.9)."
    )
    assert "seed 0, 1,000 test images" in panel.basis.text()
    assert texts(panel, 0)[:3] == ["learned", "49.8", "75.0 ± 2.7"]
    assert texts(panel, 2)[3] == "+15.0 ± 4.1"
    assert "Not fine-tuned yet." in panel.basis.text()
    assert panel.grid.isColumnHidden(AFTER) and panel.grid.isColumnHidden(LEAD_AFTER)


def test_a_network_that_was_trained_while_it_was_pruned_is_said_to_be(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    report = json.loads((folder / "report.json").read_text())
    told = []
    for is_adapted in (False, True):
        report["adapted"] = is_adapted
        (folder / "report.json").write_text(json.dumps(report))
        panel.show_event(RunReported(str(folder), report))
        settle(panel, qtbot)
        told.append("was trained while it was pruned" in panel.basis.text())
    assert told == [False, True]


def test_a_small_difference_on_few_images_is_not_measurable(panel, qtbot, tmp_path):
    criteria = {"obs_global": 0.74, "random_uniform": 0.3}
    folder = make_run(tmp_path / "a", accuracy=0.75, criteria=criteria, test_images=300)
    panel.show_run(folder)
    settle(panel, qtbot)
    # 1.96 * sqrt((0.75 * 0.25 + 0.74 * 0.26) / 300) = 0.0697
    assert "no measurable difference (+1.0 points, −6.0 to 8.0)" in panel.sentence.text()
    assert texts(panel, 2)[3].startswith("≈ +1.0")


def test_runs_of_other_seeds_are_judged_together_if_the_person_wants(panel, qtbot, tmp_path):
    for seed, accuracy in enumerate((0.75, 0.77, 0.76)):
        make_run(tmp_path / f"2026-01-0{seed + 1}_00-00-00_x", seed=seed, accuracy=accuracy)
    make_run(tmp_path / "2026-01-05_00-00-00_x", seed=9, network="other")
    make_run(tmp_path / "2026-01-06_00-00-00_x", seed=8, is_finished=False)
    panel.show_run(tmp_path / "2026-01-01_00-00-00_x")
    settle(panel, qtbot)
    assert sorted(panel.verdict.seeds) == [0, 1, 2]
    assert panel.all_seeds.text() == "3 seeds"
    # mean 0.76, standard error 0.01 / sqrt(3), t(2) = 4.303
    assert texts(panel, 0)[2] == "76.0 ± 2.5"
    assert "seeds 0, 1, 2, the same 1,000 test images" in panel.basis.text()
    panel.all_seeds.setChecked(False)
    panel.redraw_now()
    assert panel.verdict.seeds == (0,)
    assert texts(panel, 0)[2] == "75.0 ± 2.7"


def test_a_second_run_of_the_same_seed_does_not_count_twice(panel, qtbot, tmp_path):
    for name in ("2026-01-01_00-00-00_x", "2026-01-02_00-00-00_x"):
        make_run(tmp_path / name, seed=4)
    panel.show_run(tmp_path / "2026-01-01_00-00-00_x")
    settle(panel, qtbot)
    assert panel.verdict.seeds == (4,)


def test_after_fine_tuning_there_are_diamonds_and_another_sentence(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    finetune(folder, learned=0.88, l1_uniform=0.875)
    panel.show_run(folder)
    settle(panel, qtbot)
    assert "After fine-tuning, learned against the best criterion (l1 uniform): no measurable " in (
        panel.sentence.text()
    )
    x, y = panel.plot.drawn("after")
    assert x == pytest.approx([88.0, 87.5])
    assert (y < [0, -1]).all()
    assert not panel.grid.isColumnHidden(LEAD_AFTER)
    assert texts(panel, 3)[4] == "–"


def test_fine_tunings_that_cannot_be_averaged_are_left_out_and_named(panel, qtbot, tmp_path):
    folders = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(4)]
    for folder in folders[:2]:
        finetune(folder, learned=0.9)
    finetune(folders[2], learned=0.5, l1_uniform=0.8, stopped="learned")
    finetune(folders[3], learned=0.6, epochs=5)
    panel.show_run(folders[0])
    settle(panel, qtbot)
    assert texts(panel, 0)[4].startswith("90.0 ±")
    said = panel.basis.text()
    assert "Left out after fine-tuning, which was stopped early: learned of seed 2." in said
    assert "Left out with the learned network of their run: l1 uniform of seed 2." in said
    assert "Left out after fine-tuning, which had other settings: seed 3." in said
    assert "After fine-tuning: no criterion was fine-tuned to compare with." in (
        panel.sentence.text()
    )


def test_intervals_of_too_few_fine_tunings_are_not_said_to_be_over_seeds(panel, qtbot, tmp_path):
    folders = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(3)]
    of_images = "those of methods with fewer than three: of the test images alone (binomial)"
    told = []
    for epochs in ((20, 5, 5), (20, 20, 20)):
        for folder, number in zip(folders, epochs, strict=True):
            finetune(folder, learned=0.9, l1_uniform=0.8, epochs=number)
        panel.show_run(folders[0])
        settle(panel, qtbot)
        assert "intervals over seeds (Student's t)" in panel.basis.text()
        told.append(of_images in panel.basis.text())
    assert told == [True, False]


def test_a_fine_tuning_that_was_stopped_is_shown_and_compared_with_nothing(panel, qtbot, tmp_path):
    folders = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(2)]
    finetune(folders[0], learned=0.5, stopped="learned")
    finetune(folders[1], learned=0.9, l1_uniform=0.8)
    panel.show_run(folders[0])
    settle(panel, qtbot)
    assert texts(panel, 0)[4].startswith("50.0 ±")
    assert "After fine-tuning: it was stopped early, and is compared with nothing." in (
        panel.sentence.text()
    )
    assert "stopped early: those of other seeds are left out." in panel.basis.text()


def test_criteria_that_were_not_tested_are_not_said_to_be_missing(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", criteria={"l1_uniform": None})
    panel.show_run(folder)
    settle(panel, qtbot)
    assert "the criteria were not tested (test_criteria = false)" in panel.sentence.text()
    panel.show_run(make_run(tmp_path / "b" / "none", criteria={}))
    settle(panel, qtbot)
    assert panel.sentence.text() == "Before fine-tuning: no criterion to compare with."


def test_criteria_that_only_fine_tuning_tested_are_compared_after_it(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75, criteria={"l1_uniform": None})
    finetune(folder, learned=0.88)
    panel.show_run(folder)
    settle(panel, qtbot)
    assert "After fine-tuning: no criterion was fine-tuned to compare with." in (
        panel.sentence.text()
    )
    finetune(folder, learned=0.88, l1_uniform=0.7)
    panel.show_run(folder)
    settle(panel, qtbot)
    # 1.96 * sqrt((0.88 * 0.12 + 0.7 * 0.3) / 1000) = 0.0348
    assert panel.sentence.text() == (
        "Before fine-tuning: the criteria were not tested (test_criteria = false), so there is "
        "nothing to compare the learned mask with. After fine-tuning, learned against the best "
        "criterion (l1 uniform): 18.0 points better (14.5 to 21.5)."
    )
    assert texts(panel, 2)[:4] == ["l1 uniform", "49.5", "–", ""]
    assert texts(panel, 2)[5] == "+18.0 ± 3.5"
    assert panel.plot.drawn("after")[0] == pytest.approx([88.0, 70.0])
    assert panel.table().rows[2][:4] == ("l1_uniform", 0.495, 1, None)


def test_a_fine_tuning_that_has_ended_joins_the_verdict(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    panel.show_run(folder)
    settle(panel, qtbot)
    finetune(folder, learned=0.9)
    panel.show_event(FinetuneReported(str(folder), {}))
    settle(panel, qtbot)
    assert texts(panel, 0)[4].startswith("90.0 ±")


def test_dots_stand_at_the_accuracies_with_a_name_each(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a", accuracy=0.75))
    settle(panel, qtbot)
    assert [values.tolist() for values in panel.plot.drawn("learned")] == [[75.0], [0.0]]
    assert panel.plot.drawn("before")[0] == pytest.approx([60.0, 30.0])
    ticks = panel.plot.getPlotItem().getAxis("left")._tickLevels[0]
    assert [name for _, name in ticks] == ["learned", "l1 uniform", "random uniform"]
    (low, high), _ = panel.plot.getPlotItem().getViewBox().viewRange()
    assert low < 27 and high > 77


def test_a_run_whose_test_images_were_not_read_has_no_verdict(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a", is_finished=False))
    settle(panel, qtbot)
    assert panel.verdict is None
    assert panel.empty.isVisible()


def test_a_new_search_takes_the_verdict_away(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a"))
    settle(panel, qtbot)
    panel.show_event(samples.search_started())
    panel.redraw_now()
    assert panel.verdict is None


def test_the_table_has_every_method_with_its_intervals(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a"))
    settle(panel, qtbot)
    table = panel.table()
    assert [row[0] for row in table.rows] == ["learned", "unpruned", "l1_uniform", "random_uniform"]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert table.rows[2][3] == 0.6
    assert table.rows[2][6] == pytest.approx(0.15)
    assert table.rows[2][9:] == (None,) * 6


def test_another_palette_recolours_the_plot(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a"))
    settle(panel, qtbot)
    panel.use_palette(DARK)
    panel.redraw_now()
    assert panel.plot.backgroundBrush().color().name() == DARK.surface
    assert DARK.accuracy in panel.legend.text()
    assert LIGHT.accuracy not in panel.legend.text()


def test_words_for_numbers():
    assert estimate_text(Estimate(0.75, 0.731, 0.769, 1)) == "75.0 ± 1.9"
    assert estimate_text(None) == "–"
    assert lead_text(Estimate(-0.02, -0.03, -0.01, 1)) == "−2.0 ± 1.0"


@pytest.mark.parametrize("lead", [-0.0004, 0.0, 0.0004])
def test_what_is_rounded_to_nought_has_no_sign(lead):
    assert lead_text(Estimate(lead, lead - 0.01, lead + 0.01, 1)) == "≈ 0.0 ± 1.0"


def test_a_worse_agent_is_called_worse():
    before = {LEARNED: 0.5, "l1_uniform": 0.6}
    verdict = judge([Outcome(0, 1000, before, {}, {})])
    assert "10.0 points worse (−14.3 to −5.7)" in sentence_words(verdict)


def test_a_picture_shows_every_method_even_of_a_low_panel(panel, qtbot, tmp_path):
    criteria = {f"criterion{number}_uniform": 0.3 + number / 50 for number in range(20)}
    panel.resize(900, 200)
    panel.show_run(make_run(tmp_path / "a", accuracy=0.75, criteria=criteria))
    settle(panel, qtbot)
    picture = panel_image(panel)
    assert picture.height() / picture.devicePixelRatio() > 20 * 17
    lowest = picture.copy(0, picture.height() * 3 // 4, picture.width(), picture.height() // 8)
    colours = {
        lowest.pixelColor(x, y).name()
        for x in range(0, lowest.width(), 2)
        for y in range(0, lowest.height(), 2)
    }
    assert LIGHT.accuracy in colours


def test_a_picture_has_the_titles_of_the_columns_whole(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    finetune(folder, learned=0.88, l1_uniform=0.875)
    panel.show_run(folder)
    settle(panel, qtbot)
    titles = [panel.grid.horizontalHeaderItem(column).text() for column in range(6)]
    save_panel(panel, tmp_path / "verdict.svg")
    written = (tmp_path / "verdict.svg").read_text(encoding="utf-8")
    assert {line for title in titles for line in title.split("\n")} <= set(
        re.findall(r"<text[^>]*>([^<]*)</text>", written)
    )
    lines = 2  # of the titles
    room = whole_size(panel.grid).height() - len(panel.verdict.rows) * panel.grid.rowHeight(0)
    assert room >= lines * panel.grid.fontMetrics().lineSpacing()


def test_the_table_has_the_width_that_it_needs_and_the_plot_the_rest(panel, qtbot, tmp_path):
    folder = make_run(tmp_path / "a", accuracy=0.75)
    finetune(folder, learned=0.88, l1_uniform=0.875)
    panel.resize(934, 340)  # of a window of 1280 pixels
    panel.show_run(folder)
    settle(panel, qtbot)
    assert not panel.grid.horizontalScrollBar().maximum()
    assert panel.plot.width() > 250


def test_a_low_panel_scrolls_as_a_whole_and_its_plot_is_no_sliver(panel, qtbot, tmp_path):
    criteria = {f"criterion{number}": 0.3 + number / 50 for number in range(9)}
    folder = make_run(tmp_path / "a", accuracy=0.75, criteria=criteria)
    finetune(folder, learned=0.88, criterion1=0.875)
    panel.resize(754, 191)  # of a window of 1100 x 700
    panel.show_run(folder)
    settle(panel, qtbot)
    plot, grid = panel.plot, panel.grid
    qtbot.waitUntil(lambda: panel._page.height() > panel.height())
    # Its own area shows it whole, once the page is scrolled.
    qtbot.waitUntil(lambda: plot.size() == plot.parentWidget().size())
    assert plot.width() >= 200 and plot.height() >= 10 * 17
    assert not grid.horizontalScrollBar().maximum()
    assert not grid.verticalScrollBar().maximum()
    assert panel.legend.heightForWidth(panel.legend.width()) <= panel.legend.height()


def test_what_the_verdict_stands_on_is_written_whole_in_a_narrow_panel(panel, qtbot, tmp_path):
    panel.resize(420, 300)
    folder = make_run(tmp_path / "a", accuracy=0.75)
    panel.show_event(RunReported(str(folder), report_of("tiny", 0, 0.75, {})))
    settle(panel, qtbot)
    words = (panel.sentence, panel.basis)
    qtbot.waitUntil(lambda: all(one.heightForWidth(one.width()) <= one.height() for one in words))


def test_a_key_is_not_broken_at_its_hyphen(panel, qtbot, tmp_path):
    panel.show_run(make_run(tmp_path / "a", accuracy=0.75))
    settle(panel, qtbot)
    assert "fine\N{NON-BREAKING HYPHEN}tuning" in panel.legend.text()
