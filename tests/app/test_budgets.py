"""Budgets beside that of the MACs: in the terminal's words, its lines and table, and the log."""

import dataclasses
import io

import pytest

from app.budgets import budgets_text, shares_text
from app.command_line import parse, run_config
from app.headless import Screen
from app.panels.log import LogPanel
from app.panels.tradeoff_points import unpruned_point
from app.report_table import report_table
from app.selection import Selection
from core.config import SearchConfig
from core.events import SearchStarted, StageStarted
from tests.app.test_headless import make_candidate, make_report

BUDGETS = {"params": 0.4, "latency": 0.75}
STARTED = SearchStarted(20, 0.5, 40_000, 2_000, 0.926, 0.3, 0.2)
LIMITED = dataclasses.replace(STARTED, further_budgets=BUDGETS)


def test_words_become_settings():
    words = "search --macs-budget 1 --params-budget 0.4 --size-budget 0.3 --latency-budget 0.75"
    config = run_config(parse([*words.split(), "--latency-batch", "32"]))
    assert config.search == SearchConfig(
        macs_budget=1.0, params_budget=0.4, size_budget=0.3, latency_budget=0.75, latency_batch=32
    )


def test_help_says_what_the_budgets_are_of(capsys):
    with pytest.raises(SystemExit):
        parse(["search", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "share of the network's parameters that may stay, from 0.01 to 1 (default: 1)" in shown
    assert "images at once for which latency is predicted (default: 1)" in shown


def lines_of(*events) -> list[str]:
    err = io.StringIO()
    screen = Screen(io.StringIO(), err)
    for event in events:
        screen.show(event)
    return err.getvalue().splitlines()


def test_a_terminal_says_all_budgets_and_what_a_mask_keeps_of_them():
    kept = {"params": 0.391, "latency": 0.7}
    candidate = dataclasses.replace(make_candidate(10), further_kept=kept)
    lines = lines_of(LIMITED, StageStarted("Searching", 20), candidate)
    assert lines[1] == (
        "At most 50.0 % of the MACs, 40.0 % of the parameters, 75.0 % of the predicted latency"
    )
    assert "MACs kept 49.8 %, parameters 39.1 %, latency 70.0 %, " in lines[3]
    assert not any("At most" in line for line in lines_of(STARTED))


def test_the_table_says_what_was_kept_and_how_well_it_was_predicted():
    further = {"size": {"budget": 0.5, "kept": 0.4987}}
    note = "Latency predicted from its layers: 55.0 % kept."
    report = make_report(further_budgets=further, latency_prediction={"note": note})
    lines = report_table(report, "runs/first").splitlines()
    assert "Kept: 49.9 % of the weights' file (budget 50.0 %)" in lines
    assert note in lines
    assert "Kept:" not in report_table(make_report(), "runs/first")


def test_the_table_says_whether_the_network_was_trained_while_it_was_pruned():
    told = "was trained while it was pruned"
    assert told in report_table(make_report(adapted=True), "runs/first")
    assert told not in report_table(make_report(adapted=False), "runs/first")


def test_the_table_says_whose_networks_were_refitted():
    before = {"l1_uniform": {"accuracy": 0.5, "cross_entropy": 2.5}}
    adapted = report_table(make_report(adapted=True, before_refit=before), "runs/first")
    assert "the criteria have refitted weights" in adapted
    refitted = report_table(make_report(adapted=False, before_refit=before), "runs/first")
    assert "All masks' networks were refitted" in refitted
    assert "refitted" not in report_table(make_report(adapted=True), "runs/first")


def test_the_log_says_all_budgets(qtbot):
    panel = LogPanel(Selection())
    qtbot.addWidget(panel)
    panel.show_event(LIMITED)
    panel.show_event(STARTED)
    first, second = panel.view.toPlainText().splitlines()
    words = "at most 50.0 % of the MACs, 40.0 % of the parameters, 75.0 % of the predicted latency;"
    assert words in first
    assert "at most 50.0 % of the MACs;" in second


def test_shares_are_listed_in_one_order():
    assert shares_text({}) == ""
    words = ", 30.0 % of the parameters, 20.0 % of the weights' file"
    assert shares_text({"size": 0.2, "params": 0.3}) == words


def test_the_unpruned_network_is_within_no_further_budget():
    whole = dataclasses.replace(STARTED, macs_budget=1.0)
    assert unpruned_point(whole).meets_budget
    assert not unpruned_point(dataclasses.replace(whole, further_budgets=BUDGETS)).meets_budget


def test_a_run_s_budgets_in_few_words():
    assert budgets_text(0.5, {}) == "50 %"
    assert budgets_text(None, {}) == "–"
    assert budgets_text(1.0, {}) == "100 %"
    assert budgets_text(0.5, BUDGETS) == "50 %, parameters 40 %, latency 75 %"
    assert budgets_text(1.0, {"size": 0.3}) == "file 30 %"
