"""Fine-tuning a run's masks: what is compared, tested once, exported and written."""

import contextlib
import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import DataError, ParityError, RunError
from core.events import (
    ExportFinished,
    FinetuneAdvanced,
    FinetuneReported,
    FinetuneStarted,
    NoticeRaised,
    StopRequested,
)
from core.export import EXPORTERS, load_pruned
from core.export.onnx import read_metadata
from core.finetuning.judging import compare_with_unpruned
from core.runs.files import move_earlier_run, write_arrays
from core.runs.finetune_file import read_finetune_file
from core.runs.finetuning import export_finetuned, record_finetuning
from core.runs.lock import locked_folder
from core.runs.masks import RunMasks, read_masks
from core.runs.measuring import measure_run
from tests.core.export.opened import build_tiny, half_mask, open_tiny
from tests.core.runs.test_runs import CountingPart
from tests.core.tiny import finish

CONFIG = RunConfig(
    network="tiny",
    data="random",
    latency=False,
    search=SearchConfig(threads=1, device="cpu"),
    finetune=FinetuneConfig(epochs=2, batch_size=8),
)


def compared(how: str) -> RunConfig:
    return dataclasses.replace(CONFIG, finetune=dataclasses.replace(CONFIG.finetune, compare=how))


@pytest.fixture
def opened(monkeypatch):
    # no exporter but the comparison of cut and masked: the others take seconds
    monkeypatch.setattr("core.runs.finetuning.EXPORTERS", {})
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
    opened = open_tiny()
    images = dataclasses.replace(opened.images, test=CountingPart(3))
    return dataclasses.replace(opened, images=images)


@pytest.fixture
def masks(opened):
    best = half_mask(opened.analysis.groups.channel_count)
    other = np.ones_like(best)
    other[::3] = False
    return RunMasks(best, {"l1_uniform": ~best, "fpgm_global": other, "random_uniform": best})


def no_readers(pruned, folder):
    return iter(())


def names(events):
    return [event.name for event in events if isinstance(event, FinetuneStarted)]


def test_the_learned_mask_is_trained_tested_exported_and_written(opened, masks, tmp_path):
    folder = tmp_path / "run"
    events, _ = finish(record_finetuning(opened, masks, CONFIG, folder))
    assert names(events) == ["learned"]
    assert isinstance(events[-1], FinetuneReported)
    assert events[-1].report == json.loads((folder / "finetune.json").read_text()) | {
        "networks": events[-1].report["networks"]
    }
    file = read_finetune_file(folder)
    (learned,) = file.networks
    assert (learned.name, learned.epochs) == ("learned", 2)
    assert learned.after.kl is not None
    assert file.unpruned.kl == pytest.approx(0.0, abs=1e-6)
    assert file.parity["hard_vs_soft"] < 1e-4
    assert (opened.images.test.reads == 1).all()


def test_the_exported_network_is_the_fine_tuned_one(opened, masks, tmp_path, monkeypatch):
    exporter = dataclasses.replace(
        EXPORTERS["pytorch"], convert=None, files=("pruned.pt", "pruned.json"), readers=no_readers
    )
    monkeypatch.setattr("core.runs.finetuning.EXPORTERS", {"pytorch": exporter})
    monkeypatch.setattr("core.export.exporting.EXPORTERS", {"pytorch": exporter})
    events, _ = finish(record_finetuning(opened, masks, CONFIG, tmp_path))
    finished = next(event for event in events if isinstance(event, ExportFinished))
    assert all("finetuned" in name for name in finished.files)
    module = load_pruned(build_tiny(), tmp_path / "finetuned")
    images, labels = opened.images.test.batch(np.arange(40))
    with torch.no_grad():
        logits = module(images)
    after = read_finetune_file(tmp_path).networks[0].after
    assert float(F.cross_entropy(logits, labels)) == pytest.approx(after.cross_entropy, rel=1e-4)


