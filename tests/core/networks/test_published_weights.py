import hashlib
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch

from core.errors import CheckpointError, NetworkError
from core.events import Event, StageAdvanced, StageStarted, StopRequested
from core.networks import (
    PUBLISHED,
    FoundNetwork,
    build_network,
    downloads,
    find_network,
    load_network,
    open_network,
)

NAME = "squeezenet1_1"
SHAPE = (3, 64, 64)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """torchvision's own loading, with weights at a file: address instead of its server."""
    from torchvision import models
    from torchvision.models import SqueezeNet1_1_Weights

    state = build_network(NAME, class_count=1000, input_shape=SHAPE).state_dict()
    state = {key: torch.full_like(value, 0.001) for key, value in state.items()}
    server = tmp_path / "server"
    server.mkdir()
    torch.save(state, server / "raw")
    content = (server / "raw").read_bytes()
    name = f"{NAME}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (server / name).write_bytes(content)
    weights: Any = SimpleNamespace(url=(server / name).as_uri(), meta={"_file_size": 4.7})
    real = type(SqueezeNet1_1_Weights.DEFAULT).get_state_dict
    weights.get_state_dict = lambda **options: real(weights, **options)
    weights.DEFAULT = weights
    monkeypatch.setattr(models, "get_model_weights", lambda asked: weights)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    weights.cached = tmp_path / "hub" / "checkpoints" / name
    return weights


def open_published(**options: Any) -> Any:
    return open_network(NAME, PUBLISHED, class_count=1000, input_shape=SHAPE, **options)


def test_nothing_is_downloaded_without_leave(published: SimpleNamespace) -> None:
    with pytest.raises(
        NetworkError, match=r"not on this machine yet\. Allow .*\(5 MB; .*--allow-d"
    ):
        open_published()
    assert not published.cached.exists()


def test_with_leave_they_are_fetched_once_and_loaded(published: SimpleNamespace) -> None:
    network = open_published(allow_download=True)
    assert all(torch.equal(p, torch.full_like(p, 0.001)) for p in network.module.parameters())
    assert network.checkpoint == PUBLISHED
    assert [p.name for p in published.cached.parent.iterdir()] == [published.cached.name]
    published.url = published.url.replace("server", "gone")
    assert open_published().class_count == 1000  # what is here needs no leave


def test_a_download_tells_its_progress_and_can_be_stopped(
    published: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PIECE_BYTES", 2**20)
    found = result_of(find_network(NAME))
    loading = load_network(found, PUBLISHED, 1000, SHAPE, allow_download=True)
    assert next(loading) == StageStarted(f"Downloading the weights of {NAME}", 5)
    assert next(loading) == StageAdvanced(1)
    with pytest.raises(StopRequested):
        loading.throw(StopRequested())
    assert list(published.cached.parent.iterdir()) == []


def result_of(events: Generator[Event, None, FoundNetwork]) -> FoundNetwork:
    while True:
        try:
            next(events)
        except StopIteration as stop:
            found: FoundNetwork = stop.value
            return found


def test_a_damaged_download_is_refused(published: SimpleNamespace) -> None:
    path = Path(published.url.removeprefix("file://"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NetworkError, match="is damaged: its SHA-256 begins with"):
        open_published(allow_download=True)
    assert list(published.cached.parent.iterdir()) == []


def test_a_damaged_cache_says_what_to_delete(published: SimpleNamespace) -> None:
    published.cached.parent.mkdir(parents=True)
    published.cached.write_bytes(b"half a file")
    with pytest.raises(NetworkError, match=r"Cannot read the weights .* Delete that file"):
        open_published()


@pytest.mark.parametrize("url", ["https://example.org/x-12345678.pth", "file:///gone/x.pth"])
def test_an_unreachable_server_is_a_sentence(
    published: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    if url.startswith("https"):

        def unreachable(request: Any, timeout: float) -> None:
            raise URLError("Name or service not known")

        monkeypatch.setattr(downloads, "urlopen", unreachable)
    published.url = url
    with pytest.raises(NetworkError, match=r"Cannot download the weights .*Check the connection"):
        open_published(allow_download=True)


def test_images_of_other_classes_are_refused(published: SimpleNamespace) -> None:
    with pytest.raises(CheckpointError, match="has 1000 outputs, but the images have 5 classes"):
        open_network(NAME, PUBLISHED, class_count=5, input_shape=SHAPE, allow_download=True)


def test_who_publishes_nothing_is_named() -> None:
    with pytest.raises(CheckpointError, match="Nobody publishes weights of cifar_resnet20"):
        open_network("cifar_resnet20", PUBLISHED, class_count=10, input_shape=(3, 32, 32))
