import io
import os
import pickle
import sys
import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.errors import ConsentNeeded, NetworkError
from core.events import NoticeRaised
from core.networks import (
    build_network,
    checked_pickle,
    find_network,
    inspect_network,
    open_network,
)
from tests.networks import Chain, Residual, build

SHAPE = (3, 8, 8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "whole.pt"


def opened(path: Path, content: Any) -> nn.Module:
    torch.save(content, path)
    return open_network(str(path), class_count=4, input_shape=SHAPE, trust=True).module


def refusal(path: Path) -> str:
    with pytest.raises(NetworkError) as refused:
        open_network(str(path), class_count=4, input_shape=SHAPE, trust=True)
    assert "\n" not in str(refused.value)
    return str(refused.value)


class RunsCode:
    """Its pickle would make a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_whole_network_opens_once_somebody_agrees(path: Path) -> None:
    torch.save(build(Residual), path)
    with pytest.raises(ConsentNeeded, match=r"a pickle that calls tests\.networks\.Residual"):
        open_network(str(path), class_count=4, input_shape=SHAPE)
    network = open_network(str(path), class_count=4, input_shape=SHAPE, trust=True)
    x = torch.ones(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(network.module(x), build(Residual)(x))
    assert network.name == "whole.pt"


def test_nothing_runs_before_somebody_agrees(path: Path, tmp_path: Path) -> None:
    torch.save({"model": RunsCode(tmp_path / "made")}, path)
    assert inspect_network(str(path)).needs_consent
    with pytest.raises(ConsentNeeded, match=r"a pickle that calls (posix|nt)\.mkdir"):
        build_network(str(path), class_count=4, input_shape=SHAPE)
    assert not (tmp_path / "made").exists()


def test_its_facts_come_from_its_layers(path: Path) -> None:
    torch.save(build(Chain), path)
    facts = inspect_network(str(path), trust=True)
    assert (facts.source, facts.channels, facts.class_count) == ("pickle", 3, 4)
    assert facts.input_shape is None and facts.is_trained
    assert facts.size_bytes == path.stat().st_size


@pytest.mark.parametrize("nest", ["model", "net", "ema", "my_network"])
def test_a_network_in_a_training_checkpoint_is_found(path: Path, nest: str) -> None:
    module = opened(path, {nest: build(Chain), "epoch": 3})
    assert isinstance(module, Chain)


def test_of_a_network_and_its_average_it_is_told_which_is_opened(path: Path) -> None:
    torch.save({"ema": build(Chain), "model": build(Residual), "epoch": 3}, path)
    told = [e.message for e in find_network(str(path), trust=True) if isinstance(e, NoticeRaised)]
    assert told == [
        "whole.pt holds networks under 'model' and under 'ema'. That under 'model' is opened; to "
        "open another, save it in a file of its own."
    ]
    module = build(Chain)
    torch.save({"ema": module, "model": module}, path)
    assert not any(isinstance(e, NoticeRaised) for e in find_network(str(path), trust=True))


def test_of_two_networks_under_unusual_names_none_is_guessed(path: Path) -> None:
    torch.save({"teacher": build(Chain), "student": build(Chain)}, path)
    assert "holds a dict, not a torch.nn.Module" in refusal(path)


def test_what_training_puts_round_a_network_is_taken_off(path: Path) -> None:
    assert isinstance(opened(path, nn.DataParallel(build(Chain))), Chain)


def test_weights_alone_are_refused_with_what_to_do(path: Path) -> None:
    torch.save(build(Chain).state_dict(), path)
    assert "holds weights without their network. Choose the network by" in refusal(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [([1, 2], "holds no network"), ({"model": RunsCode}, "holds a dict, not a torch.nn.Module")],
)
def test_what_is_no_network_is_refused(path: Path, content: Any, sentence: str) -> None:
    torch.save(content, path)
    assert sentence in refusal(path)


def test_truncated_files_are_refused_without_asking(path: Path) -> None:
    torch.save(build(Chain), path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(NetworkError, match="is truncated or not a file that"):
        inspect_network(str(path))


def test_text_and_plain_pickles_are_refused(path: Path) -> None:
    path.write_bytes(b"no pickle at all")
    assert "is truncated or not a file that torch.save wrote" in refusal(path)
    path.write_bytes(pickle.dumps(build(Chain)))
    assert "is truncated or not a file that torch.save wrote" in refusal(path)


def test_torchscript_is_refused(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        program = torch.jit.trace(build(Chain), torch.zeros(1, *SHAPE))
        torch.jit.save(program, path)
    with pytest.raises(NetworkError, match="is a TorchScript program, whose layers cannot change"):
        inspect_network(str(path))


def save_elsewhere(folder: Path, module: str) -> Path:
    """Save a network whose class stands in `module`, which then forgets it."""
    code = "import torch\nclass Net(torch.nn.Conv2d): ...\n"
    (folder / "their_nets.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "their_nets", ModuleType("their_nets"))
        kind = type("Net", (nn.Conv2d,), {"__module__": module})
        patch.setattr(sys.modules[module], "Net", kind, raising=False)
        torch.save(kind(3, 4, 1), folder / "whole.pt")
    return folder / "whole.pt"


def test_code_beside_the_file_is_found(tmp_path: Path) -> None:
    path = save_elsewhere(tmp_path, "their_nets")
    module = build_network(str(path), class_count=4, input_shape=SHAPE, trust=True)
    assert type(module).__name__ == "Net" and "their_nets" not in sys.modules
    (tmp_path / "their_nets.py").write_text("")
    assert "its class 'Net' is not in 'their_nets' as it is here" in refusal(path)
    (tmp_path / "their_nets.py").unlink()
    assert "code of the module 'their_nets', which is not here" in refusal(path)


def test_a_class_of_the_script_that_saved_it_is_named(tmp_path: Path) -> None:
    path = save_elsewhere(tmp_path, "__main__")
    assert "its class 'Net' is not in the script that saved it" in refusal(path)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(24, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows(x.transpose(1, 2).flatten(2))[0][:, -1]


def with_weight(change: Any) -> nn.Module:
    module = build(Chain)
    module.head.weight = nn.Parameter(change(module.head.weight.detach()), requires_grad=False)
    return module


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Recurrent, r"layer 'rows' is recurrent (LSTM)"),
        (lambda: with_weight(lambda w: w.to(torch.complex64)), "'head.weight' is complex"),
        (lambda: with_weight(lambda w: w.to("meta")), "'head.weight' has no values"),
        (lambda: with_weight(lambda w: w.to_sparse()), "'head.weight' is sparse"),
        (lambda: nn.LazyConv2d(4, 8), "'weight' has no shape yet"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_networks_that_cannot_be_pruned_are_refused_by_name(
    path: Path, make: Any, sentence: str
) -> None:
    torch.save(make(), path)
    assert sentence in refusal(path)


@pytest.mark.filterwarnings("ignore")
def test_quantised_layers_are_refused_by_name(path: Path) -> None:
    module = torch.ao.quantization.quantize_dynamic(build(Chain), {nn.Linear})
    torch.save(module, path)
    assert "layer 'head' is quantised (Linear)" in refusal(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_widths_of_numbers_become_float32(path: Path, dtype: torch.dtype) -> None:
    module = opened(path, build(Chain).to(dtype))
    assert {p.dtype for p in module.parameters()} == {torch.float32}


def test_images_with_other_channels_or_classes_are_refused(path: Path) -> None:
    torch.save(build(Chain), path)
    with pytest.raises(NetworkError, match=r"expects 3 channels, but the images have 1"):
        open_network(str(path), class_count=4, input_shape=(1, 8, 8), trust=True)
    with pytest.raises(NetworkError, match=r"gives \(2, 4\) for 2 images, .*have 7 classes"):
        open_network(str(path), class_count=7, input_shape=SHAPE, trust=True)


def test_a_pickle_that_would_fill_the_memory_is_refused(path: Path) -> None:
    torch.save(build(Residual), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            # its first object in place 2^31 - 256 instead of 0
            archive.writestr(name, content.replace(b"q\x00", b"r\x00\xff\xff\x7f", 1))
    assert "whole.pt is truncated or not a file that torch.save wrote" in refusal(path)


@pytest.mark.parametrize("operation", ["q{:c}", "r{:c}\0\0\0", "p{:d}\n"])
def test_a_place_lies_within_its_pickle(operation: str) -> None:
    def read(place: int) -> Any:  # the operation follows three bytes, and others lie before
        file = io.BytesIO(b"before\x80\x02]" + operation.format(place).encode() + b".")
        file.seek(6)
        return checked_pickle.load(file)

    assert read(3) == []
    with pytest.raises(pickle.UnpicklingError, match="an object number 4"):
        read(4)


def test_a_text_longer_than_its_pickle_is_refused_before_room_is_made_for_it(tmp_path):
    content = b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"short."  # BINBYTES8
    (tmp_path / "long.pkl").write_bytes(content)
    with (
        (tmp_path / "long.pkl").open("rb") as file,
        pytest.raises(pickle.UnpicklingError, match="truncated"),
    ):
        checked_pickle.load(file)
