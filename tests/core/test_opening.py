from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.config import RunConfig, SearchConfig
from core.errors import ConsentNeeded, DataError, NetworkError
from core.events import (
    Event,
    NetworkOpened,
    NoticeRaised,
    SearchFinished,
    SearchStarted,
    StageStarted,
)
from core.opening import Opened, open_run
from core.search import run_search

NETS = """
import torch
from torch import nn

def make(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, num_classes)
    )
"""


def run_to_end(events: Generator[Event, None, Opened]) -> tuple[list[Event], Opened]:
    seen: list[Event] = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as stop:
            return seen, stop.value


@pytest.fixture(scope="module")
def demo() -> tuple[list[Event], Opened]:
    return run_to_end(open_run(RunConfig()))


def test_the_stages_come_in_order(demo: tuple[list[Event], Opened]) -> None:
    stages = [event.stage for event in demo[0] if isinstance(event, StageStarted)]
    assert stages == [
        "Opening the images",
        "Opening the network",
        "Reading the layers",
        "Proving that cut equals masked",
    ]


def test_the_last_event_describes_what_is_open(demo: tuple[list[Event], Opened]) -> None:
    events, opened = demo
    last = events[-1]
    assert isinstance(last, NetworkOpened)
    assert last.handle is opened
    assert (last.network, last.dataset) == ("demo", "digits")
    assert last.image_counts == {"reward": 1150, "held_out": 288, "test": 359}
    assert last.magnitude.shape == (last.groups.channel_count,)
    assert last.magnitude.dtype == np.float32 and (last.magnitude > 0).all()


def test_the_demo_costs_what_its_layers_cost(demo: tuple[list[Event], Opened]) -> None:
    last = demo[0][-1]
    assert isinstance(last, NetworkOpened)
    stem = 256 * 9 * 1 * 16
    stage1 = 4 * 256 * 9 * 16 * 16
    stage2 = 64 * (9 * 16 * 32 + 3 * 9 * 32 * 32 + 16 * 32)
    stage3 = 16 * (9 * 32 * 64 + 3 * 9 * 64 * 64 + 32 * 64)
    assert last.macs == stem + stage1 + stage2 + stage3 + 640
    assert last.params == sum(p.numel() for p in last.handle.network.module.parameters())


def test_the_demo_raises_no_notice_and_can_be_pruned(demo: tuple[list[Event], Opened]) -> None:
    events, opened = demo
    assert not [event for event in events if isinstance(event, NoticeRaised)]
    # three streams of 16, 32 and 64 channels and one inner width in each of six blocks
    assert opened.analysis.groups.channel_count == 3 * (16 + 32 + 64)
    assert opened.analysis_seconds > 0


def test_random_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "noise.npz"
    pixels = np.random.default_rng(0).integers(0, 256, size=(20, 8, 8, 3), dtype=np.uint8)
    np.savez(
        path, x_train=pixels, y_train=np.arange(20) % 2, x_test=pixels, y_test=np.arange(20) % 2
    )
    events, opened = run_to_end(open_run(RunConfig(network="cifar_resnet20", data=str(path))))
    (notice,) = (event for event in events if isinstance(event, NoticeRaised))
    assert "weights are random" in notice.message
    assert opened.network.input_shape == (3, 8, 8)
    assert opened.network.class_count == 2


def write_nets(folder: Path) -> str:
    (folder / "nets.py").write_text(NETS)
    return f"{folder / 'nets.py'}:make"


def write_images(folder: Path) -> str:
    for part in ("train", "test"):
        for name in ("black", "white"):
            (folder / part / name).mkdir(parents=True)
            for number in range(10):
                pixels = np.full((9, 9, 3), 255 * (name == "white"), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return str(folder)


def test_code_runs_only_with_consent_and_before_anything_else_is_opened(tmp_path: Path) -> None:
    config = RunConfig(network=write_nets(tmp_path), data="nowhere.npz")
    with pytest.raises(ConsentNeeded):
        run_to_end(open_run(config))
    with pytest.raises(DataError, match="nowhere"):
        run_to_end(open_run(config, trust=True))


def test_the_shape_of_images_in_folders_is_asked_for_where_nobody_knows_it(tmp_path: Path) -> None:
    network, data = write_nets(tmp_path), write_images(tmp_path / "images")
    with pytest.raises(NetworkError, match=r"'nets\.py:make' does not say .*--input-shape, for"):
        run_to_end(open_run(RunConfig(network=network, data=data), trust=True))
    config = RunConfig(network=network, data=data, input_shape="3x8x8", normalisation="half")
    events, opened = run_to_end(open_run(config, trust=True))
    assert opened.network.input_shape == (3, 8, 8) and opened.images.mean == (0.5, 0.5, 0.5)
    assert opened.analysis.groups.channel_count == 5
    (notice,) = (event for event in events if isinstance(event, NoticeRaised))
    assert "unless its code loads some its weights are random" in notice.message
    assert opened.network.build is not None
    again = opened.network.build()
    assert again is not opened.network.module and again.state_dict().keys()


@pytest.mark.parametrize(
    ("config", "kind", "sentence"),
    [
        (RunConfig(network="domo"), NetworkError, "Did you mean demo"),
        (RunConfig(data="digit"), DataError, "Did you mean digits"),
        (RunConfig(network="resnet18"), NetworkError, "expects 3 channels, but the images have 1"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_sentence(
    config: RunConfig, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        run_to_end(open_run(config))


def unlabelled(folder: Path) -> RunConfig:
    random = np.random.default_rng(0)
    parts = {
        f"x_{part}": random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        for part, count in (("train", 200), ("test", 130))  # more than one batch
    }
    np.savez(folder / "images.npz", classes=np.array(["a", "b", "c"]), **parts)
    (folder / "nets.py").write_text(NETS)
    return RunConfig(network=f"{folder / 'nets.py'}:make", data=str(folder / "images.npz"))


def test_the_networks_answers_stand_for_labels_that_are_missing(tmp_path: Path) -> None:
    events, opened = run_to_end(open_run(unlabelled(tmp_path), trust=True))
    said = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert any("have no labels. The unpruned network's answers stand for them" in s for s in said)
    images = opened.images
    assert images.class_names == ("a", "b", "c")
    assert (len(images.reward), len(images.held_out), len(images.test)) == (160, 40, 130)
    module = opened.network.module.eval()
    for part in (images.reward, images.held_out, images.test):
        pixels, labels = part.batch(np.arange(len(part)))
        with torch.no_grad():
            assert torch.equal(module(pixels).argmax(dim=1), labels)


def test_a_search_on_images_without_labels_runs_to_its_end(tmp_path: Path) -> None:
    opened = run_to_end(open_run(unlabelled(tmp_path), trust=True))[1]
    config = SearchConfig(evaluations=4, samples_per_update=2, reward_images=16, threads=1)
    events = list(run_search(opened, config))
    started = next(event for event in events if isinstance(event, SearchStarted))
    assert started.baseline_accuracy == 1.0
    assert isinstance(events[-1], SearchFinished)
