"""Files with a few bits turned over: a reader reads them or refuses them in a sentence.

A sample of the flips is made each time; ESPALIER_FLIPS=1000 makes a thousand for every reader.
"""

import functools
import json
import os
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QSettings

from app.recent import RECENT_SETTING, RecentList
from core.config import RunConfig, load_run_config, to_toml
from core.data import open_images, usual_normalisation
from core.errors import EspalierError
from core.networks import consent, inspect_network, list_factories, open_network, peek_kind
from core.opening import Opened
from tests.bad_input.case import CLASSES, SHAPE, saved, tiny
from tests.bad_input.checkpoints import old_format, state
from tests.bad_input.images import npz, tree
from tests.bad_input.kept_files import KEPT_FILES, read_agent
from tests.bad_input.networks import IMAGE, exported
from tests.bad_input.run_folders import READERS as RUN_READERS
from tests.bad_input.run_folders import make_runs
from tests.bad_input.test_checkpoints import NETS, opened
from tests.core.networks.test_onnx_file import write_onnx

FLIPS = int(os.environ.get("ESPALIER_FLIPS", "40"))
MOST_BITS = 3  # turned over in one file
MOST_BYTES = 2**30  # of memory that a reader may take for all its small files


@dataclass(frozen=True)
class Reader:
    """A file in a folder, and what reads it."""

    make: Callable[[Path], object]  # writes the file; returns its path, or nothing
    read: Callable[[Path], object]  # is given the file


def read_network(path: Path) -> object:
    peek_kind(path)
    return open_network(str(path), class_count=CLASSES, input_shape=SHAPE, trust=True)


def read_weights(path: Path) -> object:
    peek_kind(path)
    return opened(path.parent, str(path))


def write_safetensors(folder: Path) -> Path:
    header, content = {}, b""
    for key, value in state().items():
        raw = value.numpy().tobytes()
        kind = "I64" if value.dtype == torch.int64 else "F32"
        places = [len(content), len(content) + len(raw)]
        header[key] = {"dtype": kind, "shape": list(value.shape), "data_offsets": places}
        content += raw
    text = json.dumps(header).encode()
    path = folder / "weights.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def write_nets(folder: Path) -> Path:
    (folder / "nets.py").write_text(NETS)
    return folder / "nets.py"


def read_source(path: Path) -> object:
    inspect_network(f"{path}:make")  # asks for consent, so nothing of it runs
    return list_factories(path)


def read_archive(path: Path) -> object:
    usual_normalisation(str(path))
    images = open_images(str(path))
    return images.reward.batch(np.arange(2))


def pictures(name: str, **options: Any) -> Callable[[Path], object]:
    """A folder of images one of which is of another format."""

    def make(folder: Path) -> Path:
        path = tree(folder / "images", count=7) / "train" / "cat" / name
        noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, **options)
        return path

    return make


def read_folder(path: Path) -> object:
    images = open_images(str(path.parents[2]), input_shape=(3, 8, 8))
    for part in (images.reward, images.held_out):
        part.batch(np.arange(len(part)))
    return images


def write_settings(folder: Path) -> Path:
    (folder / "settings.toml").write_text(to_toml(RunConfig()))
    return folder / "settings.toml"


def write_consents(folder: Path) -> Path:
    path = folder / "trusted.json"
    path.write_text(json.dumps({"a" * 64: "nets.py", "b" * 64: "other.pt"}, indent=2))
    return path


def read_consents(path: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consent, "consents_file", lambda: path)
        return consent.granted()


def write_recent(folder: Path) -> Path:
    settings = QSettings(str(folder / "app.ini"), QSettings.Format.IniFormat)
    RecentList(settings).remember(RunConfig(network="nets.py:make"))
    settings.sync()
    return folder / "app.ini"


def read_recent(path: Path) -> object:
    settings = QSettings(str(path), QSettings.Format.IniFormat)
    settings.value(RECENT_SETTING)
    return [(entry.title, entry.missing) for entry in RecentList(settings).entries()]


@functools.cache
def runs() -> tuple[tempfile.TemporaryDirectory[str], Opened]:
    """A finished and a broken-off run, made once."""
    folder = tempfile.TemporaryDirectory()
    return folder, make_runs(Path(folder.name))


def run_file(kind: str, name: str) -> Callable[[Path], object]:
    """A file of a run, with the others beside it."""

    def make(folder: Path) -> Path:
        shutil.copytree(Path(runs()[0].name) / kind, folder / "run")
        return folder / "run" / name

    return make


def read_run(path: Path) -> object:
    """Read the run in every way; each refusal is a sentence."""
    refused: EspalierError | None = None
    for read in RUN_READERS.values():
        try:
            read(path.parent, runs()[1])
        except EspalierError as error:
            refused = error
    if refused is not None:
        raise refused
    return path


READERS = {
    "weights": Reader(saved(state, "weights.pt"), read_weights),
    "weights of the old format": Reader(old_format(state), read_weights),
    "safetensors": Reader(write_safetensors, read_weights),
    "whole network": Reader(saved(tiny), read_network),
    "exported program": Reader(exported(tiny(), IMAGE), read_network),
    "onnx": Reader(lambda folder: write_onnx(folder / "net.onnx"), read_network),
    "python file": Reader(write_nets, read_source),
    "npz": Reader(npz(), read_archive),
    "npz with all": Reader(
        npz(classes=np.array(["a", "b"]), mean=np.ones(3), std=np.ones(3)), read_archive
    ),
    **{
        f"image {name}": Reader(pictures(f"x.{name}"), read_folder)
        for name in ("png", "jpg", "bmp", "gif", "tiff", "webp", "ppm")
    },
    **{
        f"{kind} run's {name}": Reader(run_file(kind, name), read_run)
        for kind, names in {
            "finished": ("events.jsonl", "masks.npz", "trajectory.csv", "report.json"),
            "broken": ("config.toml", "checkpoint.pt", "events.jsonl"),
        }.items()
        for name in names
    },
    "finished run's environment.json": Reader(run_file("finished", "environment.json"), read_run),
    "agent.pt": Reader(run_file("finished", "agent.pt"), read_agent),
    **{name: Reader(*both) for name, both in KEPT_FILES.items()},
    "settings": Reader(write_settings, load_run_config),
    "consents": Reader(write_consents, read_consents),
    "what was opened": Reader(write_recent, read_recent),
}


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Turn over one to three bits, nearer to the beginning in half of the files."""
    changed = bytearray(content)
    reach = len(content) if rng.random() < 0.5 else min(len(content), 400)
    for _ in range(rng.randint(1, MOST_BITS)):
        changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def most_memory() -> int:
    """The bytes that this process held at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


@pytest.mark.filterwarnings("ignore")  # of readers, about what was turned over
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", READERS)
def test_only_a_sentence_leaves_a_reader(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    path = Path(str(reader.make(tmp_path)))
    content = path.read_bytes()
    reader_words = []
    before = most_memory()
    for seed in range(FLIPS):
        path.write_bytes(flipped(content, random.Random(seed)))
        try:
            reader.read(path)
        except EspalierError as error:
            reader_words.append(str(error))
        except Exception as error:
            pytest.fail(f"flip {seed} of {name}: {type(error).__name__}: {error}")
        assert most_memory() - before < MOST_BYTES, f"flip {seed} of {name} fills the memory"
    assert [words for words in reader_words if not words.isprintable()] == []
