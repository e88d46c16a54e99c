"""Files of a pruned network that somebody has changed, each with its sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.export.pytorch import FORMAT, FORMAT_VERSION
from tests.bad_input.case import Case, cut, tiny, written

NAME = "pruned.json"


def good() -> dict[str, Any]:
    """The description of the tiny network with all its channels."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "network": "tiny",
        "weights": "pruned.pt",
        "kept_channels": {"0.weight": {"0": [0, 1, 2, 3, 4, 5]}},
    }


def described(**changes: Any) -> Callable[[Path], str]:
    """Write both files, with something else in the description; None leaves an entry out."""

    def make(folder: Path) -> str:
        torch.save(tiny().state_dict(), folder / "pruned.pt")
        entries = {k: v for k, v in (good() | changes).items() if v is not None}
        (folder / NAME).write_text(json.dumps(entries))
        return str(folder / NAME)

    return make


def kept(value: object) -> Callable[[Path], str]:
    return described(kept_channels=value)


NO_JSON = r"Cannot read .*pruned\.json: it is not JSON \(.*Export the network again"
DAMAGED = r"pruned\.json is damaged: 'weights' or 'kept_channels' is not as written"

PRUNED = (
    Case("not there", lambda folder: str(folder / NAME), r"Cannot read .*: No such file"),
    Case("an empty folder", str, r"Cannot read .*pruned\.json: No such file"),
    Case("empty", written("", NAME), NO_JSON),
    Case("text", written("hello", NAME), NO_JSON),
    Case("not UTF-8", written(b"\xff\xfe{", NAME), r"it is not UTF-8 text"),
    Case("cut", cut(described(), 0.6), NO_JSON),
    Case("brackets in brackets", written("[" * 100_000, NAME), NO_JSON),
    Case("an endless number", written('{"version": ' + "9" * 9999 + "}", NAME), NO_JSON),
    Case("a list", written("[]", NAME), r"does not describe a pruned network"),
    Case("another format", described(format="other"), r"does not describe a pruned network"),
    Case(
        "a later version", described(version=99), r"has format version '99', this Espalier reads 1"
    ),
    Case("a version of words", described(version="v" * 999), r"has format version 'v{20}'"),
    Case("no weights", described(weights=None), DAMAGED),
    Case("weights elsewhere", described(weights="../../secret.pt"), DAMAGED),
    Case("weights at the root", described(weights="/etc/passwd"), DAMAGED),
    Case("weights of nothing", described(weights=".."), DAMAGED),
    Case("weights with a zero byte", described(weights="a\0b"), DAMAGED),
    Case(
        "weights that are gone", described(weights="gone.pt"), r"There is no checkpoint .*gone\.pt"
    ),
    Case("no channels", described(kept_channels=None), DAMAGED),
    Case("channels as a list", kept([1, 2]), DAMAGED),
    Case("a dimension of words", kept({"0.weight": {"first": [0]}}), DAMAGED),
    Case("an endless dimension", kept({"0.weight": {"9" * 9999: [0]}}), DAMAGED),
    Case("a strange dimension", kept({"0.weight": {"7": [0]}}), r"'0\.weight' should be None"),
    Case("descending channels", kept({"0.weight": {"0": [3, 1]}}), DAMAGED),
    Case("negative channels", kept({"0.weight": {"0": [-1, 1]}}), DAMAGED),
    Case("fractions of channels", kept({"0.weight": {"0": [0.5]}}), DAMAGED),
    Case(
        "channels past the end", kept({"0.weight": {"0": [0, 99]}}), r"'0\.weight' should be None"
    ),
    Case(
        "fewer channels", kept({"0.weight": {"0": [0, 1]}}), r"should be \(2, 3, 3, 3\) and is \(6"
    ),
    Case("a strange layer", kept({"layer\n9": {"0": [0]}}), r"do not fit this one: .*layer\\n9"),
)