def test_the_fine_tuned_network_is_measured_again(opened, masks, tmp_path, monkeypatch):
    measure = measure_run.__globals__["measure_latency"]
    monkeypatch.setattr(
        "core.runs.measuring.measure_latency", lambda runtimes: measure(runtimes, seconds=0.0)
    )
    config = dataclasses.replace(CONFIG, latency=True)
    finish(record_finetuning(opened, masks, config, tmp_path))
    measured = read_finetune_file(tmp_path).measured
    assert {row["runtime"] for row in measured["latency"]} == {"PyTorch", "PyTorch channels_last"}
    for sizes in (measured["file_bytes"], measured["peak_activation_bytes"]):
        assert 0 < sizes["pruned"] < sizes["baseline"]
    assert measured["latency_not_measured"] == {"ONNX Runtime": "pruned.onnx was not exported"}


def test_the_fine_tuned_network_is_exported_with_all_that_a_run_says(
    opened, masks, tmp_path, monkeypatch
):
    """One real export: opset, float16, metadata of the file."""
    onnx = {"onnx": EXPORTERS["onnx"]}
    monkeypatch.setattr("core.runs.finetuning.EXPORTERS", onnx)
    config = dataclasses.replace(CONFIG, export_half=True)
    finish(record_finetuning(opened, masks, config, tmp_path))
    file = read_finetune_file(tmp_path)
    assert file.measured["opset"] >= 18
    assert 0 < file.measured["parity_float16"]["onnx"] < file.measured["parity_float16_limit"]
    assert (tmp_path / "finetuned" / "pruned_float16.onnx").is_file()
    about = read_metadata(tmp_path / "finetuned" / "pruned.onnx")
    assert about["run"] == f"{tmp_path.name}/finetuned"
    assert float(about["accuracy"]) == pytest.approx(file.networks[0].after.accuracy, rel=1e-4)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", {"learned"}),
        ("all", {"learned", "l1_uniform", "fpgm_global", "random_uniform"}),
        ("best", {"learned", "l1_uniform", "random_uniform"}),
    ],
)
def test_criteria_get_the_same_fine_tuning(opened, masks, tmp_path, how, expected):
    events, _ = finish(record_finetuning(opened, masks, compared(how), tmp_path))
    trained = names(events)
    assert trained[0] == "learned"
    assert expected <= set(trained) <= {"learned", *masks.criteria}
    assert [one.name for one in read_finetune_file(tmp_path).networks] == trained


def test_a_stop_ends_the_training_and_still_tests(opened, masks, tmp_path):
    events = record_finetuning(opened, masks, compared("all"), tmp_path)
    for event in events:
        if isinstance(event, FinetuneAdvanced):
            break
    events.throw(StopRequested())
    rest, _ = finish(events)
    file = read_finetune_file(tmp_path)
    assert [one.name for one in file.networks] == ["learned"]
    assert file.networks[0].is_stopped
    assert file.networks[0].after.accuracy is not None
    assert isinstance(rest[-1], FinetuneReported)


def test_a_second_stop_leaves_the_test_out(opened, masks, tmp_path):
    events = record_finetuning(opened, masks, CONFIG, tmp_path)
    for event in events:
        if getattr(event, "stage", "") == "Reading the test images":
            break
    told = events.throw(StopRequested())
    assert told.message == "Stopped: the test images were not read and nothing was exported."
    finish(events)
    file = read_finetune_file(tmp_path)
    assert file.networks[0].after.accuracy is None
    assert file.parity is None


@pytest.mark.parametrize("stopped_at", ["The files of an earlier", "Reading the test images", ""])
def test_what_an_earlier_fine_tuning_has_written_stays_together(
    opened, masks, tmp_path, monkeypatch, stopped_at
):
    exporter = dataclasses.replace(
        EXPORTERS["pytorch"], convert=None, files=("pruned.pt", "pruned.json"), readers=no_readers
    )
    monkeypatch.setattr("core.runs.finetuning.EXPORTERS", {"pytorch": exporter})
    monkeypatch.setattr("core.export.exporting.EXPORTERS", {"pytorch": exporter})
    finish(record_finetuning(opened, masks, CONFIG, tmp_path))
    first = [(tmp_path / name).read_bytes() for name in ("finetune.json", "finetuned/pruned.pt")]
    again = dataclasses.replace(CONFIG, finetune=FinetuneConfig(epochs=1, batch_size=8))
    told = []
    events = record_finetuning(opened, masks, again, tmp_path)
    for event in events:
        told.append(getattr(event, "message", ""))
        if stopped_at and (told[-1] or getattr(event, "stage", "")).startswith(stopped_at):
            told.append(events.throw(StopRequested()).message)
    place = tmp_path / "earlier-1"
    moved = f"The files of an earlier fine-tuning in {tmp_path} were moved to {place}."
    assert told.count(moved) == 1
    assert first == [
        (place / name).read_bytes() for name in ("finetune.json", "finetuned/pruned.pt")
    ]
    file = read_finetune_file(tmp_path)
    assert file.settings["epochs"] == 1
    assert (file.parity is None) is bool(stopped_at)
    assert (tmp_path / "finetuned").exists() is not bool(stopped_at)


