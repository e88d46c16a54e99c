"""Archives that would fill the memory are refused before they take any."""

import contextlib
import hashlib
import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from core.archives import OversizedError
from core.config import FinetuneConfig, PolicyConfig
from core.data import open_images, usual_normalisation
from core.errors import CheckpointError, EspalierError, MemoryShortage, NetworkError
from core.finetuning import checkpoint as finetuning_checkpoint
from core.networks import open_network
from core.networks.checkpoints import read_checkpoint
from core.rl import transfer
from core.runs import checkpoint as run_checkpoint
from core.runs.adapted import read_adapted
from core.runs.files import write_arrays
from core.runs.masks import read_masks
from core.runs.replay import replay_run
from core.runs.stored_masks import read_stored_masks
from tests.bad_input.bombs import CHUNK, MEMBER_BYTES, bombs
from tests.bad_input.case import CLASSES, SHAPE, check_sentence, saved, tiny
from tests.bad_input.images import npz
from tests.bad_input.kept_files import keep, opened, write_adapted
from tests.core.networks.test_safetensors_file import entry, write
from tests.core.runs.made import make_run

MOST_BYTES = 2**24  # that refusing may take, of Python's and NumPy's memory
SENTENCES = {
    "masks": r"masks\.npz holds no masks of a run \(.*\)\. Choose another run",
    "compare": r"masks\.npz is missing or damaged\. Choose another run",
    "replay": r"masks\.npz is damaged",
}
READERS: dict[str, Callable[[Path], object]] = {
    "masks": lambda folder: read_masks(folder, 6),
    "compare": read_stored_masks,
    "replay": lambda folder: list(replay_run(folder)),
}


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Fail whoever takes more than a few megabytes."""
    tracemalloc.start()
    try:
        yield
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < MOST_BYTES


def refusal(read: Callable[[], object]) -> EspalierError:
    with little_memory(), pytest.raises(EspalierError) as refused:
        read()
    return refused.value


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bomb", bombs("criteria_names"))
def test_masks_that_would_fill_the_memory_are_refused(
    tmp_path: Path, reader: str, bomb: str
) -> None:
    folder = make_run(tmp_path / "run")
    bombs("criteria_names")[bomb](folder / "masks.npz")
    check_sentence(refusal(lambda: READERS[reader](folder)), SENTENCES[reader])


@pytest.mark.parametrize("bomb", bombs("5.bias"))
def test_adapted_weights_that_would_fill_the_memory_are_refused(tmp_path: Path, bomb: str) -> None:
    network, mask = opened(), keep()
    bombs("5.bias")[bomb](write_adapted(tmp_path))
    error = refusal(lambda: read_adapted(tmp_path, network, mask))  # type: ignore[arg-type]
    check_sentence(error, r"adapted\.npz is damaged or of another network\. Delete it")


@pytest.mark.parametrize("bomb", sorted(set(bombs("x_train")) - {"that unpacks"}))
def test_images_that_would_fill_the_memory_are_refused(tmp_path: Path, bomb: str) -> None:
    path = Path(npz()(tmp_path))
    bombs("x_train")[bomb](path)
    check_sentence(refusal(lambda: open_images(str(path))), r"images\.npz would fill the memory")


@pytest.mark.parametrize("bomb", bombs("mean"))
def test_a_normalisation_that_would_fill_the_memory_is_not_known(tmp_path: Path, bomb: str) -> None:
    path = Path(npz(mean=np.ones(3), std=np.ones(3))(tmp_path))
    bombs("mean")[bomb](path)
    with little_memory():
        assert usual_normalisation(str(path)) is None


def repack(path: Path) -> None:
    """Put more of nothing into an archive of torch.save than it may unpack to."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("net/data/99", "w") as stream,
    ):
        for _ in range(MEMBER_BYTES // len(CHUNK)):
            stream.write(CHUNK)


def test_weights_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = Path(saved(lambda: tiny().state_dict())(tmp_path))
    repack(path)
    error = refusal(lambda: read_checkpoint(path))
    assert isinstance(error, CheckpointError)
    check_sentence(error, r"net\.pt would fill the memory when it is unpacked\. Copy or download")


@pytest.mark.parametrize("name", ["net.pt", "net.pt2"])
def test_a_network_that_would_fill_the_memory_is_refused(tmp_path: Path, name: str) -> None:
    path = Path(saved(tiny)(tmp_path))
    repack(path)
    if name == "net.pt2":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("net/models/model.json", "{}")
        path = path.rename(tmp_path / name)
    error = refusal(
        lambda: open_network(str(path), class_count=CLASSES, input_shape=SHAPE, trust=True)
    )
    assert isinstance(error, NetworkError)
    check_sentence(error, r"would fill the memory when it is unpacked")


def checkpoint(content: bytes, kind: ModuleType) -> bytes:
    """What holds a checkpoint of a search, of a fine-tuning, or an agent."""
    outer = {
        "format": kind.FORMAT,
        "version": kind.FORMAT_VERSION,
        "features_version": transfer.VERSIONS[False] if kind is transfer else 0,
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": torch.frombuffer(bytearray(content), dtype=torch.uint8),
    }
    file = io.BytesIO()
    torch.save(outer, file)
    return file.getvalue()


KEPT: dict[str, tuple[ModuleType, Callable[[Path], object]]] = {
    "checkpoint.pt": (run_checkpoint, lambda path: run_checkpoint.load_checkpoint(path.parent)),
    "agent.pt": (transfer, lambda path: transfer.load_agent(str(path), PolicyConfig(), 1)),
    "learned.pt": (
        finetuning_checkpoint,
        lambda path: finetuning_checkpoint.read_progress(
            path, np.ones(1, np.bool_), FinetuneConfig(), ""
        ),
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_in_a_checkpoint_may_not_fill_the_memory_either(
    tmp_path: Path, name: str
) -> None:
    kind, read = KEPT[name]
    inner = Path(saved({"x": 1})(tmp_path))
    repack(inner)
    (tmp_path / name).write_bytes(checkpoint(inner.read_bytes(), kind))
    error = refusal(lambda: read(tmp_path / name))
    assert isinstance(error.__cause__, OversizedError)
    (tmp_path / name).write_bytes(inner.read_bytes())
    error = refusal(lambda: read(tmp_path / name))
    assert isinstance(error.__cause__, OversizedError)
    check_sentence(error, r"damaged")


def no_memory(*arguments: object, **options: object) -> object:
    raise MemoryError


def test_memory_that_runs_out_over_weights_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = write(tmp_path / "w.safetensors", {"a": entry("F32", [1], 0, 4)}, bytes(4))
    pickled = Path(saved(lambda: tiny().state_dict())(tmp_path))
    monkeypatch.setattr("torch.load", no_memory)
    monkeypatch.setattr("core.networks.safetensors_file._read_all", no_memory)
    for path in (numbers, pickled):
        error = refusal(lambda path=path: read_checkpoint(path))
        assert isinstance(error, MemoryShortage)
        check_sentence(error, rf"Memory ran out while reading .*{path.name} \(.*\)\. Close other")


@pytest.mark.parametrize(
    ("name", "reader"),
    [("net.pt", "torch.load"), ("net.pt2", "torch.export.load"), ("net.onnx", "onnx.load")],
)
def test_memory_that_runs_out_over_a_network_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: str
) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl" if name == "net.pt" else "net/models/model.x", "{}")
    monkeypatch.setattr(reader, no_memory)
    error = refusal(
        lambda: open_network(str(path), class_count=CLASSES, input_shape=SHAPE, trust=True)
    )
    assert isinstance(error, MemoryShortage)
    check_sentence(error, rf"Memory ran out while reading .*{name} \(.*\)\. Close other programs")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("reader", READERS)
def test_masks_that_are_a_pipe_are_not_waited_for(tmp_path: Path, reader: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "masks.npz").unlink()
    os.mkfifo(folder / "masks.npz")
    words = r"no plain file|missing or damaged|is damaged"
    check_sentence(refusal(lambda: READERS[reader](folder)), words)


def test_the_masks_of_the_largest_networks_are_read(tmp_path: Path) -> None:
    keep, names = np.ones(100_000, np.bool_), [f"criterion {number}" for number in range(20)]
    groups = [f"block.{number}.conv" for number in range(1000)]
    arrays = {
        "best": keep,
        "criteria": np.array([keep] * len(names)),
        "criteria_names": np.array(names),
        "group_of_channel": np.arange(len(keep)) % len(groups),
        "group_names": np.array(groups),
    }
    write_arrays(tmp_path / "masks.npz", arrays)
    assert list(read_masks(tmp_path, len(keep)).criteria) == names
    assert read_stored_masks(tmp_path).group_names == tuple(groups)
