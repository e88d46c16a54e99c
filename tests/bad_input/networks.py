"""Networks that cannot be opened or pruned, each with its sentence."""

import copy
import os
import socket
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from tests.bad_input.case import SHAPE, Case, cut, saved, tiny, written
from tests.core.networks.test_onnx_file import write_onnx


def with_layer(layer: nn.Module) -> Callable[[], nn.Module]:
    """A whole network that has a layer which cannot be pruned."""

    def make() -> nn.Module:
        network = tiny()
        network.append(layer)
        return network

    return make


def with_weight(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], nn.Module]:
    """A whole network whose first weight is of another kind."""

    def make() -> nn.Module:
        network = tiny()
        network.register_buffer("odd", change(torch.ones(2, 2)))
        return network

    return make


def quantised(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of eight bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its age
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


def nan() -> nn.Module:
    network = tiny()
    nn.init.constant_(network[5].bias, float("nan"))
    return network


def exported(
    network: nn.Module, *inputs: torch.Tensor, fixed: bool = False
) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        shapes = None if fixed else tuple({0: torch.export.Dim("batch")} for _ in inputs)
        program = torch.export.export(network, inputs, dynamic_shapes=shapes)
        torch.export.save(program, folder / "net.pt2")
        return str(folder / "net.pt2")

    return make


def traced(folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(tiny(), torch.zeros(1, *SHAPE)).save(str(folder / "net.pt"))
    return str(folder / "net.pt")


def python(text: str, factory: str = "make") -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "nets.py").write_text(text)
        return f"{folder / 'nets.py'}:{factory}" if factory else str(folder / "nets.py")

    return make


def returning(what: str) -> Callable[[Path], str]:
    return python(f"import torch\nfrom torch import nn\ndef make():\n    return {what}\n")


def onnx_of(change: Callable[[Any], object], **options: Any) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        path = write_onnx(folder / "net.onnx", **options)
        model = onnx.load(str(path))
        change(model)
        onnx.save(model, str(path))
        return str(path)

    return make


def no_nodes(model: Any) -> None:
    del model.graph.node[:]


def external_data(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../secret"), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)


def flat_input(model: Any) -> None:
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 7])
    model.graph.input[0].CopyFrom(shape)


def no_outputs(model: Any) -> None:
    del model.graph.output[:]


def socket_file(folder: Path) -> str:
    here = os.getcwd()
    os.chdir(folder)  # a socket's path may only be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("net.pt2")
    finally:
        os.chdir(here)
    return str(folder / "net.pt2")


def link(target: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "net.pt").symlink_to(target)
        return str(folder / "net.pt")

    return make


def zip_of(**members: bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        with zipfile.ZipFile(folder / "net.pt2", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return str(folder / "net.pt2")

    return make


def two_inputs() -> nn.Module:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3)) + y.mean((2, 3))

    return Two()


def training() -> nn.Module:
    return nn.Sequential(*copy.deepcopy(list(tiny())), nn.Dropout(0.5)).train()


BODY = "import torch\nfrom torch import nn\n"
FORWARD = (
    BODY + "class Net(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n"
    "        self.conv = nn.Conv2d(3, 4, 3)\n"
    "    def forward(self, x):\n        {}\n"
)
IMAGE = torch.zeros(2, *SHAPE)
SEEN = f"images of 3 channels and {SHAPE[1]} x {SHAPE[2]} pixels"

