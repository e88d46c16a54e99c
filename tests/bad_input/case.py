"""A piece of bad input: what it is called, how it is made, and the sentence that it must give."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

SHAPE = (3, 8, 8)
CLASSES = 4
MOST_LETTERS = 700


@dataclass(frozen=True)
class Case:
    """`make` writes into a folder and returns what the reader is given."""

    name: str
    make: Callable[[Path], Any]
    sentence: str  # a pattern that the error must hold


def check_sentence(error: Exception, pattern: str) -> None:
    """Assert that an error is the sentence expected: one line, with a remedy, not endless."""
    words = str(error)
    assert re.search(pattern, words), words
    assert words.isprintable(), repr(words)
    assert len(words) < MOST_LETTERS and words.endswith((".", "?", ")")), words


def tiny() -> nn.Sequential:
    """conv 3 -> 6, norm, ReLU, mean, linear 6 -> 4."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    ).eval()


def saved(content: object, name: str = "net.pt") -> Callable[[Path], str]:
    """Write anything with torch.save; the content is made when it is needed if it is callable."""

    def make(folder: Path) -> str:
        is_maker = callable(content) and not isinstance(content, nn.Module)
        torch.save(content() if is_maker else content, folder / name)
        return str(folder / name)

    return make


def written(content: bytes | str, name: str) -> Callable[[Path], str]:
    """Write bytes or text."""

    def make(folder: Path) -> str:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return str(folder / name)

    return make


def cut(make: Callable[[Path], str], share: float) -> Callable[[Path], str]:
    """Keep the first part of a file."""

    def cut_it(folder: Path) -> str:
        path = Path(make(folder))
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return str(path)

    return cut_it
