"""A machine whose times are known: what a layer takes is a formula, and no clock is read."""

import numpy as np
from torch import nn

from core.search.layer_work import LayerWork


class MadeUpTimer:
    """A layer takes 0.1 ms and 0.001 ms for each pair of channels; a network twice its layers."""

    device, threads = "CPU", 1

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.timed: list[tuple[tuple[str, ...], int, int]] = []

    def layer(self, work: LayerWork, inputs: int, outputs: int) -> float:
        self.timed.append((work.layers, inputs, outputs))
        return self.batch * (0.1 + 0.001 * inputs * outputs)

    def network(self, module: nn.Module) -> float:
        return 0.5 + 2 * self.batch * sum(
            0.1 + 0.001 * float(np.prod(part.weight.shape[:2]))
            for part in module.modules()
            if isinstance(part, nn.Conv2d | nn.Linear)
        )


class NoFasterTimer(MadeUpTimer):
    """A machine on which a smaller network takes as long."""

    def network(self, module: nn.Module) -> float:
        return 3.0
