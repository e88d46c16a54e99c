"""Images that fail during a run, and a run that waits: what was learned is on the disk."""

import dataclasses

import pytest

from core.config import RunConfig, SearchConfig
from core.errors import DataError
from core.events import CandidateEvaluated, CheckpointReached, RunReported
from core.runs.checkpoint import load_checkpoint
from core.runs.flow import record_run
from core.runs.lock import is_locked
from core.runs.resuming import resume_run
from tests.core.export.opened import RandomPart, build_tiny, open_tiny
from tests.core.runs.test_resuming import are_same

SEARCH = SearchConfig(
    evaluations=12, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)
CONFIG = RunConfig(network="tiny", data="random", latency=False, search=SEARCH)
SENTENCE = "Cannot read cat/7.png: it is not there any more. Put it back."


@pytest.fixture(autouse=True)
def _without_exporters(monkeypatch):
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())


@dataclasses.dataclass(frozen=True, eq=False)
class FailingPart(RandomPart):
    """Reward images of which one goes away while the search runs."""

    fails: list[bool] = dataclasses.field(default_factory=lambda: [False])

    def batch(self, indices):
        if self.fails[0]:
            raise DataError(SENTENCE)
        return super().batch(indices)


def test_images_that_go_away_end_the_run_in_a_sentence_and_it_goes_on_once_they_are_back(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("core.evaluation.CACHE_BYTES", 0)
    whole = list(record_run(open_tiny(), CONFIG, tmp_path / "whole"))
    opened = open_tiny()
    part = FailingPart(seed=1)
    images = dataclasses.replace(opened.images, reward=part)
    opened = dataclasses.replace(opened, images=images)
    told = []
    with pytest.raises(DataError, match=r"cat/7\.png"):
        for event in record_run(opened, CONFIG, tmp_path / "run"):
            told.append(event)
            if isinstance(event, CheckpointReached) and event.update == 2:
                monkeypatch.setattr(
                    "core.evaluation.CachedPart.batch", lambda self, at: part.batch(at)
                )
                part.fails[0] = True
    assert sum(isinstance(event, CandidateEvaluated) for event in told) == 8
    assert not is_locked(tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").state.update == 2
    part.fails[0] = False
    resumed = list(resume_run(opened, tmp_path / "run"))
    assert are_same(resumed, whole)
    assert isinstance(resumed[-1], RunReported)


def test_a_run_that_waits_has_its_state_on_the_disk(tmp_path):
    run = record_run(open_tiny(), CONFIG, tmp_path)
    next(event for event in run if isinstance(event, CheckpointReached) and event.update == 2)
    next(event for event in run if isinstance(event, CandidateEvaluated))
    assert load_checkpoint(tmp_path).state.evaluations == 8
    assert (tmp_path / "events.jsonl").stat().st_size >= load_checkpoint(tmp_path).log_bytes
    rows = (tmp_path / "trajectory.csv").read_text().splitlines()
    assert len(rows) == 1 + 9
    run.close()
    assert not is_locked(tmp_path)
