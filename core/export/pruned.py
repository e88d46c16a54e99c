"""The pruned network with all that its files must say about it."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from core.data import Images
from core.evaluation import recalibrate_norms
from core.events import BoolArray, NoticeRaised, StageAdvanced, StageStarted
from core.graph.coupling import PruningPlan
from core.memory import ImagesAtOnce
from core.networks import Network, build_network
from core.opening import Opened
from core.pruning.refit import Refit, name_left_alone
from core.pruning.refit_measuring import measure_refit
from core.pruning.surgery import (
    NetworkShell,
    expand_state,
    mask_state,
    network_state,
    prune_network,
)


@dataclass(frozen=True, eq=False)
class PrunedNetwork:
    """A hard-pruned network, where it came from and which channels it kept.

    `module` is in eval mode, on the CPU, in float32; `build` makes the untrained full-size
    network into which the written files are loaded again.
    """

    network: Network  # the one that was pruned
    module: nn.Module
    plan: PruningPlan
    keep: BoolArray  # (channels,)
    images: Images
    macs: int
    macs_kept: float  # share, 0-1
    accuracy: float | None  # on the test images, 0-1, if it has been read
    build: Callable[[], nn.Module] = field(repr=False)

    def soft_twin(self) -> nn.Module:
        """Return the full-size network with the same values and the removed channels zeroed."""
        full = network_state(self.network.module)
        values = expand_state(self.plan, network_state(self.module), full, self.keep)
        twin = NetworkShell(self.network.module).install(mask_state(self.plan, values, self.keep))
        return twin.eval()


def cut_network(
    opened: Opened,
    keep: BoolArray,
    device: torch.device,
    at_once: ImagesAtOnce | None = None,
    refit: Refit | None = None,
) -> nn.Module:
    """Return a new hard-pruned network whose norms fit real images again, on the CPU.

    at_once: of norms_at_once, where what it says can be told.
    refit: of `refit_for`, if the layers shall make up for the inputs that they lost.
    """
    module = prune_network(opened.network.module, opened.analysis.plan, keep).to(device)
    if refit is not None:
        with torch.no_grad():
            for key, value in refit.refit(keep).state.items():
                module.get_parameter(key).copy_(value)
    recalibrate_norms(module, opened.images.reward, device=device, at_once=at_once)
    return module.to("cpu", torch.float32).eval()


def refit_for(
    opened: Opened, masks: Iterable[BoolArray], device: torch.device
) -> Generator[StageStarted | StageAdvanced | NoticeRaised, None, Refit]:
    """Measure on reward images what a refit of these masks (C,) needs.

    Yields: StageStarted and StageAdvanced; a notice that names the layers left alone.
    """
    removed: BoolArray = ~np.logical_and.reduce(list(masks))
    refit = yield from measure_refit(
        opened.network.module,
        opened.analysis,
        opened.images.reward,
        device=device,
        removable=removed,
    )
    if told := name_left_alone(refit.left_alone):
        yield NoticeRaised(told)
    return refit


def describe_pruned(
    opened: Opened,
    keep: BoolArray,
    module: nn.Module,
    costs: Mapping[str, float],
    accuracy: float | None = None,
) -> PrunedNetwork:
    """Put together what the exporters need; `costs` has "macs" and "macs_kept"."""
    network = opened.network
    return PrunedNetwork(
        network=network,
        module=module.to("cpu", torch.float32).eval(),
        plan=opened.analysis.plan,
        keep=keep,
        images=opened.images,
        macs=int(costs["macs"]),
        macs_kept=float(costs["macs_kept"]),
        accuracy=accuracy,
        build=network.build
        or partial(
            build_network,
            network.name,
            class_count=network.class_count,
            input_shape=network.input_shape,
        ),
    )


def owned_state(module: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers as tensors of their own, so that a file holds no more."""
    copies: dict[int, Tensor] = {}
    state = network_state(module)
    return {
        key: copies.setdefault(id(value), value.detach().clone().contiguous())
        for key, value in state.items()
    }
