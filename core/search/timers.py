"""What times a network and its layers; the real one runs them in PyTorch."""

import copy
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.search.layer_work import LayerWork

REPEATS = 3  # of a run that is short
SHORT_MS = 5.0

Clock = Callable[[], float]


class Timer(Protocol):
    """Times one thing once, in milliseconds."""

    device: str  # "CPU" or a GPU's name
    threads: int
    batch: int

    def layer(self, work: LayerWork, inputs: int, outputs: int) -> float:
        """Time a layer at some widths."""

    def network(self, module: nn.Module) -> float:
        """Time a whole network."""


def make_timer(device: torch.device, input_shape: tuple[int, int, int], batch: int) -> Timer:
    """Make what times layers; tests put another in its place."""
    return TorchTimer(device, input_shape, batch)


class TorchTimer:
    """Times in PyTorch, on random numbers, with as many threads as are set now."""

    def __init__(
        self,
        device: torch.device,
        input_shape: tuple[int, int, int],
        batch: int,
        clock: Clock = time.perf_counter,
    ) -> None:
        is_cuda = device.type == "cuda"
        self.device = torch.cuda.get_device_name(device) if is_cuda else "CPU"
        self.threads = torch.get_num_threads()
        self.batch = batch
        self._on = device
        self._clock = clock
        self._noise = torch.empty(0)
        self._images = torch.randn(
            batch, *input_shape, generator=torch.Generator().manual_seed(0)
        ).to(device)
        self._networks: dict[int, tuple[nn.Module, nn.Module]] = {}

    def layer(self, work: LayerWork, inputs: int, outputs: int) -> float:
        """Time a layer at some widths, in milliseconds."""
        images, weight = (self._random(shape) for shape in work.shapes(inputs, outputs, self.batch))
        return self._time(lambda: work.run(images, weight))

    def network(self, module: nn.Module) -> float:
        """Time a whole network, in milliseconds."""
        if id(module) not in self._networks:
            copied = copy.deepcopy(module).eval().to(self._on)
            self._networks[id(module)] = module, copied  # the first is kept, so is its id
        own = self._networks[id(module)][1]
        return self._time(lambda: own(self._images))

    def _time(self, run: Callable[[], object]) -> float:
        """Run once to warm up, then once or, if it is short, some times for their median."""
        with torch.inference_mode():
            run()
            times = [self._once(run)]
            while times[0] < SHORT_MS and len(times) < REPEATS:
                times.append(self._once(run))
        return median(times)

    def _once(self, run: Callable[[], object]) -> float:
        self._wait()
        began = self._clock()
        run()
        self._wait()
        return 1000 * (self._clock() - began)

    def _wait(self) -> None:
        if self._on.type == "cuda":
            torch.cuda.synchronize(self._on)

    def _random(self, shape: Sequence[int]) -> Tensor:
        """Random numbers of a shape; all share one memory, for filling it would take longest."""
        count = int(np.prod(shape))
        if len(self._noise) < count:
            self._noise = torch.randn(count, generator=torch.Generator().manual_seed(0)).to(
                self._on
            )
        return self._noise[:count].view(*shape)
