"""Bad settings give their sentences, and nothing else leaves the reader."""

from pathlib import Path

import pytest

from core.config import load_run_config
from core.errors import ConfigError
from tests.bad_input.case import Case, check_sentence
from tests.bad_input.checkpoints import CHECKPOINTS
from tests.bad_input.images import IMAGES
from tests.bad_input.networks import NETWORKS
from tests.bad_input.settings import SETTINGS


@pytest.mark.parametrize("case", SETTINGS, ids=lambda case: case.name)
def test_it_gives_its_sentence(tmp_path: Path, case: Case) -> None:
    path = case.make(tmp_path)
    with pytest.raises(ConfigError) as refused:
        load_run_config(Path(path))
    check_sentence(refused.value, case.sentence)


@pytest.mark.parametrize("cases", [NETWORKS, CHECKPOINTS, IMAGES, SETTINGS])
def test_no_case_is_told_twice(cases: tuple[Case, ...]) -> None:
    names = [case.name for case in cases]
    assert len(names) == len(set(names))


def test_the_catalogue_is_as_long_as_it_says() -> None:
    assert sum(map(len, (NETWORKS, CHECKPOINTS, IMAGES, SETTINGS))) >= 250
