"""Every file of a run's folder cut at every tenth, missing or a folder: it opens, or says why."""

import random
import re
from pathlib import Path

import pytest

from core.errors import EspalierError
from core.opening import Opened
from tests.bad_input.case import check_sentence
from tests.bad_input.run_folders import (
    CHANGES,
    FINISHED,
    READERS,
    SENTENCES,
    changed,
    cut_to,
    make_runs,
    names_of,
    sentence_of,
)

COMBINATIONS = 24


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Opened]:
    root = tmp_path_factory.mktemp("runs")
    return root, make_runs(root)


def read_all(folder: Path, opened: Opened, files: list[str]) -> set[str]:
    """Read a folder in every way; returns by whom it was refused, each in its sentence."""
    refused = set()
    for name, read in READERS.items():
        try:
            read(folder, opened)
        except EspalierError as error:
            if re.search(FINISHED, str(error)):
                assert name == "resume"
                continue
            pattern = sentence_of(name, files)
            assert pattern, f"{name} refuses {folder} with {files} changed: {error}"
            check_sentence(error, pattern)
            refused.add(name)
    return refused


@pytest.mark.parametrize("kind", ["finished", "broken"])
def test_a_run_that_nobody_touched_is_refused_by_none(runs, tmp_path, kind):
    root, opened = runs
    folder = changed(root / kind, tmp_path / "run", [], cut_to(0))
    wanted = {"report"} if kind == "broken" else set()
    assert read_all(folder, opened, _unfinished(kind)) == wanted


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_file_is_read_around_or_named(runs, tmp_path, change):
    root, opened = runs
    for kind in ("finished", "broken"):
        for file in names_of(root / kind):
            folder = changed(root / kind, tmp_path / "run", [file], CHANGES[change])
            refused = read_all(folder, opened, [file, *_unfinished(kind)])
            if change == "0 %":
                wanted = {reader for reader, name in SENTENCES if name == file}
                kept = {"resume"} if kind == "finished" else set()
                assert wanted - refused <= kept | {"replay"}, (kind, file)


def _unfinished(kind: str) -> list[str]:
    return ["report.json"] if kind == "broken" else []


@pytest.mark.parametrize("tenths", range(10))
def test_a_folder_of_which_every_file_is_cut_is_refused_in_a_sentence(runs, tmp_path, tenths):
    root, opened = runs
    for kind in ("finished", "broken"):
        names = names_of(root / kind)
        folder = changed(root / kind, tmp_path / "run", names, cut_to(tenths))
        assert {"compare", "masks"} <= read_all(folder, opened, [*names, *_unfinished(kind)])


def test_any_combination_of_changes_is_read_around_or_named(runs, tmp_path):
    root, opened = runs
    chance = random.Random(0)
    refusals = 0
    for _ in range(COMBINATIONS):
        kind = chance.choice(("finished", "broken"))
        names = names_of(root / kind)
        folder = changed(root / kind, tmp_path / "run", [], cut_to(0))
        files = chance.sample(names, chance.randrange(2, len(names)))
        for file in files:
            CHANGES[chance.choice(list(CHANGES))](folder / file)
        refusals += bool(read_all(folder, opened, [*files, *_unfinished(kind)]))
    assert refusals > COMBINATIONS // 2


@pytest.mark.parametrize("kind", ["nothing", "a file", "other files"])
def test_what_is_no_folder_of_a_run_is_refused(runs, tmp_path, kind):
    opened, place = runs[1], tmp_path / "run"
    if kind == "a file":
        place.write_text("no folder")
    elif kind == "other files":
        place.mkdir()
        (place / "notes.txt").write_text("no run")
    for name in ("replay", "resume", "report", "compare", "curves", "masks"):
        with pytest.raises(EspalierError) as refused:
            READERS[name](place, opened)
        check_sentence(refused.value, r"There is no|Cannot read|no masks")
    assert list(READERS["list"](place, opened)[0]) == []