def test_a_broken_off_comparison_is_taken_up(opened, masks, tmp_path):
    finish(record_finetuning(opened, masks, compared("all"), tmp_path / "whole"))
    events = record_finetuning(opened, masks, compared("all"), tmp_path / "torn")
    for event in events:
        if isinstance(event, FinetuneStarted) and event.name == "l1_uniform":
            break
    events.close()
    assert read_finetune_file(tmp_path / "torn") is None
    again = record_finetuning(opened, masks, compared("all"), tmp_path / "torn", resume=True)
    finish(again)
    first, second = (read_finetune_file(tmp_path / name) for name in ("whole", "torn"))
    for one, other in zip(first.networks, second.networks, strict=True):
        assert (one.name, one.after, one.history) == (other.name, other.after, other.history)


def test_a_fine_tuning_that_begins_anew_forgets_where_earlier_ones_stood(opened, masks, tmp_path):
    list(record_finetuning(opened, masks, compared("all"), tmp_path))
    left = sorted(path.name for path in (tmp_path / "finetuning").iterdir())
    assert len(left) > 1
    longer = compared("all")
    longer = dataclasses.replace(
        longer, finetune=dataclasses.replace(longer.finetune, epochs=longer.finetune.epochs + 1)
    )
    with contextlib.closing(record_finetuning(opened, masks, longer, tmp_path)) as run:
        next(event for event in run if isinstance(event, FinetuneAdvanced) and event.epoch > 1)
    assert [path.name for path in (tmp_path / "finetuning").iterdir()] == ["learned.pt"]
    events = list(record_finetuning(opened, masks, longer, tmp_path, resume=True))
    assert len(names(events)) == len(left)


def test_a_refused_export_is_told_after_the_report(opened, masks, tmp_path, monkeypatch):
    monkeypatch.setattr("core.export.verify.PARITY_LIMIT", -1.0)
    seen = []
    with pytest.raises(ParityError):
        for event in record_finetuning(opened, masks, CONFIG, tmp_path):
            seen.append(event)
    assert isinstance(seen[-1], FinetuneReported)
    assert "refused" in read_finetune_file(tmp_path).export_error


def test_a_finetuned_network_is_exported_into_any_folder(opened, masks, tmp_path):
    events, _ = finish(record_finetuning(opened, masks, CONFIG, tmp_path / "run"))
    handle = next(event.handle for event in events if hasattr(event, "handle"))
    last = finish(export_finetuned(opened, handle, tmp_path / "other", ()))[0][-1]
    assert isinstance(last, ExportFinished)
    assert last.parity["hard_vs_soft"] < 1e-4


def test_masks_of_a_run_are_read(opened, masks, tmp_path):
    count = len(masks.best)
    with pytest.raises(RunError, match="Choose the folder of a run"):
        read_masks(tmp_path, count)
    arrays = {
        "best": masks.best,
        "criteria": np.stack(list(masks.criteria.values())),
        "criteria_names": np.array(list(masks.criteria)),
    }
    write_arrays(tmp_path / "masks.npz", arrays)
    read = read_masks(tmp_path, count)
    assert (read.best == masks.best).all()
    assert list(read.criteria) == list(masks.criteria)
    with pytest.raises(RunError, match="the network has 3"):
        read_masks(tmp_path, 3)
    write_arrays(tmp_path / "masks.npz", {"x": masks.best})
    with pytest.raises(RunError, match="holds no masks"):
        read_masks(tmp_path, count)


