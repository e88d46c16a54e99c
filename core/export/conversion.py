"""The slow half of an export, in a process of its own that a Stop can end at once.

torch.export and the ONNX exporter each take seconds in one call. A thread could not be ended,
and would hold the window's interpreter; a process has neither fault.
"""

import contextlib
import copy
import errno
import io
import json
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from core.errors import ExportError
from core.events import Events, StageAdvanced

Convert = Callable[[torch.export.ExportedProgram, Path], None]
NOTHING: Mapping[str, Convert] = MappingProxyType({})

NETWORK_FILE = "network.pickle"
FAILURE_FILE = "failure.json"
HALF_FAILURE_FILE = "failure_float16.txt"
HALF_MARK = "float16:"  # before a name that the worker is given
CHATTER_FILE = "chatter.txt"
EXIT_UNWRITABLE = 3
EXIT_UNREADABLE = 4  # the network came from a file that the worker does not know
POLL_SECONDS = 0.1
EXAMPLE_BATCH = 2  # torch.export takes a batch of 1 for a constant


def convert_apart(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    converters: Mapping[str, Convert],
    stage: Path,
    halves: Mapping[str, Convert] = NOTHING,
) -> Events:
    """Convert `module` with each of the `converters`, which core.export.EXPORTERS must name.

    halves: those that convert it in float16 too; where that fails, half_failure says why.
    Yields an event every tenth of a second; closing the generator ends the work.
    Raises: ExportError with what the exporters said; OSError if `stage` cannot be written.
    """
    if not _leave_network((module, input_shape), stage / NETWORK_FILE):
        _convert_here(module, input_shape, converters, stage, halves)
        return
    names = [*converters, *(HALF_MARK + name for name in halves)]
    with _worker(stage, names) as process:
        while _is_running(process):
            yield StageAdvanced(0)
    if process.returncode == EXIT_UNREADABLE:
        _convert_here(module, input_shape, converters, stage, halves)
        return
    chatter_text = (stage / CHATTER_FILE).read_text(encoding="utf-8", errors="replace")
    _raise_failure(stage, chatter_text)
    if process.returncode == EXIT_UNWRITABLE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if process.returncode != 0:
        raise ExportError(
            f"Cannot convert the network: the converter ended with code {process.returncode}. "
            f"Close other programs if memory is short, and export again.",
            chatter_text,
        )


def _leave_network(content: object, path: Path) -> bool:
    """Write what the worker needs; False if it cannot travel to another process."""
    try:
        write_saved(content, path)
    except OSError:
        raise
    except Exception:
        # Pickling fails with any type: a function inside, a class of a file that was run.
        return False
    return True


def _convert_here(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    converters: Mapping[str, Convert],
    stage: Path,
    halves: Mapping[str, Convert],
) -> None:
    with quietly() as chatter:
        convert_all(module, input_shape, converters, stage, halves)
    _raise_failure(stage, chatter.getvalue())


def convert_all(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    converters: Mapping[str, Convert],
    stage: Path,
    halves: Mapping[str, Convert] = NOTHING,
) -> None:
    """Trace the network and convert it; a failure goes into a file. OSError if that fails too."""
    doing = "reading the network's operations"
    try:
        program = _program(module, input_shape)
        for name, convert in converters.items():
            doing = f"converting to {name}"
            convert(program, stage)
    except Exception as error:
        # Exporters fail with types of their own choice; all mean that this network does not fit.
        disk_says = error.strerror if isinstance(error, OSError) else None
        failure = {
            "doing": doing,
            "reason": disk_says or first_line(error),
            "is_disk": disk_says is not None,
            "details": traceback.format_exc(),
        }
        (stage / FAILURE_FILE).write_text(json.dumps(failure), encoding="utf-8")
        return
    _convert_halves(module, input_shape, halves, stage)


def _program(module: nn.Module, input_shape: tuple[int, int, int]) -> torch.export.ExportedProgram:
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
    example = torch.zeros(EXAMPLE_BATCH, *input_shape, dtype=dtype)
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        return torch.export.export(module, (example,), dynamic_shapes=({0: batch},))


def _convert_halves(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    halves: Mapping[str, Convert],
    stage: Path,
) -> None:
    if not halves:
        return
    try:
        program = _program(copy.deepcopy(module).half(), input_shape)
        for convert in halves.values():
            convert(program, stage)
    except Exception as error:
        # as above; but float32 is there, and float16 only said to be impossible
        (stage / HALF_FAILURE_FILE).write_text(first_line(error), encoding="utf-8")


def half_failure(stage: Path) -> str | None:
    """Why a network could not be converted in float16; None if it could."""
    path = stage / HALF_FAILURE_FILE
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write_saved(content: object, path: Path) -> None:
    """torch.save by way of memory, so that a full disk is an OSError and not torch's own."""
    saved = io.BytesIO()
    torch.save(content, saved)
    path.write_bytes(saved.getbuffer())


@contextlib.contextmanager
def quietly() -> Iterator[io.StringIO]:
    """Keep an exporter's chatter and warnings off the terminal, for the details of an error."""
    chatter = io.StringIO()
    with (
        contextlib.redirect_stdout(chatter),
        contextlib.redirect_stderr(chatter),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield chatter


@contextlib.contextmanager
def _worker(stage: Path, names: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-W", "ignore", "-m", "core.export.worker", str(stage), *names]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    with (stage / CHATTER_FILE).open("wb") as chatter:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=chatter,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us; we end the worker ourselves
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _is_running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _raise_failure(stage: Path, chatter: str) -> None:
    try:
        failure = json.loads((stage / FAILURE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if failure["is_disk"]:
        raise OSError(errno.EIO, failure["reason"])
    raise ExportError(
        f"Cannot export the network: {failure['doing']} failed: {failure['reason']} "
        f"Choose another format.",
        f"{failure['details']}\n{chatter}",
    )


def first_line(error: Exception) -> str:
    """An exception as one sentence: its type and the first line of what it says.

    Of a chain of torch.onnx's own the innermost is taken, which names the operation.
    """
    while type(error.__cause__) is type(error):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines[0] if lines else 'no reason given').rstrip('.')}."
