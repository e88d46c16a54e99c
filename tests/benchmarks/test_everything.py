"""The full sets are asked for by the names that the tests read, and a failure is not lost."""

from pathlib import Path

import pytest

from tests.benchmarks.everything import PARTS, Part, run_part

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PARTS)
def test_each_part_is_there_and_reads_what_is_set(name):
    part = PARTS[name]
    if part.words[0] != "pytest":
        assert (ROOT / Path(*part.words[0].split("."))).with_suffix(".py").is_file()
        return
    place = ROOT / part.words[-1]
    files = [place] if place.is_file() else list(place.glob("*.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert all(f'"{variable}"' in text for variable in part.environment)


def test_the_exit_code_is_that_of_the_part():
    assert run_part(Part(("tests.benchmarks.everything", "--only", "nothing"), {})) == 2
