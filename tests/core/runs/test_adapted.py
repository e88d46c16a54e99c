"""The weights of a run whose network adapted: exported, kept, and fine-tuned further."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import RunError
from core.evaluation import class_logits, read_part
from core.events import (
    FinetuneScored,
    FinetuneStarted,
    NetworkAdapted,
    NoticeRaised,
    SearchFinished,
)
from core.export import EXPORTERS, Exporter, cut_network, load_pruned
from core.export.pytorch import write_state
from core.export.verify import module_reader
from core.pruning.surgery import network_state
from core.runs.adapted import UNREFITTED, adapted_arrays, read_adapted, read_weights, with_weights
from core.runs.exporting import export_of_run
from core.runs.files import ADAPTED_FILE, write_arrays
from core.runs.finetuning import record_finetuning
from core.runs.flow import record_run
from core.runs.masks import read_masks
from core.runs.rounding import round_run, rounded_settings
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Residual, build, example_images

CPU = torch.device("cpu")
CONFIG = RunConfig(
    network="tiny",
    data="random",
    latency=False,
    exports=False,
    search=SearchConfig(
        evaluations=4,
        reward="teacher",
        adaptation_steps=4,
        distillation_rate=0.1,
        distillation_batch=8,
        reward_images=8,
        samples_per_update=2,
        threads=1,
        device="cpu",
    ),
    finetune=FinetuneConfig(epochs=1, batch_size=8, precision="float32"),
)


def test_a_run_tests_and_fine_tunes_what_adapted(tmp_path, monkeypatch):
    opened = open_tiny(Residual)
    events = list(record_run(opened, CONFIG, tmp_path))
    (adapted,) = [event for event in events if isinstance(event, NetworkAdapted)]
    (finished,) = [event for event in events if isinstance(event, SearchFinished)]
    learned = with_weights(opened, adapted.weights)
    expected = cut_network(learned, finished.keep, CPU)
    _, scores = finish(read_part({"own": expected}, opened.images.test, device=CPU))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["adapted"] is True
    assert report["pruned"]["cross_entropy"] == pytest.approx(scores["own"].cross_entropy)
    # the criteria are cut out of the network as it was
    _, scores = finish(
        read_part(
            {"l1": cut_network(opened, finished.criteria["l1_uniform"], CPU)},
            opened.images.test,
            device=CPU,
        )
    )
    nats = report["criteria"]["l1_uniform"]["cross_entropy"]
    assert nats == pytest.approx(scores["l1"].cross_entropy)

    masks = read_masks(tmp_path, opened.analysis.plan.channel_count)
    told = list(record_finetuning(opened, masks, CONFIG, tmp_path))
    (started,) = [event for event in told if isinstance(event, FinetuneStarted)]
    _, scores = finish(read_part({"own": expected}, opened.images.held_out, device=CPU))
    assert started.cross_entropy == pytest.approx(scores["own"].cross_entropy)
    assert any(isinstance(event, FinetuneScored) for event in told)

    # and there is no use for a refit
    monkeypatch.setattr("core.runs.finetuning.refit_for", None)
    # what is written elsewhere begins with the same weights
    config = dataclasses.replace(CONFIG, finetune=dataclasses.replace(CONFIG.finetune, refit=True))
    told = list(record_finetuning(opened, masks, config, tmp_path / "else", run_folder=tmp_path))
    (elsewhere,) = [event for event in told if isinstance(event, FinetuneStarted)]
    assert elsewhere.cross_entropy == started.cross_entropy


def test_a_network_that_adapted_is_reported_without_a_refit(tmp_path):
    config = dataclasses.replace(CONFIG, refit=True)
    events = list(record_run(open_tiny(Residual), config, tmp_path))
    assert [one.message for one in events if isinstance(one, NoticeRaised)].count(UNREFITTED) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["adapted"] is True
    assert set(report["before_refit"]) == set(report["criteria"])


def test_a_run_that_did_not_adapt_keeps_no_weights(tmp_path):
    opened = open_tiny(Chain)
    plain = dataclasses.replace(
        CONFIG, search=dataclasses.replace(CONFIG.search, adaptation_steps=0)
    )
    list(record_run(opened, plain, tmp_path))
    assert not (tmp_path / ADAPTED_FILE).exists()
    assert json.loads((tmp_path / "report.json").read_text())["adapted"] is False
    assert read_adapted(tmp_path, opened, np.ones(14, dtype=np.bool_)) is None


def test_weights_come_back_for_their_own_mask_only(tmp_path):
    opened, keep = open_tiny(Chain), np.arange(14) % 2 == 0
    weights = {
        key: value.numpy() + 1 for key, value in network_state(opened.network.module).items()
    }
    write_arrays(tmp_path / ADAPTED_FILE, adapted_arrays(weights, keep))
    again = read_adapted(tmp_path, opened, keep)
    assert again is not None
    state = network_state(again.network.module)
    assert all(np.array_equal(state[key].numpy(), weights[key]) for key in weights)
    assert read_adapted(tmp_path, opened, ~keep) is None


@pytest.mark.parametrize("shape", [(9, 9), (1,)])
def test_weights_of_another_network_or_a_damaged_file_are_refused(tmp_path, shape):
    opened, keep = open_tiny(Chain), np.arange(14) % 2 == 0
    weights = {key: v.numpy() for key, v in network_state(opened.network.module).items()}
    other = adapted_arrays({**weights, "head.weight": np.zeros(shape)}, keep)
    write_arrays(tmp_path / ADAPTED_FILE, other)
    with pytest.raises(RunError, match=r"adapted\.npz is damaged or of another network"):
        read_adapted(tmp_path, opened, keep)
    (tmp_path / ADAPTED_FILE).write_bytes(b"no zip")
    with pytest.raises(RunError, match="Delete it"):
        read_adapted(tmp_path, opened, keep)


@pytest.fixture(scope="module")
def adapted_run(tmp_path_factory):
    """A finished run whose network adapted, and what it searched."""
    opened, folder = open_tiny(Residual), tmp_path_factory.mktemp("adapted")
    list(record_run(opened, CONFIG, folder))
    return opened, folder


def read_state(pruned, folder):
    yield module_reader(load_pruned(pruned.build(), folder))


def logits(module):
    with torch.no_grad():
        return class_logits(module(example_images()))


def test_an_export_by_hand_has_the_adapted_weights_of_the_winner(
    adapted_run, tmp_path, monkeypatch
):
    opened, folder = adapted_run
    files = ("pruned.pt", "pruned.json", "load_pruned.py")
    stub = Exporter("Stub", files, "reloaded", write_state, None, read_state)
    monkeypatch.setitem(EXPORTERS, "stub", stub)
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build(Residual))
    masks = read_masks(folder, opened.analysis.plan.channel_count)
    learned = read_adapted(folder, opened, masks.best)
    assert learned is not None
    config = dataclasses.replace(CONFIG, refit=True)  # which would undo what the weights learned
    other = masks.criteria["l1_uniform"]
    assert not np.array_equal(other, masks.best)
    for keep, source in ((masks.best, learned), (other, opened)):
        events = list(export_of_run(opened, keep, tmp_path, ("stub",), config, folder))
        told = [event.message for event in events if isinstance(event, NoticeRaised)]
        assert (UNREFITTED in told) is (source is learned)
        written = load_pruned(build(Residual), tmp_path)
        if source is opened:
            continue  # refitted, as its settings say
        assert torch.allclose(logits(written), logits(cut_network(source, keep, CPU)), atol=1e-5)
        assert not torch.allclose(logits(written), logits(cut_network(opened, keep, CPU)))
    list(export_of_run(opened, other, tmp_path, ("stub",), CONFIG, folder))
    written = load_pruned(build(Residual), tmp_path)
    assert torch.allclose(logits(written), logits(cut_network(opened, other, CPU)), atol=1e-5)


def test_a_rounded_run_has_the_adapted_weights(adapted_run, tmp_path):
    opened, folder = adapted_run
    events = list(round_run(opened, rounded_settings(folder, 4, macs_budget=0.8), folder, tmp_path))
    (finished,) = [event for event in events if isinstance(event, SearchFinished)]
    masks = read_masks(folder, opened.analysis.plan.channel_count)
    assert not np.array_equal(finished.keep, masks.best)
    before = read_weights(folder, opened, masks.best)
    after = read_weights(tmp_path, opened, finished.keep)
    assert before is not None and after is not None
    assert all(np.array_equal(after[name], value) for name, value in before.items())
    expected = cut_network(with_weights(opened, before), finished.keep, CPU)
    _, scores = finish(read_part({"own": expected}, opened.images.test, device=CPU))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["adapted"] is True
    assert report["pruned"]["cross_entropy"] == pytest.approx(scores["own"].cross_entropy)
