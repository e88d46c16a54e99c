"""Checkpoints that cannot be read or do not fit, each with its sentence."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.bad_input.case import Case, cut, saved, tiny, written
from tests.bad_input.networks import quantised

State = dict[str, Tensor]


class RunsCode:
    """Its pickle would make a folder when it is opened."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("made-by-a-pickle",)


def changed(change: Callable[[State], object]) -> Callable[[], State]:
    """The tiny network's state with something wrong."""

    def make() -> State:
        state = tiny().state_dict()
        change(state)
        return state

    return make


def setting(key: str, value: Callable[[Tensor], Tensor]) -> Callable[[], State]:
    return changed(lambda state: state.update({key: value(state[key])}))


def filled(index: int, value: float) -> Callable[[Tensor], Tensor]:
    def fill(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[index] = value
        return tensor

    return fill


def safetensors(header: object, content: bytes = b"", length: int | None = None) -> Any:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = (len(text) if length is None else length).to_bytes(8, "little")
    return written(size + text + content, "weights.safetensors")


def entry(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, object]:
    return {"0.weight": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def old_format(content: Callable[[], object]) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        path = folder / "weights.th"
        torch.save(content(), path, _use_new_zipfile_serialization=False)
        return str(path)

    return make


def state() -> State:
    return tiny().state_dict()


BROKEN = r"is truncated or not a checkpoint that torch\.save wrote\. Copy or download it again"
DAMAGED = r"is truncated or not a \.safetensors file\. Copy or download it again"
REFUSED = r"is refused: "
NO_STATE = r"holds no state dict: it has "

CHECKPOINTS = (
    # places
    Case("not there", lambda folder: str(folder / "gone.pt"), r"There is no checkpoint .*gone\.pt"),
    Case("a folder", str, r"The checkpoint .* is a folder\. Choose the file in it"),
    Case("empty", written(b"", "weights.pt"), r"The checkpoint .*weights\.pt is empty"),
    Case("a huge name", lambda folder: "y" * 300, r"Cannot find the checkpoint y+: "),
    Case("a zero byte", lambda folder: "a\0.pt", r"Cannot find the checkpoint a\\x00\.pt"),
    Case("an odd name", written("x" * 99, "a\nb\x1b[0m.pt"), r"a\\nb\\x1b\[0m\.pt "),
    # files
    Case("text", written("hello\n" * 20, "weights.pt"), BROKEN + "|" + REFUSED),
    Case("a picture", written(b"\x89PNG\r\n\x1a\n" + bytes(99), "weights.pt"), BROKEN + "|refused"),
    Case("cut at 10 %", cut(saved(state), 0.1), BROKEN),
    Case("cut at 30 %", cut(saved(state), 0.3), BROKEN),
    Case("cut at 50 %", cut(saved(state), 0.5), BROKEN),
    Case("cut at 70 %", cut(saved(state), 0.7), BROKEN),
    Case("cut at 90 %", cut(saved(state), 0.9), BROKEN),
    Case("the old format cut at 20 %", cut(old_format(state), 0.2), BROKEN + "|" + REFUSED),
    Case("the old format cut at 60 %", cut(old_format(state), 0.6), BROKEN + "|" + REFUSED),
    Case("the old format cut at 95 %", cut(old_format(state), 0.95), BROKEN + "|" + REFUSED),
    # pickles that could run code
    Case("code inside", saved(lambda: {"x": RunsCode()}), REFUSED + r".*run code .*mkdir"),
    Case("code in the old format", old_format(lambda: {"x": RunsCode()}), REFUSED + r".*mkdir"),
    Case("a bare pickle", written(pickle.dumps(RunsCode()), "weights.pt"), REFUSED + r".*run code"),
    Case(
        "a pickled list", written(pickle.dumps([1, 2]), "weights.pt"), REFUSED + "|holds no state"
    ),
    Case("a whole network", saved(tiny), REFUSED + r".*Sequential.*choose it as the network"),
    Case("a path inside", saved(lambda: {"x": Path("a")}), REFUSED + r".*PosixPath|WindowsPath"),
    # no state dict
    Case("nothing", saved({}), NO_STATE + "nothing in it"),
    Case("an epoch", saved({"epoch": 3}), NO_STATE + r"'epoch'"),
    Case("a list", saved([1, 2]), NO_STATE + "a list"),
    Case("one tensor", saved(lambda: torch.ones(3)), NO_STATE + "a Tensor"),
    Case("empty nests", saved({"state_dict": {}, "model": {}}), NO_STATE + "'state_dict', 'model'"),
    Case("odd keys", saved({"a\nb": 1}), NO_STATE + r"'a\\nb'"),
    # another network's
    Case(
        "a missing key", saved(changed(lambda s: s.pop("0.weight"))), r"missing 0\.weight\. Choose"
    ),
    Case(
        "a strange key", saved(changed(lambda s: s.update(x=torch.ones(1)))), r"unexpected x\. Cho"
    ),
    Case(
        "a key of two lines",
        saved(changed(lambda s: s.update({"x\n\x1b": torch.ones(1)}))),
        r"unexpected x\\n\\x1b",
    ),
    Case(
        "many strange keys",
        saved(lambda: {f"w{i}": torch.ones(1) for i in range(999)}),
        r"unexpected w0, w1, w2 and 996 more",
    ),
    Case(
        "a key that is no text",
        saved(changed(lambda s: s.update({7: torch.ones(1)}))),
        r"expected 7",
    ),
    Case(
        "another shape",
        saved(setting("1.bias", lambda t: torch.ones(7))),
        r"1\.bias \(7,\) instead",
    ),
    Case(
        "another width",
        saved(setting("0.weight", lambda t: torch.ones(9, 3, 3, 3))),
        r"0\.weight \(9, 3, 3, 3\) instead of \(6, 3, 3, 3\)",
    ),
    Case(
        "no dimensions", saved(setting("0.bias", lambda t: torch.tensor(1.0))), r"0\.bias \(\) inst"
    ),
    Case(
        "other classes",
        saved(changed(lambda s: s.update({"5.weight": torch.ones(9, 6), "5.bias": torch.ones(9)}))),
        r"has 9 outputs, but the images have 4 classes",
    ),
    Case(
        "other channels",
        saved(setting("0.weight", lambda t: torch.ones(6, 1, 3, 3))),
        r"expects 1 channel, but the images have 3",
    ),
    # numbers
    Case(
        "NaN", saved(setting("0.weight", filled(3, float("nan")))), r"1 of 162 values in '0\.weight"
    ),
    Case(
        "infinity",
        saved(setting("1.running_mean", filled(0, float("inf")))),
        r"in '1\.running_mean",
    ),
    Case(
        "too large",
        saved(setting("5.bias", lambda t: t.double() * 1e300)),
        r"infinite weights: 4 of",
    ),
    Case(
        "a negative variance",
        saved(setting("1.running_var", lambda t: -t)),
        r"gives NaN or infinite",
    ),
    Case("complex", saved(setting("0.weight", lambda t: t.cfloat())), r"'0\.weight' is complex64"),
    Case("whole numbers", saved(setting("0.weight", lambda t: t.char())), r"'0\.weight' is int8"),
    Case("quantised", saved(setting("0.weight", quantised)), r"'0\.weight' is qint8|is refused"),
    Case(
        "sparse",
        saved(setting("5.weight", lambda t: t.to_sparse())),
        r"'5\.weight' is sparse \(torch\.sparse_coo\)|fused",
    ),
    Case(
        "without values",
        saved(setting("5.weight", lambda t: t.to("meta"))),
        r"'5\.weight' has no values|fused",
    ),
    # .safetensors
    Case("safetensors of text", written("hello", "w.safetensors"), DAMAGED),
    Case("a header too long", safetensors({}, length=10**9), DAMAGED),
    Case("a header of 2^63", safetensors({}, length=2**63), DAMAGED),
    Case("no JSON", safetensors(b"{no"), DAMAGED),
    Case("a list as header", safetensors([1]), DAMAGED),
    Case("deep JSON", safetensors(b"[" * 100_000), DAMAGED),
    Case("no entry", safetensors({"0.weight": 3}), DAMAGED),
    Case(
        "an unknown type", safetensors(entry("F8_E4M3"), bytes(4)), r"'0\.weight' is F8_E4M3, which"
    ),
    Case("numbers outside", safetensors(entry(offsets=(0, 400)), bytes(4)), DAMAGED),
    Case("negative places", safetensors(entry(offsets=(-4, 0)), bytes(4)), DAMAGED),
    Case(
        "one tensor a hundred times",
        safetensors({f"w{i}": entry()["0.weight"] for i in range(100)}, bytes(4)),
        DAMAGED,
    ),
    Case("too few numbers", safetensors(entry(shape=(9,)), bytes(4)), DAMAGED),
    Case("a huge shape", safetensors(entry(shape=(2**62, 4), offsets=(0, 0))), DAMAGED),
    Case("a negative shape", safetensors(entry(shape=(-1,)), bytes(4)), DAMAGED + "|does not fit"),
    Case("a shape of texts", safetensors(entry(shape=("a",)), bytes(4)), DAMAGED),
    Case("an endless number", safetensors(b'{"x": ' + b"9" * 9999 + b"}"), DAMAGED),
)
