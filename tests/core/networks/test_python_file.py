import copy
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from core.errors import ConsentNeeded, NetworkError
from core.networks import build_network, inspect_network, list_factories, open_network
from core.networks.consent import grant
from core.networks.user_code import OURS, error_of_own_code

SHAPE = (3, 8, 8)
NETS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels=3, num_classes=10, width=6):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))

def make():
    return Net(num_classes=4)

def narrow(num_classes, *, in_chans, width=5):
    return Net(in_chans, num_classes, width)

ready = Net(num_classes=4)
number = 3
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nets.py"


def written(path: Path, text: str = NETS) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def opened(path: Path, factory: str = "make", checkpoint: str = "") -> nn.Module:
    spec = f"{path}:{factory}"
    return open_network(spec, checkpoint, class_count=4, input_shape=SHAPE, trust=True).module


def failing(path: Path, factory: str, text: str = NETS) -> str:
    with pytest.raises(NetworkError) as refused:
        opened(written(path, text), factory)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_nothing_runs_before_somebody_agrees(path: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    written(path, f"open({str(mark)!r}, 'w').close()\n{NETS}")
    with pytest.raises(ConsentNeeded) as asked:
        open_network(f"{path}:make", class_count=4, input_shape=SHAPE)
    assert inspect_network(f"{path}:make").needs_consent
    assert not mark.exists()
    assert asked.value.path == path.resolve()
    grant(asked.value.path, asked.value.sha256)
    assert open_network(f"{path}:make", class_count=4, input_shape=SHAPE).class_count == 4
    assert mark.exists()


def test_a_changed_file_asks_again(path: Path) -> None:
    with pytest.raises(ConsentNeeded) as asked:
        inspected = open_network(f"{written(path)}:make", class_count=4, input_shape=SHAPE)
        assert inspected is None
    grant(asked.value.path, asked.value.sha256)
    written(path, NETS + "\n")
    with pytest.raises(ConsentNeeded):
        build_network(f"{path}:make", class_count=4, input_shape=SHAPE)


@pytest.mark.parametrize(
    ("factory", "width"), [("make", 6), ("Net", 6), ("narrow", 5), ("ready", 6)]
)
def test_functions_classes_and_networks_can_be_named(path: Path, factory: str, width: int) -> None:
    module = opened(written(path), factory)
    assert module.conv.weight.shape == (width, 3, 3, 3)
    assert module.head.out_features == 4
    assert not module.training


def test_the_images_fill_classes_and_channels(path: Path) -> None:
    module = build_network(
        f"{written(path)}:narrow", class_count=7, input_shape=(2, 8, 8), trust=True
    )
    assert (module.conv.in_channels, module.head.out_features) == (2, 7)


def test_the_only_function_need_not_be_named(path: Path) -> None:
    text = "import torch\n\ndef make():\n    return torch.nn.Conv2d(3, 4, 8)\n\ndef _help(): ..."
    written(path, text)
    assert list_factories(path) == ("make", "_help")
    module = build_network(str(path), class_count=4, input_shape=SHAPE, trust=True)
    assert isinstance(module, nn.Conv2d)


def test_a_checkpoint_goes_into_what_the_factory_makes(path: Path, tmp_path: Path) -> None:
    state = {k: torch.full_like(v, 0.5) for k, v in opened(written(path)).state_dict().items()}
    torch.save(state, tmp_path / "weights.pt")
    module = opened(path, "make", str(tmp_path / "weights.pt"))
    assert torch.equal(module.conv.weight, torch.full((6, 3, 3, 3), 0.5))


def test_its_facts_name_the_file_and_the_factory(path: Path) -> None:
    facts = inspect_network(f"{written(path)}:make", trust=True)
    assert (facts.source, facts.label, facts.is_trained) == ("python", "nets.py:make", None)
    assert facts.size_bytes == len(NETS)


@pytest.mark.parametrize(
    ("factory", "text", "sentence"),
    [
        ("mak", NETS, r"'mak' is not there in .*nets\.py\. It defines Net, make, narrow\."),
        ("number", NETS, "'number' is no function or class in"),
        ("", NETS, r"needs the name of a function .*nets\.py:NAME\. It defines Net, make, narrow"),
        (
            "make",
            NETS + "\ndef make():\n    pass\n",
            r"defines 'make' more than once, in lines 13, ",
        ),
        ("make", "def make(:\n    pass\n", r"invalid syntax in line 1"),
        ("make", "def make():\n    return (1,\n", r"'\(' was never closed in line 2"),
        ("make", "x = '\0'", "Cannot read .*nets.py"),
        ("make", "def make(depth, size):\n    pass\n", "needs depth, size, which only you know"),
        ("make", "def make(depth, /):\n    pass\n", "needs depth, which only you know. Give it a"),
        ("make", "def make():\n    return 3\n", "gives int, not a torch.nn.Module"),
        ("make", "def make():\n    pass\n", "gives NoneType, not a torch.nn.Module"),
        (
            "make",
            "def make():\n    return {}['depth']\n",
            r"Cannot make network 'make' of .*: KeyError: 'depth' \(line 2 of nets\.py\)",
        ),
        ("make", "1 / 0\ndef make(): ...\n", r"Cannot run .*: ZeroDivisionError.* \(line 1 of"),
        ("make", "import sys\nsys.exit(2)\ndef make(): ...\n", r"SystemExit: 2 \(line 2 of"),
        ("make", "import nosuchthing\ndef make(): ...\n", "No module named 'nosuchthing'"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    path: Path, factory: str, text: str, sentence: str
) -> None:
    assert re.search(sentence, failing(path, factory, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"There is no Python file .*gone\.py"):
        inspect_network(str(tmp_path / "gone.py:make"))


def test_an_error_in_forward_comes_with_its_shape(path: Path) -> None:
    text = NETS.replace("self.conv(x)", "self.conv(x[:, :, :1000].view(-1, 7))")
    message = failing(path, "make", text)
    assert message.startswith("Cannot run nets.py:make on images of 3 channels and 8 x 8 pixels: ")


def test_what_lies_beside_it_is_imported_and_forgotten(path: Path, tmp_path: Path) -> None:
    for number, folder in enumerate((tmp_path / "a", tmp_path / "b"), start=1):
        (folder / "package").mkdir(parents=True)
        (folder / "blocks.py").write_text("from package.widths import WIDTH\n")
        (folder / "package" / "widths.py").write_text(f"WIDTH = {number}\n")
        text = "import torch, blocks\ndef make():\n    return torch.nn.Conv2d(3, blocks.WIDTH, 1)\n"
        spec = f"{written(folder / 'nets.py', text)}:make"
        module = build_network(spec, class_count=4, input_shape=SHAPE, trust=True)
        assert module.out_channels == number
    assert not {"blocks", "package", "package.widths", "espalier_network_nets"} & set(sys.modules)
    assert str(tmp_path / "a") not in sys.path


def test_what_a_file_sets_for_the_whole_program_is_set_back(path: Path) -> None:
    text = f"import torch\ntorch.set_default_dtype(torch.float64)\ntorch.manual_seed(5)\n{NETS}"
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    module = opened(written(path, text))
    assert torch.get_default_dtype() == torch.float32
    assert module.conv.weight.dtype == torch.float32
    assert torch.equal(torch.rand(1), expected)


def test_dataclasses_and_odd_names_work(tmp_path: Path) -> None:
    folder = tmp_path / "line\nbreak é"
    folder.mkdir()
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Widths:\n    first: int = 6\n"
    )
    module = opened(written(folder / "my nets:2.py", text + NETS))
    assert module.conv.out_channels == 6


def test_a_search_can_prune_it_and_write_it(path: Path) -> None:
    module = opened(written(path))
    assert copy.deepcopy(module) is not module
    # Another process could not find its class; the export converts it in this one instead.
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(module)


def test_a_network_may_adapt_the_channels_of_the_images_itself(path: Path) -> None:
    text = NETS.replace("self.conv(x)", "self.conv(x[:, :1].repeat(1, 3, 1, 1))")
    assert text != NETS
    spec = f"{written(path, text)}:make"
    module = build_network(spec, class_count=4, input_shape=(1, 8, 8), trust=True)
    assert module(torch.zeros(2, 1, 8, 8)).shape == (2, 4)


def test_an_error_of_own_code_is_told_with_its_line(path: Path) -> None:
    module: dict[str, Any] = {}
    code = "def narrow(x):\n    return x.view(7, -1)\n"
    exec(compile(code, str(path), "exec"), module)
    with pytest.raises(RuntimeError) as raised:
        module["narrow"](torch.zeros(5))
    told = error_of_own_code(raised.value)
    assert told is not None
    assert str(told).startswith("The network's own code failed: RuntimeError: shape '[7, -1]'")
    assert "(line 2 of nets.py). Mend the code." in str(told)
    assert "Traceback" in told.details


def test_an_error_of_ours_is_not_told_as_somebody_elses() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(5).view(7, -1)
    assert error_of_own_code(raised.value) is None


def test_a_folder_whose_name_begins_like_one_of_ours_is_not_ours() -> None:
    module: dict[str, Any] = {}
    exec(compile("def fail(): return 1 / 0", f"{OURS[0]}_networks/nets.py", "exec"), module)
    with pytest.raises(ZeroDivisionError) as raised:
        module["fail"]()
    told = error_of_own_code(raised.value)
    assert told is not None
    assert "(line 1 of nets.py)" in str(told)
