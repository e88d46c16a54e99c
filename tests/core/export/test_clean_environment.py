"""The files in an environment of a colleague: PyTorch, what it requires, and nothing of ours.

The wheel of PyTorch has gigabytes, so the environment is a real one whose packages are links to
those that are installed here: no download, no copy.
"""

import inspect
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.config import RunConfig
from core.export import cut_network, export_pruned
from tests.core.export.opened import TinyResidual, build_tiny, half_mask, open_tiny

ALONE = """
import sys

for stranger in ("core", "app", "espalier", "tests", "torchvision", "PySide6", "onnxruntime"):
    try:
        __import__(stranger)
    except ImportError:
        continue
    raise SystemExit(f"{stranger} can be imported here")

import torch

folder = sys.argv[1]
images = torch.load(folder + "/images.pt")
program = torch.export.load(folder + "/pruned.pt2").module()
with torch.no_grad():
    torch.save([program(images[:count]) for count in (1, 7, 64)], folder + "/program.pt")
"""
OWN_NETWORK = """
import sys

sys.path.insert(0, sys.argv[1])
import torch
from my_network import TinyResidual
from load_pruned import load_pruned

folder = sys.argv[1]
network = load_pruned(TinyResidual(), folder)
images = torch.load(folder + "/images.pt")
with torch.no_grad():
    torch.save([network(images[:count]) for count in (1, 7, 64)], folder + "/state.pt")
assert "core" not in sys.modules
"""
MY_NETWORK = """
import torch
from torch import Tensor, nn

CLASS_COUNT = 4


"""


def required_by(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """A distribution and all that it requires here, by name."""
    names, waiting, seen = {name}, [(name, extras)], set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            markers = [{"extra": extra} for extra in ("", *extras)]
            if needed.marker is None or any(needed.marker.evaluate(one) for one in markers):
                names.add(needed.name)
                waiting.append((needed.name, frozenset(needed.extras)))
    return names


def linked_environment(folder: Path, names: set[str]) -> Path:
    """Make a virtual environment of links to these distributions; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    place = f"lib/python{sysconfig.get_python_version()}/site-packages"
    for name in names:
        distribution = metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in (top for top in tops if not top.endswith(".pth")):  # they run code at start
            link = folder / place / top
            if not link.exists():
                link.symlink_to(distribution.locate_file(top))
    return python


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return linked_environment(tmp_path_factory.mktemp("clean") / "venv", required_by("torch"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder with an export, images, and the code of the network's own author."""
    folder = tmp_path_factory.mktemp("shipped")
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        list(export_pruned(opened, keep, folder, formats=("pytorch",), config=RunConfig()))
    (folder / "my_network.py").write_text(MY_NETWORK + inspect.getsource(TinyResidual))
    images = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.save(images, folder / "images.pt")
    module = cut_network(opened, keep, torch.device("cpu"))
    with torch.no_grad():
        return folder, [module(images[:count]) for count in (1, 7, 64)]


def run(python: Path, script: str, folder: Path) -> None:
    """Run a script far from this folder, with nothing of this process's surroundings."""
    ran = subprocess.run(
        [str(python), "-I", "-W", "ignore", "-c", script, str(folder)],
        cwd=folder,
        env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_program_needs_pytorch_and_nothing_else(environment, shipped):
    folder, expected = shipped
    run(environment, ALONE, folder)
    for found, logits in zip(torch.load(folder / "program.pt"), expected, strict=True):
        assert torch.allclose(found, logits, atol=1e-5)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_weights_need_pytorch_and_the_own_code(environment, shipped):
    folder, expected = shipped
    run(environment, OWN_NETWORK, folder)
    for found, logits in zip(torch.load(folder / "state.pt"), expected, strict=True):
        assert torch.equal(found, logits)


def test_the_environment_holds_what_pytorch_requires_and_no_more(environment):
    names = {canonicalize_name(name) for name in required_by("torch")}
    assert {"torch", "sympy", "mpmath", "jinja2", "markupsafe"} <= names
    site = next((environment.parents[1] / "lib").glob("python*/site-packages"))
    links = {path.name for path in site.iterdir()}
    assert "torch" in links
    assert not links & {"core", "app", "torchvision", "PySide6", "onnx"}
    assert not list(site.glob("*.pth"))
