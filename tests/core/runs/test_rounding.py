"""A finished run once more with rounded widths: its own folder, and what it costs is said."""

import json
import re
import shutil

import numpy as np
import pytest

from app.command_line import parse
from core.config import RunConfig, SearchConfig, load_run_config
from core.errors import ConfigError, RunError
from core.events import CandidateEvaluated, NoticeRaised, RunReported, SearchFinished
from core.runs import rounding
from core.runs.flow import record_run
from core.runs.masks import read_masks
from core.runs.measuring import odd_widths
from core.runs.rounding import open_and_round, round_run, rounded_folder, rounded_settings
from tests.core.export.opened import build_tiny, open_tiny

CONFIG = RunConfig(
    network="tiny",
    data="random",
    latency=False,
    search=SearchConfig(
        evaluations=6,
        macs_budget=0.6,
        reward_images=8,
        samples_per_update=3,
        threads=1,
        streams="prune",
    ),
)


@pytest.fixture(scope="module", autouse=True)
def _without_exporters():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.runs.flow.EXPORTERS", {})
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, and what it searched."""
    opened, folder = open_tiny(), tmp_path_factory.mktemp("runs") / "run"
    list(record_run(opened, CONFIG, folder))
    return opened, folder


def test_the_rounded_run_is_whole_and_the_first_one_stays(finished, tmp_path):
    opened, source = finished
    before = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    config = rounded_settings(source, 4)
    events = list(round_run(opened, config, source, tmp_path / "rounded"))
    assert isinstance(events[-1], RunReported)
    masks = read_masks(tmp_path / "rounded", opened.analysis.groups.channel_count)
    assert odd_widths(opened.analysis, masks.best, 4) == {}
    last = next(event for event in events if isinstance(event, SearchFinished))
    assert np.array_equal(last.keep, masks.best)
    assert last.macs_kept <= 0.6
    assert sum(isinstance(event, CandidateEvaluated) for event in events) == 6
    report = json.loads((tmp_path / "rounded" / "report.json").read_text())
    assert report["pruned"]["accuracy"] is not None
    assert report["pruned"]["macs_kept"] == pytest.approx(last.macs_kept)
    assert report["rounded"] == {"from": source.name, "to": 4}
    assert json.loads((source / "report.json").read_text())["rounded"] is None
    page = (tmp_path / "rounded" / "report.html").read_text()
    assert f"espalier round {source.name} --to 4 --macs-budget 0.6" in page
    assert load_run_config(tmp_path / "rounded" / "config.toml").search.round_to == 4
    assert before == {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}


def test_what_it_costs_in_macs_is_said(finished, tmp_path):
    opened, source = finished
    events = round_run(opened, rounded_settings(source, 4), source, tmp_path / "rounded")
    said = [event.message for event in events if isinstance(event, NoticeRaised)]
    (words,) = [line for line in said if "multiples of 4" in line]
    assert re.search(r"MACs kept \d+\.\d % before, \d+\.\d % now; \w+ \d+ to \d+", words)


def test_widths_that_are_round_already_are_said_and_nothing_is_written(finished, tmp_path):
    opened, source = finished
    folder = tmp_path / "rounded"
    config = rounded_settings(source, 4)
    list(round_run(opened, config, source, folder))
    with pytest.raises(RunError, match="All widths are multiples of 4 already"):
        list(round_run(opened, config, folder, tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_a_budget_that_no_such_widths_meet_is_refused_with_the_least(finished, tmp_path):
    opened, source = finished
    config = rounded_settings(source, 8, macs_budget=0.05)
    with pytest.raises(RunError, match=r"No widths that are multiples of 8 meet the budget of 5"):
        list(round_run(opened, config, source, tmp_path / "rounded"))
    assert not (tmp_path / "rounded").exists()


def test_an_unfinished_run_is_refused(finished, tmp_path):
    opened, source = finished
    broken = tmp_path / "broken"
    shutil.copytree(source, broken)
    lines = (broken / "events.jsonl").read_bytes().splitlines(keepends=True)
    (broken / "events.jsonl").write_bytes(b"".join(lines[:-3]))
    (broken / "report.json").unlink()
    with pytest.raises(RunError, match=r"is not finished\. Finish it with 'espalier resume'"):
        list(round_run(opened, rounded_settings(broken, 4), broken, tmp_path / "rounded"))


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="There is no run in"):
        next(open_and_round(tmp_path, None, 8))
    assert rounded_folder(tmp_path / "run", 8) == tmp_path / "run-rounded-8"


def test_the_terminal_gives_its_words_on(finished, tmp_path, monkeypatch):
    opened, source = finished

    def open_run(config, **options):
        assert config.search.macs_budget == 0.7
        yield from ()
        return opened

    monkeypatch.setattr(rounding, "open_run", open_run)
    words = parse(
        ["round", str(source), "--to", "4", "--macs-budget", "0.7", "--out", str(tmp_path / "out")]
    )
    list(open_and_round(words.folder, words.out, words.to, macs_budget=words.macs_budget))
    assert (tmp_path / "out" / "report.json").is_file()
    with pytest.raises(ConfigError, match="macs_budget"):
        next(open_and_round(source, None, 8, macs_budget=7.0))
