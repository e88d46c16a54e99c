"""An allocator that refuses batches above a size, in the words of the real ones."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

REFUSALS: dict[str, Callable[[], Exception]] = {
    "cuda": lambda: torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB"
    ),
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 4096000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "python": MemoryError,
}


class ShortMemory:
    """Convolutions of more than `most` images do not fit; `sizes` are those that did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int, kind: str = "cuda") -> None:
        self.most = most
        self.sizes: list[int] = []
        whole = nn.Conv2d.forward

        def forward(module: nn.Conv2d, images: Tensor) -> Tensor:
            if len(images) > self.most:
                raise REFUSALS[kind]()
            self.sizes.append(len(images))
            return whole(module, images)

        monkeypatch.setattr(nn.Conv2d, "forward", forward)
