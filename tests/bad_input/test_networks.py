"""Each bad network gives its sentence, and nothing else leaves the reader."""

import pytest

from core.errors import EspalierError
from core.networks import open_network
from tests.bad_input.case import CLASSES, SHAPE, Case, check_sentence
from tests.bad_input.networks import NETWORKS


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_it_gives_its_sentence(tmp_path, case: Case) -> None:
    spec = case.make(tmp_path)
    with pytest.raises(EspalierError) as refused:
        open_network(spec, class_count=CLASSES, input_shape=SHAPE, trust=True)
    check_sentence(refused.value, case.sentence)