def test_other_training_images_are_named_and_refused_if_there_are_none(opened, masks, tmp_path):
    finetuning = dataclasses.replace(CONFIG.finetune, data=str(tmp_path / "nowhere"))
    config = dataclasses.replace(CONFIG, finetune=finetuning)
    with pytest.raises(DataError, match="unpack archives first"):
        finish(record_finetuning(opened, masks, config, tmp_path / "run"))


def test_training_images_without_labels_are_refused(opened, masks, tmp_path):
    images = np.zeros((20, 8, 8, 3), np.uint8)
    classes = np.array(opened.images.class_names)
    np.savez(tmp_path / "bare.npz", x_train=images, x_test=images, classes=classes)
    finetuning = dataclasses.replace(CONFIG.finetune, data=str(tmp_path / "bare.npz"))
    config = dataclasses.replace(CONFIG, finetune=finetuning)
    with pytest.raises(DataError, match="no labels y_train to learn"):
        finish(record_finetuning(opened, masks, config, tmp_path / "run"))


def test_divergence_from_the_unpruned_network_by_hand():
    opened = open_tiny()

    class Even(torch.nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 4)

    class Sure(torch.nn.Module):
        def forward(self, x):
            return torch.tensor([np.log(3.0), 0.0, -100.0, -100.0]).float().expand(len(x), 4)

    part = opened.images.test
    _, scores = finish(compare_with_unpruned(Sure(), {"even": Even()}, part, torch.device("cpu")))
    # unpruned: 3/4, 1/4, 0, 0; even: a quarter each
    by_hand = 0.75 * np.log(0.75 / 0.25) + 0.25 * np.log(0.25 / 0.25)
    assert scores["even"].kl == pytest.approx(by_hand, rel=1e-5)
    assert scores["even"].cross_entropy == pytest.approx(np.log(4), rel=1e-5)


def test_notices_are_sentences(opened, masks, tmp_path):
    folder = tmp_path / "more"
    arrays = {
        "x_train": np.zeros((20, 8, 8, 3), np.uint8),
        "y_train": np.arange(20) % 4,
        "x_test": np.zeros((4, 8, 8, 3), np.uint8),
        "y_test": np.arange(4),
        "classes": np.array(["a", "b", "c", "d"]),
    }
    folder.mkdir()
    write_arrays(folder / "more.npz", arrays)
    finetuning = dataclasses.replace(CONFIG.finetune, data=str(folder / "more.npz"))
    config = dataclasses.replace(CONFIG, finetune=finetuning)
    events, _ = finish(record_finetuning(opened, masks, config, tmp_path / "run"))
    notices = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert any(notice.startswith("Trained on 20 images of") for notice in notices)
    assert read_finetune_file(tmp_path / "run").training_images == 20


def test_unreadable_training_images_are_named(opened, masks, tmp_path):
    for name in opened.images.class_names:
        (tmp_path / "more" / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.full((8, 8, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "more" / name / f"{number}.png")
    torn = tmp_path / "more" / opened.images.class_names[0] / "0.png"
    torn.write_bytes(b"torn")
    finetuning = dataclasses.replace(CONFIG.finetune, data=str(tmp_path / "more"))
    config = dataclasses.replace(CONFIG, finetune=finetuning)
    events, _ = finish(record_finetuning(opened, masks, config, tmp_path / "run"))
    notices = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert any("1 unreadable image was skipped" in n and "0.png" in n for n in notices)


def test_a_new_search_in_the_folder_moves_what_was_fine_tuned(opened, masks, tmp_path):
    finish(record_finetuning(opened, masks, CONFIG, tmp_path))
    move_earlier_run(tmp_path)
    assert read_finetune_file(tmp_path) is None
    assert read_finetune_file(tmp_path / "earlier-1") is not None
    assert (tmp_path / "earlier-1" / "finetuning" / "learned.pt").is_file()


def test_a_folder_that_is_in_use_is_refused(opened, masks, tmp_path):
    with locked_folder(tmp_path), pytest.raises(RunError, match="Another Espalier"):
        finish(record_finetuning(opened, masks, CONFIG, tmp_path))
