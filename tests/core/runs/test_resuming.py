"""A run that was broken off: its folder opens, and it goes on to the bit."""

import contextlib
import csv
import dataclasses
import functools
import json
import random
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import PPOConfig, RunConfig, SearchConfig, load_run_config, to_toml
from core.errors import RunError
from core.events import (
    AttentionMeasured,
    BestChanged,
    CandidateEvaluated,
    CheckpointReached,
    CriterionEvaluated,
    HealthRaised,
    HeldOutScored,
    ImportancesMeasured,
    NoticeRaised,
    PolicyUpdated,
    RecordingFailed,
    RunReported,
    SearchFinished,
    SearchResumed,
    SearchStarted,
    StopRequested,
)
from core.runs.checkpoint import load_checkpoint
from core.runs.flow import record_run
from core.runs.replay import replay_run
from core.runs.resuming import resume_run, run_settings
from tests.core.export.opened import build_tiny, open_tiny
from tests.core.runs.test_event_log import same

SEARCH = SearchConfig(
    evaluations=18, macs_budget=0.5, reward_images=8, samples_per_update=4, threads=1
)
CONFIG = RunConfig(network="tiny", data="random", latency=False, search=SEARCH)
COMPARED = (
    SearchStarted,
    ImportancesMeasured,
    CriterionEvaluated,
    CandidateEvaluated,
    PolicyUpdated,
    AttentionMeasured,
    HeldOutScored,
    HealthRaised,
    BestChanged,
    SearchFinished,
)