NETWORKS = (
    # names
    Case("no name", lambda folder: "", r"There is no network ''"),
    Case("a wrong name", lambda folder: "resnet81", r"no network 'resnet81'\. Did you mean resnet"),
    Case("a strange file", lambda folder: "net.h5", r"a file must end in \.py, .*Did you"),
    Case("control letters", lambda folder: "a\x1b[31m\nb", r"no network 'a\\x1b\[31m\\nb'"),
    Case("a huge name", lambda folder: "x" * 300 + ".pt", r"Cannot find the network x+.*name too"),
    Case("a zero byte", lambda folder: "a\0b.pt", r"Cannot find the network a\\x00b\.pt: "),
    Case("nobody's home", lambda folder: "~nobody-is-here/net.pt", r"Cannot find the network ~nob"),
    # places
    Case("not there", lambda folder: str(folder / "gone.pt"), r"There is no network .*gone\.pt"),
    Case("a folder", lambda folder: str(folder / ".." / folder.name), r"There is no network '"),
    Case("a folder called .pt", lambda f: str((f / "d.pt").mkdir() or f / "d.pt"), r"is a folder"),
    Case("an empty file", written(b"", "net.pt"), r"The network .*net\.pt is empty\. Copy"),
    Case("an empty program", written(b"", "net.pt2"), r"exported program .*net\.pt2 is empty"),
    Case("an empty ONNX file", written(b"", "net.onnx"), r"The ONNX file .*net\.onnx is empty"),
    Case("an empty Python file", python("", ""), r"The Python file .*nets\.py is empty"),
    Case("a socket", socket_file, r"is a device or a pipe\. Choose a plain file"),
    Case("a broken link", link("gone.pt"), r"is a link to a file that is not there\. Mend"),
    Case("a ring of links", link("net.pt"), r"Cannot find the network .*: .*[Ss]ymlink|links"),
    # pickled modules
    Case("text as .pt", written("hello " * 20, "net.pt"), r"truncated or not a file that torch"),
    Case("a whole network cut", cut(saved(tiny), 0.5), r"truncated or not a file that torch.save"),
    Case("a network cut early", cut(saved(tiny), 0.02), r"truncated or not a file that torch.sa"),
    Case("weights as the network", saved(lambda: tiny().state_dict()), r"holds weights without th"),
    Case("a number", saved(3), r"net\.pt holds no network"),
    Case("a list of tensors", saved([torch.ones(2)]), r"net\.pt holds no network"),
    Case("TorchScript", traced, r"is a TorchScript program, whose layers cannot change"),
    Case(
        "a program called .pt",
        lambda f: str(Path(exported(tiny(), IMAGE)(f)).rename(f / "n.pt")),
        r"is a program that torch\.export saved\. Give its name the ending \.pt2",
    ),
    Case(
        "recurrent", saved(with_layer(nn.LSTM(4, 4))), r"layer '6' is recurrent \(LSTM\)\. Choose"
    ),
    Case("recurrent cell", saved(with_layer(nn.GRUCell(4, 4))), r"'6' is recurrent \(GRUCell\)"),
    Case(
        "lazy", saved(with_layer(nn.LazyLinear(4))), r"'6\.weight' has no shape yet\. Run it once"
    ),
    Case("on the meta device", saved(with_weight(lambda w: w.to("meta"))), r"'odd' has no values"),
    Case(
        "quantised", saved(with_weight(quantised)), r"'odd' is quantised\. Prune the network first"
    ),
    Case("complex", saved(with_weight(lambda w: w.cfloat())), r"weight 'odd' is complex \(torch"),
    Case("sparse", saved(with_weight(lambda w: w.to_sparse())), r"'odd' is sparse .*to_dense\(\)"),
    Case("NaN weights", saved(nan), r"gives NaN or infinite values for a blank image"),
    Case(
        "other classes",
        saved(lambda: tiny()[:4].append(nn.Flatten()).append(nn.Linear(6, 9))),
        r"gives \(2, 9\) for 2 images, but the images have 4 classes",
    ),
    Case(
        "other channels",
        saved(lambda: nn.Sequential(nn.Conv2d(1, 4, 3))),
        r"expects 1 channel, but the images have 3\. Choose images with 1 channel",
    ),
    Case(
        "images, not classes", saved(lambda: nn.Conv2d(3, 4, 3)), r"gives \(2, 4, 6, 6\) for 2 im"
    ),
    Case(
        "too small images",
        saved(lambda: nn.Sequential(nn.Conv2d(3, 4, 9))),
        rf"Cannot run net\.pt on {SEEN}: .*[Kk]ernel size",
    ),
    # exported programs
    Case("a zip of something", zip_of(a=b"b"), r"truncated or no exported program"),
    Case(
        "a zip like a program", zip_of(**{"a/models/model.json": b"{"}), r"Cannot open .*net\.pt2"
    ),
    Case("text as .pt2", written("hello", "net.pt2"), r"truncated or no exported program\. Give"),
    Case("a program cut", cut(exported(tiny(), IMAGE), 0.7), r"truncated or no exported program"),
    Case("one image at a time", exported(tiny(), IMAGE, fixed=True), r"exactly 2 images at a time"),
    Case("two inputs", exported(two_inputs(), IMAGE, IMAGE), r"takes .*, not one batch of images"),
    Case("no images", exported(nn.Linear(3, 4), torch.zeros(2, 3)), r"takes \('s\d+', '3'\), not"),
    Case("in training mode", exported(training(), IMAGE), r"was exported in training mode"),
    # ONNX
    Case(
        "text as .onnx", written("hello" * 9, "net.onnx"), r"net\.onnx is (truncated or )?no ONNX"
    ),
    Case("an ONNX file cut", cut(lambda f: str(write_onnx(f / "net.onnx")), 0.5), r"net\.onnx"),
    Case("opset 18", onnx_of(lambda model: None, opset=18), r"opset 18, and 17 is the newest"),
    Case("no operations", onnx_of(no_nodes), r"no ONNX file, or holds no operation"),
    Case("two ONNX inputs", onnx_of(lambda model: None, inputs=2), r"takes inputs of \[4, 4\] dim"),
    Case("a flat input", onnx_of(flat_input), r"takes inputs of \[2\] dimensions, not one batch"),
    Case("no output", onnx_of(no_outputs), r"net\.onnx"),
    Case("data outside", onnx_of(external_data), r"its external data is not beside it"),
    # Python files
    Case("a syntax error", python("def make(:\n"), r"invalid syntax in line 1\. Mend that line"),
    Case("a bracket left open", python("x = (1,\ndef"), r"in line \d\. Mend that line"),
    Case("a zero byte in code", python("x = '\0'"), r"Cannot read .*nets\.py"),
    Case("deep nesting", python("(" * 5000), r"Cannot read .*nets\.py"),
    Case(
        "not UTF-8",
        lambda f: f"{written(bytes([0x78, 0x3D, 0xFF]), 'nets.py')(f)}:make",
        r"Cannot read .*nets\.py",
    ),
    Case("nothing in it", python("x = 3\n", ""), r"needs the name of a function .*It defines none"),
    Case("several factories", python("def a(): ...\ndef b(): ...\n", ""), r"It defines a, b\."),
    Case("two of one name", python("def make(): ...\ndef make(): ...\n"), r"'make' more than once"),
    Case("a wrong factory", python("def other(): ...\n"), r"'make' is not there .*defines other"),
    Case("a number as factory", python("make = 3\ndef f(): ...\n"), r"'make' is no function or cl"),
    Case(
        "arguments", python("def make(depth, width): ...\n"), r"needs depth, width, which only yo"
    ),
    Case("gives nothing", python("def make(): ...\n"), r"gives NoneType, not a torch\.nn\.Module"),
    Case("gives a number", returning("3"), r"gives int, not a torch\.nn\.Module"),
    Case(
        "an import that fails", python("import nowhere_to_be_found\ndef make(): ..."), r"No modul"
    ),
    Case("divides by zero", python("1 / 0\ndef make(): ...\n"), r"ZeroDivisionError.*\(line 1 of"),
    Case(
        "leaves the program", python("import sys\nsys.exit(3)\ndef make(): ..."), r"SystemExit: 3"
    ),
    Case(
        "raises many lines", python("raise OSError('a\\nb\\x1b')\ndef make(): ..."), r"OSError: a"
    ),
    Case("recurses for ever", python("def make():\n    return make()\n"), r"RecursionError"),
    Case(
        "a forward that fails",
        python(FORWARD.format("return x.view(-1, 7)"), "Net"),
        rf"Cannot run nets\.py:Net on {SEEN}: shape",
    ),
    Case("a forward of None", python(FORWARD.format("return None"), "Net"), r"gives no tensor for"),
    Case(
        "a forward of texts", python(FORWARD.format("return ['a']"), "Net"), r"gives no tensor for"
    ),
    Case(
        "a forward that exits", python(FORWARD.format("raise SystemExit(1)"), "Net"), r"nets\.py:N"
    ),
    Case("recurrent in Python", returning("nn.Sequential(nn.RNN(3, 3))"), r"'0' is recurrent"),
)
