"""Where in the user's code something happened: "nets.py, line 12"."""

import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

import torch

# PyTorch's own files, this package's, and Python's say nothing about a user's network.
NOT_THEIRS = tuple(
    str(folder)
    for folder in (
        Path(torch.__file__).parent,
        Path(__file__).parent,
        sysconfig.get_path("stdlib") + "/contextlib.py",
    )
)


def line_of_call(entry: str) -> str:
    """The line of the network's code that runs now; "" if it has none.

    entry: the function of this package that called the network.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == entry and code.co_filename.startswith(NOT_THEIRS):
            return ""
        if _is_theirs(code.co_filename):
            return _place(code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def line_of_error(error: BaseException) -> str:
    """The innermost line of the network's code in an error's traceback; "" if it has none."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _is_theirs(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, line)
    return ""


def _is_theirs(path: str) -> bool:
    return not path.startswith((*NOT_THEIRS, "<frozen"))


def _place(path: str, line: int) -> str:
    return f"{Path(path).name}, line {line}"
