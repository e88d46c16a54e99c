"""Changed files of a pruned network give their sentences, and nothing else leaves the reader."""

from pathlib import Path

import pytest

from core.errors import EspalierError
from core.export import load_pruned
from tests.bad_input.case import Case, check_sentence, tiny
from tests.bad_input.pruned import PRUNED, described


@pytest.mark.parametrize("case", PRUNED, ids=lambda case: case.name)
def test_it_gives_its_sentence(tmp_path: Path, case: Case) -> None:
    path = case.make(tmp_path)
    with pytest.raises(EspalierError) as refused:
        load_pruned(tiny(), path)
    check_sentence(refused.value, case.sentence)


def test_what_was_not_changed_is_read(tmp_path: Path) -> None:
    assert load_pruned(tiny(), described()(tmp_path)).get_parameter("0.weight").shape[0] == 6
