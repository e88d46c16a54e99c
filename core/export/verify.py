"""The parity gate: what is written computes what was on the screen, on images and at random."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from core.data import ImagePart
from core.errors import ParityError
from core.evaluation import class_logits
from core.events import FloatArray
from core.memory import ImagesAtOnce

PARITY_LIMIT = 1e-4  # greatest relative difference that may be called equal
BATCH_SIZES = (1, 7, 64)
RANDOM_SEED = 0
CHECKS = {
    "hard_vs_soft": "the cut network against the masked one",
    "reloaded": "the files read back against the network in memory",
    "onnx": "ONNX Runtime against the network in memory",
}

Reader = Callable[[Tensor], FloatArray]  # images (N, C, H, W) -> logits (N, classes)


def relative_difference(expected: FloatArray, actual: FloatArray) -> float:
    """Greatest |a - b| over greatest |a|; infinite if a shape differs or a value is not finite."""
    if expected.shape != actual.shape:
        return float("inf")
    if not (np.isfinite(expected).all() and np.isfinite(actual).all()):
        return float("inf")
    scale = float(np.abs(expected).max(initial=0.0))
    gap = float(np.abs(expected.astype(np.float64) - actual).max(initial=0.0))
    if scale == 0.0:
        return 0.0 if gap == 0.0 else float("inf")
    return gap / scale


def module_reader(module: nn.Module) -> Reader:
    """Read a module's logits without gradients; it is in evaluation mode, on the CPU."""

    def logits(images: Tensor) -> FloatArray:
        with torch.no_grad():
            output: FloatArray = class_logits(module(images)).float().cpu().numpy()
        return output

    return logits


def parity_batches(part: ImagePart) -> tuple[Tensor, ...]:
    """Real images in the batch sizes of the gate, then as many of random numbers.

    A small part is repeated to fill them. Random ones reach values that no image has.
    """
    real = [
        part.batch(np.resize(np.arange(len(part), dtype=np.int64), size))[0].cpu().float()
        for size in BATCH_SIZES
    ]
    generator = torch.Generator().manual_seed(RANDOM_SEED)
    return (*real, *(torch.randn(batch.shape, generator=generator) for batch in real))


@dataclass(eq=False)
class ParityGate:
    """Compares readers with the pruned network in memory and keeps each check's worst number."""

    batches: tuple[Tensor, ...]
    expected: tuple[FloatArray, ...]
    differences: dict[str, float] = field(default_factory=dict)
    at_once: ImagesAtOnce = field(default_factory=lambda: ImagesAtOnce("comparing networks"))

    @classmethod
    def of(cls, module: nn.Module, part: ImagePart) -> "ParityGate":
        """Read the network in memory once on every batch."""
        gate = cls(parity_batches(part), ())
        reader = module_reader(module)
        gate.expected = tuple(gate.read(reader, batch) for batch in gate.batches)
        return gate

    def read(self, reader: Reader, batch: Tensor) -> FloatArray:
        """Read images (N, C, H, W), in parts where memory is short: (N, classes)."""
        parts = self.at_once.run(lambda part: reader(batch[part]), len(batch))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def compare(self, check: str, reader: Reader) -> Iterator[float]:
        """Read one batch at a time; yields each difference so that a Stop is answered soon."""
        for difference in self.differences_of(reader):
            self.differences[check] = max(self.differences.get(check, 0.0), difference)
            yield difference

    def differences_of(self, reader: Reader, largest: int = 0) -> Iterator[float]:
        """Read one batch at a time, only those of up to `largest` images (0: all)."""
        for batch, expected in zip(self.batches, self.expected, strict=True):
            if largest == 0 or len(batch) <= largest:
                yield relative_difference(expected, self.read(reader, batch))

    def require(self, measured: Collection[str] = ()) -> None:
        """Refuse if any difference is above the limit; those of `measured` need only be finite.

        Raises: ParityError with every number.
        """
        require_parity(self.differences, measured)


def require_parity(differences: Mapping[str, float], measured: Collection[str] = ()) -> None:
    """Raise ParityError if a difference is above PARITY_LIMIT, or not finite if only measured."""
    limits = {name: sys.float_info.max if name in measured else PARITY_LIMIT for name in CHECKS}
    failed = {name: value for name, value in differences.items() if not value <= limits[name]}
    if not failed:
        return
    numbers = ", ".join(f"{CHECKS[name]} differs by {value:.1e}" for name, value in failed.items())
    raise ParityError(
        f"The export is refused: {numbers} (relative; {PARITY_LIMIT:.0e} is allowed). "
        "Nothing was written; please report this with the details.",
        "\n".join(f"{CHECKS[name]}: {value:.3e}" for name, value in differences.items()),
    )
