"""The weights of a run whose network adapted: exported, kept, and fine-tuned further."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import RunError
from core.evaluation import read_part
from core.events import (
    FinetuneScored,
    FinetuneStarted,
    NetworkAdapted,
    SearchFinished,
)
from core.export import cut_network
from core.pruning.surgery import network_state
from core.runs.adapted import adapted_arrays, read_adapted, with_weights
from core.runs.files import ADAPTED_FILE, write_arrays
from core.runs.finetuning import record_finetuning
from core.runs.flow import record_run
from core.runs.masks import read_masks
from tests.core.tiny import finish, open_tiny
from tests.networks import Chain, Residual

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


def test_a_run_tests_and_fine_tunes_what_adapted(tmp_path):
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


def test_weights_of_another_network_or_a_damaged_file_are_refused(tmp_path):
    opened, keep = open_tiny(Chain), np.arange(14) % 2 == 0
    weights = {key: v.numpy() for key, v in network_state(opened.network.module).items()}
    other = adapted_arrays({**weights, "head.weight": np.zeros((9, 9))}, keep)
    write_arrays(tmp_path / ADAPTED_FILE, other)
    with pytest.raises(RunError, match=r"adapted\.npz is damaged or of another network"):
        read_adapted(tmp_path, opened, keep)
    (tmp_path / ADAPTED_FILE).write_bytes(b"no zip")
    with pytest.raises(RunError, match="Delete it"):
        read_adapted(tmp_path, opened, keep)
