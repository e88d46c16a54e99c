"""load_pruned.py: the pruned weights read by a stranger who has PyTorch and his own network."""

import inspect
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.models.maxvit import MaxVit

from core.export import load_pruned
from core.export.conversion import convert_all
from core.export.loading_file import LOADER_FILE, fitting_modules, loading_text, read_loader
from core.export.pruned import cut_network, describe_pruned
from core.export.pytorch import convert_to_program, write_state
from core.pruning.verification import analyse_exactly, random_keep
from tests.core.export.opened import RandomPart, TinyResidual, build_tiny, open_tiny
from tests.networks import EXACT, build
from tests.unusual_networks import UNUSUAL

COSTS = {"macs": 100, "macs_kept": 0.4}
TRANSFORMERS = {
    "vit": lambda: VisionTransformer(8, 4, 2, 4, 16, 24, num_classes=4),
    "swin": lambda: SwinTransformer([2, 2], 8, [2], [2], [2, 2], num_classes=4),
    "maxvit": lambda: MaxVit((32, 32), 8, 4, [8, 8], [1, 1], 4, 0.0, num_classes=4),
}
THEIRS = """
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASS_COUNT = 4

"""
STRANGER = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("core", "app", "tests", "torchvision"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import torch
import theirs
from load_pruned import load_pruned

images = torch.load(sys.argv[1] + "/images.pt")
program = torch.export.load(sys.argv[1] + "/pruned.pt2").module()
network = load_pruned(getattr(theirs, sys.argv[2])(), sys.argv[1])
with torch.no_grad():
    torch.save((program(images), network(images)), sys.argv[1] + "/logits.pt")
"""


def prune(opened, seed=1):
    keep = random_keep(opened.analysis, seed=seed)
    module = cut_network(opened, keep, torch.device("cpu"))
    return describe_pruned(opened, keep, module, COSTS)


def written(opened, folder):
    pruned = prune(opened)
    write_state(pruned, folder)
    return pruned


class LargerPart(RandomPart):
    """The same images, four times as large."""

    def batch(self, indices):
        images, labels = super().batch(indices)
        return torch.nn.functional.interpolate(images, scale_factor=4), labels


def opened_exactly(module, side=8):
    """Open a network for images 8 or 32 wide; groups whose cut is wrong are frozen."""
    analysis = analyse_exactly(module, torch.randn(2, 3, side, side))
    opened = open_tiny()
    network = replace(opened.network, module=module, input_shape=(3, side, side))
    part = RandomPart if side == 8 else LargerPart
    images = replace(opened.images, reward=part(1), held_out=part(2), test=part(3))
    return replace(opened, network=network, images=images, analysis=analysis)


KINDS = {**EXACT, **UNUSUAL}


@pytest.mark.parametrize("name", KINDS)
def test_the_shipped_file_loads_what_load_pruned_loads(tmp_path, name):
    pruned = written(opened_exactly(build(KINDS[name])), tmp_path)
    images = torch.randn(3, 3, 8, 8)
    fresh = build(KINDS[name], seed=9)
    loaded = read_loader(tmp_path / LOADER_FILE).load_pruned(fresh, tmp_path)
    assert_same(loaded(images), load_pruned(fresh, tmp_path)(images))
    assert_same(loaded(images), pruned.module(images))
    assert described(loaded) == described(pruned.module)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_attention_of_torchvision_is_loaded_with_fewer_heads(tmp_path, name):
    torch.manual_seed(0)
    side = 32 if name == "maxvit" else 8
    pruned = written(opened_exactly(TRANSFORMERS[name]().eval(), side), tmp_path)
    assert fitting_modules(pruned.module)
    images = torch.randn(2, 3, side, side)
    loaded = read_loader(tmp_path / LOADER_FILE).load_pruned(TRANSFORMERS[name](), tmp_path)
    with torch.no_grad():
        assert_same(loaded(images), pruned.module(images))


def assert_same(a, b):
    if isinstance(a, dict):
        a, b = tuple(a.values()), tuple(b.values())
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def described(module):
    """What the parts say of themselves: widths, groups, shapes."""
    return [
        part.extra_repr() for part in module.modules() if type(part).__module__.startswith("torch.")
    ]


def leave_to_a_stranger(opened, kind, folder):
    """Write what an export writes, and the source of the stranger's own network."""
    pruned = written(opened, folder)
    convert_all(pruned.module, opened.network.input_shape, {"pytorch": convert_to_program}, folder)
    (folder / "theirs.py").write_text(THEIRS + inspect.getsource(kind))
    torch.save(torch.randn(5, 3, 8, 8), folder / "images.pt")
    return pruned


def loaded_by(folder, name):
    """Both outputs of a Python that finds neither Espalier nor torchvision."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, str(folder), name],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "logits.pt")


@pytest.mark.parametrize("kind", [TinyResidual, UNUSUAL["Transformer"]])
def test_torch_alone_reads_the_program_and_the_weights(tmp_path, kind):
    pruned = leave_to_a_stranger(opened_exactly(build(kind)), kind, tmp_path)
    program, network = loaded_by(tmp_path, kind.__name__)
    with torch.no_grad():
        expected = pruned.module(torch.load(tmp_path / "images.pt"))
    torch.testing.assert_close(program, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(network, expected, rtol=0, atol=1e-5)


def test_the_file_names_nothing_of_espalier():
    for module in (build_tiny(), prune(opened_exactly(build(UNUSUAL["Transformer"]))).module):
        lines = loading_text(module).splitlines()
        assert not [line for line in lines if "core" in line.split() or "from core" in line]


def test_the_file_has_attention_only_where_the_network_has_it():
    assert "HeadAttention" not in loading_text(build_tiny())
    assert len(loading_text(build_tiny()).splitlines()) < 100


def test_files_of_another_network_are_refused(tmp_path):
    written(open_tiny(), tmp_path)
    loader = read_loader(tmp_path / LOADER_FILE)
    other = build_tiny()
    other.extra = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"network 'tiny': extra\.bias, extra\.weight"):
        loader.load_pruned(other, tmp_path)
    wider = build_tiny()
    wider.classifier = torch.nn.Linear(8, 10)
    with pytest.raises(ValueError, match=r"'classifier\.weight' should be \[10, "):
        loader.load_pruned(wider, tmp_path)


def test_weights_are_read_from_the_folder_and_nowhere_else(tmp_path):
    written(open_tiny(), tmp_path)
    path = tmp_path / "pruned.json"
    description = json.loads(path.read_text()) | {"weights": "../../elsewhere/pruned.pt"}
    path.write_text(json.dumps(description))
    loader = read_loader(tmp_path / LOADER_FILE)
    assert loader.load_pruned(build_tiny(), tmp_path).stem.weight.shape[1] == 3


def test_a_loaded_network_can_be_trained_and_leaves_the_fresh_build_whole(tmp_path):
    written(open_tiny(), tmp_path)
    fresh = build_tiny()
    loaded = read_loader(tmp_path / LOADER_FILE).load_pruned(fresh, tmp_path)
    loaded(torch.randn(2, 3, 8, 8)).sum().backward()
    assert loaded.stem.weight.grad is not None
    assert fresh.stem.weight.shape == (8, 3, 3, 3)
