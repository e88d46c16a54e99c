"""`espalier compare` in a terminal: its words, its table, its exit codes."""

import io

import pytest

from app.__main__ import main
from app.command_line import parse, run_config
from app.compare_words import split_methods
from app.headless_compare import ComparisonScreen
from core.events import NoticeRaised, StageStarted


def test_words_make_settings():
    words = ["compare", "--methods", "agent,l1", "--seeds", "3", "--macs-budget", "0.3"]
    arguments = parse([*words, "--evaluations", "32", "--set", "search.baselines.parents=8"])
    config = run_config(arguments)
    assert (config.search.macs_budget, config.search.evaluations) == (0.3, 32)
    assert config.search.baselines.parents == 8
    assert split_methods(arguments.methods) == ("agent", "l1")
    assert (arguments.seeds, arguments.finetune_epochs) == (3, 0)
    assert split_methods(None) == ()


def test_a_search_takes_a_method():
    config = run_config(parse(["search", "--method", "layer_ratios"]))
    assert config.search.method == "layer_ratios"


def test_two_methods_are_compared_in_one_call(tmp_path, capsys):
    out = tmp_path / "compared"
    words = ["compare", "--methods", "random,l1", "--seeds", "1", "--out", str(out)]
    search = ["--evaluations", "2", "--threads", "1"]
    assert main([*words, *search, "--set", "search.reward_images=16"]) == 0
    table = capsys.readouterr().out
    assert "random" in table
    assert str(out) in table
    assert (out / "comparison.md").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--methods", "luck"], "There is no method 'luck'"),
        (["--methods", ","], "Name the methods to compare"),
        (["--seeds", "0"], "--seeds must be between 1 and 1,000, not 0"),
        (["--finetune-epochs", "-1"], "--finetune-epochs must be between 0 and"),
    ],
)
def test_wrong_words_are_refused(words, sentence, tmp_path, capsys):
    assert main(["compare", "--out", str(tmp_path), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_each_run_is_named_once():
    err = io.StringIO()
    screen = ComparisonScreen(io.StringIO(), err)
    for stage in ("Searching", "Fine-tuning: learned"):
        screen.show(StageStarted(f"agent, seed 0 (1 of 2): {stage}", 4))
    screen.show(NoticeRaised("Mind this."))
    screen.show(StageStarted("l1, seed 0 (2 of 2): Comparing the criteria", 4))
    assert err.getvalue().splitlines() == [
        "agent, seed 0 (1 of 2) ...",
        "Mind this.",
        "l1, seed 0 (2 of 2) ...",
    ]