@pytest.fixture(autouse=True)
def without_exporters(monkeypatch):
    monkeypatch.setattr("core.runs.flow.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())


def compared(events):
    """What must be the same to the bit, without the clock."""
    return [
        (type(event).__name__, {k: v for k, v in vars(event).items() if k != "seconds"})
        for event in events
        if isinstance(event, COMPARED)
    ]


def are_same(events, others) -> bool:
    one, other = compared(events), compared(others)
    return len(one) == len(other) and all(
        a[0] == b[0] and same(a[1], b[1]) for a, b in zip(one, other, strict=True)
    )


def break_off(folder, update, *, more=0):
    """Leave in `folder` a run that died `more` candidates after an update; returns what it told."""
    place, told = broken_run(update, more)
    shutil.copytree(Path(place.name) / "run", folder, dirs_exist_ok=True)
    return told


@functools.cache
def broken_run(update, more):
    """The folder of such a run, made once, and what the run told."""
    place = tempfile.TemporaryDirectory()
    told, left = [], more
    run = record_run(open_tiny(), CONFIG, Path(place.name) / "run")
    for event in run:
        told.append(event)
        reached = any(isinstance(e, CheckpointReached) and e.update == update for e in told)
        if reached and left == 0:
            break
        left -= reached and isinstance(event, CandidateEvaluated)
    run.close()
    return place, told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.runs.flow.EXPORTERS", {})
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        folder = tmp_path_factory.mktemp("whole")
        return folder, list(record_run(open_tiny(), CONFIG, folder))


@pytest.mark.parametrize(("update", "more"), [(1, 0), (2, 3), (4, 1), (5, 0)])
def test_a_run_goes_on_to_the_bit(whole, tmp_path, update, more):
    folder, events = whole
    break_off(tmp_path, update, more=more)
    (tmp_path / ".masks.npz.99.tmp").touch()  # as a kill leaves them
    (tmp_path / ".export-half").mkdir()
    (tmp_path / ".export-half" / "pruned.onnx").touch()
    torch.manual_seed(7)
    resumed = list(resume_run(open_tiny(), tmp_path))
    assert are_same(resumed, events)
    assert isinstance(resumed[-1], RunReported)
    rows = [row["evaluation"] for row in read_trajectory(tmp_path)]
    assert rows == [str(number) for number in range(1, 19)]
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {file.name for file in folder.iterdir()}
    for name in ("config.toml", "environment.json"):
        assert (tmp_path / name).read_text() == (folder / name).read_text()
    with np.load(tmp_path / "masks.npz") as ours, np.load(folder / "masks.npz") as theirs:
        assert all((ours[name] == theirs[name]).all() for name in theirs.files)


def read_trajectory(folder):
    with (folder / "trajectory.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_seam_is_told_once_when_the_run_is_opened_later(tmp_path):
    break_off(tmp_path, 1)
    for more in (1, 5):  # the first resume dies before its next checkpoint
        run = resume_run(open_tiny(), tmp_path)
        next(event for event in run if isinstance(event, SearchResumed))
        for _ in range(more):
            next(event for event in run if isinstance(event, CandidateEvaluated))
        run.close()
    list(resume_run(open_tiny(), tmp_path))
    told = [e for e in replay_run(tmp_path) if isinstance(e, SearchResumed | CandidateEvaluated)]
    seams = [place for place, event in enumerate(told) if isinstance(event, SearchResumed)]
    assert seams == [4, 9]  # of four masks an update
    assert [told[place].evaluations for place in seams] == [4, 8]


def test_seconds_go_on(tmp_path):
    break_off(tmp_path, 3)
    resumed = list(resume_run(open_tiny(), tmp_path))
    seconds = [event.seconds for event in resumed if isinstance(event, CandidateEvaluated)]
    assert seconds == sorted(seconds)
    finished = next(event for event in resumed if isinstance(event, SearchFinished))
    assert finished.seconds["total"] >= seconds[-1]
    assert resumed[-1].report["seconds"]["total"] >= finished.seconds["total"]


def test_a_run_goes_on_after_each_of_many_breaks(whole, tmp_path):
    told = break_off(tmp_path, 1)
    for _ in range(3):
        told, run = [], resume_run(open_tiny(), tmp_path)
        for event in run:
            told.append(event)
            if isinstance(event, CheckpointReached):
                break
        run.close()
    assert are_same(resume_run(open_tiny(), tmp_path), whole[1])


def test_a_run_that_died_before_its_first_update_begins_again(whole, tmp_path):
    run = record_run(open_tiny(), CONFIG, tmp_path)
    next(event for event in run if isinstance(event, CandidateEvaluated))
    run.close()
    resumed = list(resume_run(open_tiny(), tmp_path))
    notice = next(event for event in resumed if isinstance(event, NoticeRaised))
    assert "begins again" in notice.message
    assert are_same(resumed, whole[1])
    assert not list(tmp_path.glob("earlier-*"))


def test_a_run_that_died_while_it_exported_is_judged_again(whole, tmp_path):
    run = record_run(open_tiny(), CONFIG, tmp_path)
    next(event for event in run if isinstance(event, SearchFinished))
    run.close()
    assert are_same(resume_run(open_tiny(), tmp_path), whole[1])
    assert (tmp_path / "report.json").exists()


def test_a_resumed_run_can_be_stopped_and_is_then_finished(tmp_path):
    break_off(tmp_path, 2)
    run = resume_run(open_tiny(), tmp_path)
    goes_on = "after 8 of 18 evaluations"
    while not (isinstance(event := next(run), NoticeRaised) and goes_on in event.message):
        pass
    next(run)
    events = [run.throw(StopRequested()), *run]
    assert events[-1].report["stopped"] is True
    with pytest.raises(RunError, match="is finished"):
        next(resume_run(open_tiny(), tmp_path))


def test_only_the_folder_of_a_run_goes_on(tmp_path):
    with pytest.raises(RunError, match="There is no run in"):
        next(resume_run(open_tiny(), tmp_path))


def test_other_settings_weights_and_images_are_named(tmp_path):
    break_off(tmp_path, 1)
    opened = open_tiny()
    with torch.no_grad():
        next(opened.network.module.parameters()).mul_(1.0001)
    with pytest.raises(RunError, match="the network's weights changed since it began"):
        list(resume_run(opened, tmp_path))
    images = dataclasses.replace(open_tiny().images, held_out=open_tiny().images.reward)
    with pytest.raises(RunError, match="the images changed"):
        list(resume_run(dataclasses.replace(open_tiny(), images=images), tmp_path))
    text = (tmp_path / "config.toml").read_text()
    (tmp_path / "config.toml").write_text(text.replace("seed = 0", "seed = 1", 1))
    with pytest.raises(RunError, match=r"the settings in config\.toml changed"):
        list(resume_run(open_tiny(), tmp_path))


def test_a_run_from_before_weights_and_images_were_mixed_goes_on_so(tmp_path, monkeypatch):
    unnamed = re.compile(r"^(weight_mixing|adaptation_cutmix) = .*\n", re.MULTILINE)

    def old_toml(config):
        return unnamed.sub("", to_toml(config))

    with monkeypatch.context() as patch:
        for module in ("checkpoint", "recording"):
            patch.setattr(f"core.runs.{module}.to_toml", old_toml)
        run = record_run(open_tiny(), CONFIG, tmp_path)
        for event in run:
            if isinstance(event, CheckpointReached) and event.update == 2:
                break
        run.close()
    for text in (
        (tmp_path / "config.toml").read_text(),
        load_checkpoint(tmp_path).identity.config,
    ):
        assert not unnamed.search(text)
    old = dataclasses.replace(SEARCH, weight_mixing=False, adaptation_cutmix=0.0)
    assert run_settings(tmp_path) == dataclasses.replace(CONFIG, search=old)
    resumed = resume_run(open_tiny(), tmp_path)
    told = [event.message for event in resumed if isinstance(event, NoticeRaised)]
    assert any("Going on after" in words for words in told)
    assert not any("adapted weights count for" in words for words in told)
    assert "weight_mixing = false" in (tmp_path / "config.toml").read_text()
    assert load_run_config(tmp_path / "config.toml").search == old


@pytest.mark.parametrize("tenth", range(10))
def test_a_checkpoint_that_is_cut_is_refused_in_a_sentence(tmp_path, tenth):
    break_off(tmp_path, 1)
    path = tmp_path / "checkpoint.pt"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(RunError, match=r"checkpoint\.pt is damaged"):
        list(resume_run(open_tiny(), tmp_path))


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    break_off(tmp_path, 1)
    path = tmp_path / "checkpoint.pt"
    torch.save({**torch.load(path, weights_only=True), "version": 7}, path)
    with pytest.raises(RunError, match="checkpoint format 7, this one reads 2"):
        load_checkpoint(tmp_path)


def test_a_flipped_bit_in_a_checkpoint_never_goes_on_with_other_numbers(tmp_path):
    break_off(tmp_path, 1)
    path, chance = tmp_path / "checkpoint.pt", random.Random(0)
    content = path.read_bytes()
    for _ in range(150):
        flipped = bytearray(content)
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        with contextlib.suppress(RunError):  # a bit that nobody reads may be any
            assert load_checkpoint(tmp_path).state.as_dict()["version"] == 1
    refused = 0
    for place in range(len(content) // 4, 3 * len(content) // 4, len(content) // 40):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(RunError, match="is damaged"):
            load_checkpoint(tmp_path)
        refused += 1
    assert refused > 10


def test_a_log_shorter_than_its_checkpoint_is_refused(tmp_path):
    break_off(tmp_path, 2)
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(RunError, match=r"events\.jsonl is damaged or cut"):
        list(resume_run(open_tiny(), tmp_path))


def test_a_second_espalier_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    run = record_run(open_tiny(), CONFIG, tmp_path)
    next(event for event in run if isinstance(event, CheckpointReached))
    with pytest.raises(RunError, match="Another Espalier is writing into"):
        next(record_run(open_tiny(), CONFIG, tmp_path))
    with pytest.raises(RunError, match="Another Espalier is writing into"):
        next(resume_run(open_tiny(), tmp_path))
    run.close()
    assert not (tmp_path / ".lock").exists()
    (tmp_path / ".lock").touch()  # what a crash leaves
    assert isinstance(list(resume_run(open_tiny(), tmp_path))[-1], RunReported)


def test_every_mask_is_kept_packed(whole):
    folder, events = whole
    candidates = [event for event in events if isinstance(event, CandidateEvaluated)]
    with np.load(folder / "candidates.npz", allow_pickle=False) as arrays:
        masks = np.unpackbits(arrays["keep"], axis=1, count=int(arrays["channels"]))
        assert (masks.astype(bool) == np.stack([one.keep for one in candidates])).all()
        assert arrays["cross_entropy"].tolist() == [one.cross_entropy for one in candidates]
        assert arrays["update"].tolist() == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 2


def test_the_environment_is_written_down(whole):
    values = json.loads((whole[0] / "environment.json").read_text())
    assert values["seed"] == 0
    assert values["device"] == "cpu"
    assert values["threads"] == 1
    assert torch.__version__.startswith(values["torch"])
    assert len(values["network_sha256"]) == len(values["images_sha256"]) == 64


def test_a_run_is_replayed_to_the_bit(whole):
    folder, events = whole
    replayed = list(replay_run(folder, open_tiny()))
    assert are_same(replayed, events)
    seconds = [e.seconds for e in replayed if isinstance(e, CandidateEvaluated | SearchFinished)]
    told = [e.seconds for e in events if isinstance(e, CandidateEvaluated | SearchFinished)]
    assert seconds == told
    assert replayed[-1].folder == str(folder)
    assert replayed[-1].report == json.loads(json.dumps(events[-1].report))


def test_a_run_that_is_broken_off_is_replayed_as_far_as_it_came(whole, tmp_path):
    told = break_off(tmp_path, 2, more=2)
    replayed = list(replay_run(tmp_path, open_tiny()))
    assert are_same(replayed, told)
    assert 8 < sum(isinstance(event, CandidateEvaluated) for event in replayed) < 12


def test_the_run_of_another_network_is_refused(whole, tmp_path):
    from tests.core.tiny import open_tiny as open_other
    from tests.networks import Residual

    with pytest.raises(RunError, match=r"20 channels, it has 29.*Open the network of that run"):
        list(replay_run(whole[0], open_other(Residual)))
    with pytest.raises(RunError, match="There is no run in"):
        list(replay_run(tmp_path))


def test_a_run_of_an_older_espalier_opens_with_what_it_has(whole, tmp_path):
    for name in ("config.toml", "trajectory.csv", "masks.npz", "report.json"):
        shutil.copy(whole[0] / name, tmp_path)
    replayed = list(replay_run(tmp_path, open_tiny()))
    assert [type(event).__name__ for event in replayed] == [
        "SearchStarted",
        "NoticeRaised",
        "SearchFinished",
        "RunReported",
    ]
    finished = next(event for event in whole[1] if isinstance(event, SearchFinished))
    assert (replayed[2].keep == finished.keep).all()
    assert replayed[2].criteria.keys() == finished.criteria.keys()
    assert replayed[2].cross_entropy == finished.cross_entropy
    assert replayed[2].seconds["evaluation"] == pytest.approx(
        finished.seconds["evaluation"], abs=1e-3
    )


@pytest.mark.parametrize("tenth", range(10))
def test_masks_that_are_cut_are_refused_in_a_sentence(whole, tmp_path, tenth):
    content = (whole[0] / "masks.npz").read_bytes()
    (tmp_path / "masks.npz").write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(RunError, match=r"masks\.npz is damaged"):
        list(replay_run(tmp_path))


def test_a_checkpoint_that_cannot_be_written_is_told_once_and_stays_the_last_one(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "run"
    told = []
    with contextlib.closing(record_run(open_tiny(), CONFIG, folder)) as run:
        for event in run:
            told.append(event)
            if isinstance(event, CheckpointReached) and event.update == 2:
                folder.rename(tmp_path / "away")
            if isinstance(event, CheckpointReached) and event.update == 4:
                break
    failures = [event for event in told if isinstance(event, RecordingFailed)]
    assert len(failures) == 1
    assert load_checkpoint(tmp_path / "away").state.update in (1, 2)


def test_settings_keep_the_ways_to_files_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.py").touch()
    (tmp_path / "images.npz").touch()
    (tmp_path / "digits").mkdir()  # a folder of the same name as a data set
    from core.runs.paths import with_absolute_paths

    config = RunConfig(network="nets/mine.py:make", data="images.npz", checkpoint="published")
    there = with_absolute_paths(config)
    assert there.network == f"{tmp_path / 'nets' / 'mine.py'}:make"
    assert there.data == str(tmp_path / "images.npz")
    assert there.checkpoint == "published"
    assert with_absolute_paths(RunConfig()) == RunConfig()
    assert with_absolute_paths(there) == there


def test_the_runs_settings_make_the_same_run(whole):
    settings = load_run_config(whole[0] / "config.toml")
    assert settings == CONFIG
    assert settings.search.ppo == PPOConfig()
