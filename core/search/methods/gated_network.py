"""A network whose channels have gates: what reads a channel reads it times its gate."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from core.evaluation import class_logits, use_batch_statistics
from core.graph.coupling import PruningPlan
from core.pruning.surgery import State, network_state


class GatedNetwork:
    """A copy of a network at full size; a gate of 0 silences a channel as its cut would.

    Gates scale the weights of whatever reads the channel, so that a channel with several
    producers, or a norm behind it, is gated once. Norms take the statistics of the batch.
    """

    def __init__(self, module: nn.Module, plan: PruningPlan, device: torch.device) -> None:
        self.module = copy.deepcopy(module).to(device).eval()
        use_batch_statistics(self.module)
        self._readers: list[tuple[str, tuple[int, ...], Tensor]] = []
        entries = dict(self.module.named_parameters(remove_duplicate=False))
        seen: set[int] = set()
        for key, dim in sorted(plan.consumers):
            if key not in entries or id(entries[key]) in seen:
                continue
            seen.add(id(entries[key]))
            shape = tuple(-1 if d == dim else 1 for d in range(entries[key].dim()))
            owners: NDArray[np.int64] = plan.owners[key][dim]
            self._readers.append((key, shape, torch.from_numpy(owners).to(device)))

    @torch.no_grad()
    def folded_state(self, gates: Tensor) -> State:
        """Copy the whole state with gates (channels,) multiplied into what reads the channels."""
        state = {key: value.clone() for key, value in network_state(self.module).items()}
        tied = network_state(self.module)
        whole = torch.cat([gates, gates.new_ones(1)])
        for key, shape, owners in self._readers:
            folded = tied[key] * whole[owners].view(shape)
            state |= {other: folded for other, value in tied.items() if value is tied[key]}
        return state

    def logits(self, images: Tensor, gates: Tensor) -> Tensor:
        """Answer to images (N, C, H, W) with gates (channels,): (N, classes)."""
        weights = dict(self.module.named_parameters(remove_duplicate=False))
        whole = torch.cat([gates, gates.new_ones(1)])  # owner -1: always there
        gated = {
            id(weights[key]): weights[key] * whole[owners].view(shape)
            for key, shape, owners in self._readers
        }
        by_name = {key: gated.get(id(weight), weight) for key, weight in weights.items()}
        # tied weights have one gated tensor under all of their names
        output = functional_call(self.module, by_name, (images,), tie_weights=False)
        return class_logits(output)
