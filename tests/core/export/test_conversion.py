"""The slow half of an export: in a process of its own, quiet, and ended at once by a Stop."""

import functools
import sys
import warnings

import pytest
import torch
from torch import nn

from core.errors import ExportError
from core.export import conversion
from core.export.conversion import (
    FAILURE_FILE,
    convert_all,
    convert_apart,
    first_line,
    quietly,
)
from core.export.worker import main


class Branching(nn.Module):
    """torch.export refuses a branch on a value."""

    def forward(self, images):
        return images if images.sum() > 0 else -images


def note(program, folder, name="done"):
    (folder / name).write_text(type(program).__name__)


def fail_on_disk(program, folder):
    raise OSError(28, "No space left on device")


def fail(program, folder):
    raise ValueError("no function for aten.fft\nlong story")


@pytest.fixture
def in_this_process(monkeypatch):
    """A network that cannot travel is converted right here."""

    def refuse(content, path):
        raise AttributeError("Can't pickle local object")

    monkeypatch.setattr(conversion, "write_saved", refuse)


def test_every_converter_gets_the_program(in_this_process, tmp_path):
    converters = {name: functools.partial(note, name=name) for name in ("a", "b")}
    assert list(convert_apart(nn.Flatten(), (1, 2, 2), converters, tmp_path)) == []
    assert (tmp_path / "a").read_text() == "ExportedProgram"
    assert (tmp_path / "b").read_text() == "ExportedProgram"


def test_a_failing_exporter_is_named_with_its_reason(in_this_process, tmp_path):
    events = convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": fail}, tmp_path)
    with pytest.raises(ExportError, match=r"to onnx failed: ValueError: no function") as failed:
        list(events)
    assert "long story" in failed.value.details


def test_a_failure_of_pytorchs_onnx_names_the_operation_that_failed():
    failed = torch.onnx.errors.OnnxExporterError("\x1b[96mThis is step 3/3\x1b[0m of many")
    failed.__cause__ = torch.onnx.errors.OnnxExporterError("Error when translating node x.\nMore")
    failed.__cause__.__cause__ = AttributeError("'int' object has no attribute 'name'")
    assert first_line(failed) == "OnnxExporterError: Error when translating node x."


def test_a_network_that_cannot_be_traced_is_refused(in_this_process, tmp_path):
    with pytest.raises(ExportError, match="reading the network's operations failed"):
        list(convert_apart(Branching(), (1, 2, 2), {"onnx": note}, tmp_path))


def test_a_full_disk_is_the_disks_fault(in_this_process, tmp_path):
    with pytest.raises(OSError, match="No space left on device"):
        list(convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": fail_on_disk}, tmp_path))


def test_chatter_and_warnings_are_kept_for_the_details(capsys):
    with quietly() as chatter:
        sys.stdout.write("[torch.onnx] Translate the graph into ONNX...")
        sys.stderr.write("and more")
        warnings.warn("this op is old", stacklevel=1)
    assert capsys.readouterr() == ("", "")
    assert chatter.getvalue() == "[torch.onnx] Translate the graph into ONNX...and more"


def test_the_worker_reads_the_network_that_was_left_for_it(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("core.export.worker.convert_all", lambda *arguments: seen.append(arguments))
    conversion.write_saved((nn.Flatten(), (1, 2, 2)), tmp_path / conversion.NETWORK_FILE)
    assert main(tmp_path, ["onnx", "pytorch", "float16:onnx"]) == 0
    module, shape, converters, stage, halves = seen[0]
    assert list(halves) == ["onnx"]
    assert (type(module), shape, stage) == (nn.Flatten, (1, 2, 2), tmp_path)
    assert list(converters) == ["onnx", "pytorch"]


def test_a_class_that_the_worker_does_not_know_has_its_own_exit_code(tmp_path):
    (tmp_path / conversion.NETWORK_FILE).write_bytes(b"no pickle of ours")
    assert main(tmp_path, ["onnx"]) == conversion.EXIT_UNREADABLE


def test_what_the_worker_cannot_read_is_converted_here(worker_that, tmp_path):
    worker_that(f"import sys; sys.exit({conversion.EXIT_UNREADABLE})")
    list(convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": note}, tmp_path))
    assert (tmp_path / "done").read_text() == "ExportedProgram"


def test_a_failure_that_cannot_even_be_written_has_its_own_exit_code(monkeypatch, tmp_path):
    def fail_twice(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.export.worker.convert_all", fail_twice)
    conversion.write_saved((nn.Flatten(), (1, 2, 2)), tmp_path / conversion.NETWORK_FILE)
    assert main(tmp_path, ["onnx"]) == conversion.EXIT_UNWRITABLE


@pytest.fixture
def worker_that(monkeypatch):
    """Put a short program in the place of the worker."""

    def replace(code: str) -> list:
        started = []
        real = conversion.subprocess.Popen

        def start(command, **options):
            started.append(real([sys.executable, "-c", code], **options))
            return started[-1]

        monkeypatch.setattr(conversion.subprocess, "Popen", start)
        return started

    return replace


def test_a_stop_ends_the_worker_at_once(worker_that, tmp_path):
    started = worker_that("import threading; threading.Event().wait()")
    events = convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": note}, tmp_path)
    next(events)
    assert started[0].poll() is None
    events.close()
    assert started[0].poll() is not None


def test_a_worker_that_dies_is_said_with_its_last_words(worker_that, tmp_path):
    worker_that("import sys; sys.stderr.write('out of memory'); sys.exit(9)")
    with pytest.raises(ExportError, match="ended with code 9") as failed:
        list(convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": note}, tmp_path))
    assert failed.value.details == "out of memory"


def test_a_worker_whose_disk_is_full_is_the_disks_fault(worker_that, tmp_path):
    worker_that(f"import sys; sys.exit({conversion.EXIT_UNWRITABLE})")
    with pytest.raises(OSError, match="No space left"):
        list(convert_apart(nn.Flatten(), (1, 2, 2), {"onnx": note}, tmp_path))


def test_success_leaves_no_failure_behind(tmp_path):
    convert_all(nn.Flatten(), (1, 2, 2), {"a": note}, tmp_path)
    assert not (tmp_path / FAILURE_FILE).exists()
    assert torch.is_grad_enabled()
