"""Memory that runs out: batches are halved until they fit, which is said; else one sentence.

Needs no torch, so that the window can name a failure before torch is there.
"""

import contextlib
import errno
import gc
import linecache
import re
import sys
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import EspalierError, MemoryShortage
from core.events import NoticeRaised

T = TypeVar("T")
E = TypeVar("E")  # events
Indices = NDArray[np.int64]

# what torch, oneDNN, cuBLAS, ONNX Runtime and the C++ library say, in lower case
WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
    "could not create a memory object",
    "unable to find an engine to execute this computation",  # cuDNN, without workspace
    "cublas_status_not_initialized",
)
SENTENCE_ENDS = re.compile(r"\. |\n|\] ")
REASON_LETTERS = 90  # of the allocator's words in a sentence


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, the system's, the CPU's or a GPU's."""
    if isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    ):
        return True
    kinds = type(error).__mro__
    is_known = isinstance(error, RuntimeError) or kinds[0].__module__.startswith("onnxruntime.")
    said = str(error).lower()
    return is_known and (
        any(kind.__name__ == "OutOfMemoryError" for kind in kinds)
        or any(words in said for words in WORDS)
    )


def free_memory() -> None:
    """Give back what nobody uses, on the GPU too."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def forget_traces() -> None:
    """Let go of the programs that torch has traced or read: its caches hold them for ever.

    Each program's sizes are symbols of its own, so that no entry would serve another program.
    """
    fake_tensor = sys.modules.get("torch._subclasses.fake_tensor")
    if fake_tensor is not None:
        fake_tensor.FakeTensorMode.cache_clear()
    symbolic_shapes = sys.modules.get("torch.fx.experimental.symbolic_shapes")
    if symbolic_shapes is not None:
        for method in vars(symbolic_shapes.ShapeEnv).values():
            # those with a functools.lru_cache, whose keys hold the ShapeEnv of a program
            clear = getattr(method, "cache_clear", None)
            if clear is not None:
                clear()
    graph_module = sys.modules.get("torch.fx.graph_module")
    if graph_module is not None:
        _forget_sources(graph_module._loader.eval_cache)


def _forget_sources(sources: dict[str, str]) -> None:
    """Drop the text of generated modules, by file name, which only tracebacks would show."""
    for name in sources:
        linecache.cache.pop(name, None)
    sources.clear()


@contextlib.contextmanager
def told_shortage(doing: str, remedy: str = "") -> Iterator[None]:
    """Turn memory that runs out inside the block into a MemoryShortage that names `doing`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, EspalierError) or not is_out_of_memory(error):
            raise
        raise shortage(doing, reason_of(error), remedy) from error


def shortage(doing: str, reason: str, remedy: str = "") -> MemoryShortage:
    """The error for memory that ran out while `doing` ("searching"); `reason` of reason_of."""
    return MemoryShortage(
        f"Memory ran out while {doing} ({reason}). "
        f"{remedy or 'Close other programs, or choose smaller images or another device.'}"
    )


def reason_of(error: BaseException) -> str:
    """What the allocator said, short enough for a sentence."""
    # torch says the place in its source first: "[enforce fail at alloc_cpu.cpp:118] err == 0. ..."
    sentences = [said.strip(" .") for said in SENTENCE_ENDS.split(str(error)) if said.strip(" .")]
    telling = [said for said in sentences if any(words in said.lower() for words in WORDS)]
    words = (telling or sentences or [type(error).__name__])[0]
    return words if len(words) <= REASON_LETTERS else f"{words[: REASON_LETTERS - 1]}…"


class ImagesAtOnce:
    """How many images some work computes at once; halved whenever memory runs out.

    What it had to do is said by `take_notices`; `most` goes into checkpoints, for a search that
    is taken up again must compute in the same parts.
    """

    def __init__(self, doing: str, *, effect: str = "", least: int = 1) -> None:
        """Begin with all images at once.

        doing: what it is for, as in "Memory ran out while ...".
        effect: a sentence on what smaller parts change in the numbers; empty if nothing.
        least: images without which the work means nothing: 2 for statistics of a batch.
        """
        self.most = 0  # 0: as many as are asked for
        self._doing = doing
        self._effect = effect
        self._least = least
        self._untold: list[str] = []

    def run(self, work: Callable[[slice], T], count: int) -> list[T]:
        """Do `work` on `count` images, in equal parts where they do not fit at once.

        All of them are done again in smaller parts where one does not fit, so that the results
        of one call were made alike.
        Raises: MemoryShortage if not even the smallest part fits.
        """
        while True:
            parts = equal_parts(count, self.most, self._least)
            try:
                return [work(part) for part in parts]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = reason_of(error)
            self.halve(max(part.stop - part.start for part in parts), reason)

    def batches(self, indices: Indices, batch_size: int) -> list[Indices]:
        """Cut indices into batches of about `batch_size`, or of `most` if that is less."""
        size = min(batch_size, self.most or batch_size)
        return np.array_split(indices, max(1, round(len(indices) / size)))

    def over_batches(
        self,
        run: Callable[[list[Indices]], Generator[E, None, T]],
        indices: Indices,
        batch_size: int,
    ) -> Generator[E | NoticeRaised, None, T]:
        """Run a pass over batches of images, anew with smaller ones where one does not fit.

        For passes that add something up, of which nothing may be added twice.
        Yields: the events of each attempt, and the notice between two.
        Raises: MemoryShortage if not even the smallest batch fits.
        """
        while True:
            batches = self.batches(indices, batch_size)
            try:
                return (yield from run(batches))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = reason_of(error)
            self.halve(max(map(len, batches)), reason)
            yield from self.take_notices()

    def halve(self, size: int, reason: str) -> None:
        """Take half of `size` images from now on, for `reason` of reason_of.

        Call it outside the `except` block: inside, the traceback still holds the tensors.
        Raises: MemoryShortage if that is less than means anything.
        """
        free_memory()
        if size // 2 < self._least:
            raise shortage(self._doing, reason)
        self.most = size // 2
        effect = f" {self._effect}" if self._effect else ""
        self._untold.append(
            f"Memory ran out while {self._doing} ({reason}): {self.most} images are computed at "
            f"once from now on, not {size}.{effect}"
        )

    def take_notices(self) -> Iterator[NoticeRaised]:
        """What has not been said yet, once."""
        while self._untold:
            yield NoticeRaised(self._untold.pop(0))


def equal_parts(count: int, most: int, least: int = 1) -> list[slice]:
    """Cut `count` images into parts of `most` at most (0: one part), as equal as can be.

    No part is smaller than `least`, even if one must be larger than `most` for that.
    """
    pieces = 1 if most <= 0 else min(-(-count // most), max(1, count // least))
    bounds = [round(count * piece / pieces) for piece in range(pieces + 1)]
    return [slice(low, high) for low, high in pairwise(bounds)]
