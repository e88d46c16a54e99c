"""The same network in float16: compared with the masked one in float32, kept where it is wanted.

Half the bits differ by nature, so the limit is another one than that of float32; what is beyond
it, and what cannot be computed here, is named and never a reason to refuse the float32 files.
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from core.evaluation import class_logits
from core.events import Event, FloatArray, StageAdvanced, StageStarted, StopRequested
from core.export.conversion import first_line, half_failure
from core.export.onnx import HALF_FILE, half_reader
from core.export.pruned import PrunedNetwork
from core.export.pytorch import PROGRAM_FILE, load_pruned
from core.export.verify import ParityGate, Reader

HALF_LIMIT = 2e-2  # relative; one step of float16 is 1e-3, and every layer rounds
# A CPU without float16 of its own takes a hundred times as long for it as for float32.
CPU_MACS_MOST = 2e8
CPU_BATCH_MOST = 1


@dataclass
class HalfParity:
    """How far each file in float16 is from the masked network in float32."""

    differences: dict[str, float] = field(default_factory=dict)  # "onnx", "state", "program"
    not_measured: dict[str, str] = field(default_factory=dict)  # the same names -> reason

    @property
    def why_refused(self) -> str | None:
        """Why pruned_float16.onnx must not be written; None if it may."""
        difference = self.differences.get("onnx")
        if difference is None:
            return self.not_measured.get("onnx", "ONNX is not among the formats.")
        if difference <= HALF_LIMIT:
            return None
        return f"it differs by {difference:.1e} (relative; {HALF_LIMIT:.0e} is allowed)."


def compare_half(
    pruned: PrunedNetwork, stage: Path, masked: ParityGate, checks: Collection[str]
) -> Generator[Event, None, HalfParity]:
    """Compare files in `stage`, read in float16, with the float32 answers of `masked`.

    checks: which of "onnx" (pruned_float16.onnx), "state" (pruned.pt) and "program" (pruned.pt2).
    Yields: StageStarted, then StageAdvanced after each batch.
    """
    yield StageStarted("Comparing float16 with float32")
    found, done = HalfParity(), 0
    for check in checks:
        make, largest = _READERS[check]
        try:
            worst = 0.0
            for difference in masked.differences_of(make(pruned, stage), largest()):
                worst = max(worst, difference)
                done += 1
                yield StageAdvanced(done)
            found.differences[check] = worst
        except StopRequested:
            raise
        except Exception as error:
            # Networks and runtimes without float16 say so each in their own way.
            said = error.args[0] if isinstance(error, _NotHereError) else first_line(error)
            found.not_measured[check] = said
    return found


class _NotHereError(Exception):
    """Float16 is not for this file or this machine; holds the reason."""


def _onnx_reader(pruned: PrunedNetwork, stage: Path) -> Reader:
    del pruned
    failure = half_failure(stage)
    if failure is not None:
        raise _NotHereError(failure)
    return half_reader(stage / HALF_FILE)


def _state_reader(pruned: PrunedNetwork, stage: Path) -> Reader:
    device = _half_device(pruned)
    return partial(_half_logits, load_pruned(pruned.build(), stage).half().to(device), device)


def _program_reader(pruned: PrunedNetwork, stage: Path) -> Reader:
    device = _half_device(pruned)
    program = torch.export.load(stage / PROGRAM_FILE).module()
    return partial(_half_logits, program.half().to(device), device)


def _half_device(pruned: PrunedNetwork) -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    if pruned.macs > CPU_MACS_MOST:
        raise _NotHereError(
            "PyTorch computes float16 on the CPU without help of the hardware, which takes too "
            "long for a network of this size, and there is no GPU."
        )
    return torch.device("cpu")


def _half_logits(module: nn.Module, device: torch.device, images: Tensor) -> FloatArray:
    with torch.no_grad():
        output: FloatArray = class_logits(module(images.half().to(device))).float().cpu().numpy()
    return output


def _any_batch() -> int:
    return 0


def _torch_batch() -> int:
    return 0 if torch.cuda.is_available() else CPU_BATCH_MOST


_READERS: dict[str, tuple[Callable[[PrunedNetwork, Path], Reader], Callable[[], int]]] = {
    "onnx": (_onnx_reader, _any_batch),
    "state": (_state_reader, _torch_batch),
    "program": (_program_reader, _torch_batch),
}
