"""finetune.json: written whole, and read as far as it goes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.finetune_file import (
    EpochLine,
    FinetunedNetwork,
    FinetuneFile,
    TestScore,
    file_contents,
    parse_finetune_file,
    read_finetune_file,
)

FILE = FinetuneFile(
    network="cifar_resnet20",
    dataset="cifar10_subset",
    training="the reward images of cifar10_subset",
    training_images=4068,
    test_images=1017,
    macs_budget=0.5,
    unpruned=TestScore(0.926, 0.29, 0.0),
    networks=(
        FinetunedNetwork(
            "learned",
            0.498,
            TestScore(0.75, 0.9, 0.8),
            TestScore(0.875, 0.42, 0.31),
            best_epoch=2,
            epochs=2,
            seconds=31.5,
            history=(EpochLine(0, 0.74, 0.91, None), EpochLine(1, 0.86, 0.44, 1.25)),
        ),
        FinetunedNetwork("l1_uniform", is_stopped=True),
    ),
    settings={"epochs": 2},
    parity={"onnx": 1e-6},
)


def test_what_is_written_is_read(tmp_path):
    (tmp_path / "finetune.json").write_text(json.dumps(file_contents(FILE)), encoding="utf-8")
    assert read_finetune_file(tmp_path) == FILE
    assert FILE.find("learned").after.accuracy == 0.875
    assert FILE.find("nobody") is None


@pytest.mark.parametrize("accuracy", [-0.1, 7.0, float("nan"), True])
def test_an_accuracy_that_is_no_share_is_not_known(accuracy):
    values = file_contents(FILE)
    values["networks"][0]["after"]["accuracy"] = accuracy
    values["networks"][0]["history"][0]["accuracy"] = accuracy
    learned = parse_finetune_file(values).networks[0]
    assert learned.after == TestScore(None, 0.42, 0.31)
    assert learned.history[0].accuracy is None


@pytest.mark.parametrize(
    "values",
    [None, [], {}, {"format": "espalier.report", "version": 1}, {"format": "espalier.finetune"}],
)
def test_what_is_no_such_file_is_none(values):
    assert parse_finetune_file(values) is None


def test_a_later_version_is_not_guessed_at():
    assert parse_finetune_file({"format": "espalier.finetune", "version": 2}) is None


def test_what_is_missing_or_wrong_is_none():
    file = parse_finetune_file(
        {
            "format": "espalier.finetune",
            "version": 1,
            "unpruned": {"accuracy": "high", "kl": True},
            "networks": [{"name": "learned", "after": None, "seconds": 3}, "nonsense"],
            "test_images": 2.5,
        }
    )
    assert file.unpruned == TestScore()
    assert file.networks == (FinetunedNetwork("learned", seconds=3.0),)
    assert file.test_images is None


def test_an_epoch_that_was_broken_off_is_a_fraction_and_the_others_stay_whole():
    history = (EpochLine(0, 0.7), EpochLine(1, 0.8), EpochLine(1.33, 0.81))
    network = FinetunedNetwork("learned", best_epoch=1.33, epochs=1.33, history=history)
    contents = json.loads(json.dumps(file_contents(FinetuneFile(networks=(network,)))))
    (read,) = parse_finetune_file(contents).networks
    assert read == network
    assert [type(line.epoch) for line in read.history] == [int, int, float]


def test_no_file_and_half_a_file_are_none(tmp_path):
    assert read_finetune_file(tmp_path) is None
    (tmp_path / "finetune.json").write_text('{"format": ', encoding="utf-8")
    assert read_finetune_file(tmp_path) is None


def test_reading_needs_no_torch():
    code = "import sys, core.runs.finetune_file; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
