"""What report.html says of budgets, also where report.json was changed by hand."""

from core.runs.html_budgets import budgets_section, budgets_words

REPORT = {
    "macs_budget": 0.5,
    "pruned": {"macs_kept": 0.498},
    "further_budgets": {
        "params": {"budget": 0.4, "kept": 0.39},
        "latency": {"budget": 0.7, "kept": 0.65},
    },
    "latency_prediction": {"note": "Predicted <65 %>."},
}


def test_a_title_names_all_budgets():
    assert budgets_words({"macs_budget": 0.5}) == "50.0 % of its MACs"
    assert budgets_words(REPORT) == (
        "50.0 % of its MACs, 40.0 % of its parameters and 70.0 % of its predicted latency"
    )


def test_macs_that_are_not_limited_are_not_named_where_others_are():
    size = {"further_budgets": {"size": {"budget": 0.4}}}
    assert budgets_words({"macs_budget": 1.0, **size}) == "40.0 % of its weights' file"
    assert budgets_words({"macs_budget": 1.0}) == "100.0 % of its MACs"


def test_a_table_holds_what_was_asked_and_what_is_kept():
    page = budgets_section(REPORT)
    for words in ("parameters", "40.0 %", "39.0 %", "65.0 %", "49.8 %", "Predicted &lt;65 %&gt;."):
        assert words in page


def test_macs_alone_need_no_table():
    assert budgets_section({"macs_budget": 0.5, "further_budgets": {}}) == ""


def test_what_makes_no_sense_is_left_out():
    odd = {"macs_budget": "x", "further_budgets": {"params": 3, "weight": {}}, "pruned": []}
    assert budgets_words(odd) == "– of its MACs and – of its parameters"
    assert "–" in budgets_section(odd)
    assert budgets_section({"further_budgets": [1]}) == ""
