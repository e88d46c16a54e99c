"""Weights that were refitted or that adapted, in words of report.html."""

from core.runs.html_refit import refit_section

REPORT = {
    "pruned": {"accuracy": 0.834, "cross_entropy": 0.5},
    "criteria": {"l1_uniform": {"accuracy": 0.781, "cross_entropy": None}},
    "before_refit": {
        "pruned": {"accuracy": 0.722, "cross_entropy": 1.25},
        "l1_uniform": {"accuracy": 0.5, "cross_entropy": 2.5},
    },
}


def test_each_network_stands_before_and_after_its_refit():
    page = refit_section(REPORT)
    cells = ("pruned", "72.2 %", "83.4 %", "1.250", "0.500")
    assert "".join(f"<td>{cell}</td>" for cell in cells) in page
    cells = ("l1_uniform", "50.0 %", "78.1 %", "2.500", "–")
    assert "".join(f"<td>{cell}</td>" for cell in cells) in page
    assert "adapted" not in page


def test_nothing_is_said_where_nothing_was_done():
    assert refit_section({}) == ""
    assert refit_section({"before_refit": {}, "adapted": False}) == ""
    assert refit_section({"before_refit": "no table", "adapted": "yes"}) == ""


def test_a_network_that_adapted_is_told():
    assert "have the original ones.</p>" in refit_section({"adapted": True})


def test_only_the_criteria_are_said_to_be_refitted_beside_a_network_that_adapted():
    before = {"l1_uniform": REPORT["before_refit"]["l1_uniform"]}
    page = refit_section({**REPORT, "adapted": True, "before_refit": before})
    assert "without a refit; the criteria&#x27;s networks have the original ones, refitted." in page
    assert "all these networks" not in page
    assert "<td>l1_uniform</td>" in page and "<td>pruned</td>" not in page
