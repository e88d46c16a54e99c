"""Hard and soft pruning: a mask turns a state dict into a smaller or a silenced one.

The plan says, per state-dict entry and dimension, which channel decides over each index, so a
cut is a few `index_select`s: milliseconds, no tracing, no copying of the network.
"""

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.graph.attention import allow_head_cuts
from core.graph.coupling import PruningPlan
from core.graph.following import FollowsWeights
from core.pruning.masks import kept_channels

State = dict[str, Tensor]
Keep = NDArray[np.bool_]


def network_state(module: nn.Module) -> State:
    """Return all parameters and buffers by key, detached, not copied.

    Unlike `state_dict` it lists non-persistent buffers too, and shared tensors under each name.
    """
    entries = [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]
    detached = {id(tensor): tensor.detach() for _, tensor in entries}
    return {key: detached[id(tensor)] for key, tensor in entries}


def slice_state(plan: PruningPlan, state: Mapping[str, Tensor], keep: Keep) -> State:
    """Cut removed channels out of `state`.

    Entries that lose nothing are the very tensors of `state`: never change them in place.
    """
    indices: dict[int, Tensor] = {}
    cut: dict[int, Tensor] = {}  # a shared tensor is cut once and stays shared
    result = dict(state)
    for key, owners in plan.owners.items():
        tensor = state[key]
        if id(tensor) in cut:
            result[key] = cut[id(tensor)]
            continue
        for dim, owner in owners.items():
            index = indices.get(id(owner))
            if index is None:
                index = torch.from_numpy(np.flatnonzero(kept_channels(keep, owner)))
                indices[id(owner)] = index = index.to(tensor.device)
            if len(index) < tensor.shape[dim]:
                tensor = tensor.index_select(dim, index)
        result[key] = cut[id(state[key])] = tensor
    return result


def mask_state(plan: PruningPlan, state: Mapping[str, Tensor], keep: Keep) -> State:
    """Silence removed channels in `state` at full size: their producers and consumers are zero."""
    masked: dict[int, Tensor] = {}  # id of the whole tensor -> the silenced one
    for key, dim in sorted(plan.producers | plan.consumers):
        tensor = masked.get(id(state[key]), state[key])
        kept = torch.from_numpy(kept_channels(keep, plan.owners[key][dim])).to(tensor.device)
        shape = [-1 if d == dim else 1 for d in range(tensor.dim())]
        masked[id(state[key])] = tensor * kept.view(shape)
    return {key: masked.get(id(tensor), tensor) for key, tensor in state.items()}


def expand_state(
    plan: PruningPlan, small: Mapping[str, Tensor], full: Mapping[str, Tensor], keep: Keep
) -> State:
    """Write a pruned network's values back to their places in the full-size state."""
    result = {key: small[key].clone() for key in full}
    for key, owners in plan.owners.items():
        expanded = full[key].clone()
        kept = [np.arange(size) for size in expanded.shape]
        for dim, owner in owners.items():
            kept[dim] = np.flatnonzero(kept_channels(keep, owner))
        expanded[tuple(torch.from_numpy(index) for index in np.ix_(*kept))] = small[key]
        result[key] = expanded
    return result


class NetworkShell:
    """One deep copy of a network into which state dicts of any width are installed."""

    def __init__(self, module: nn.Module) -> None:
        self.module = copy.deepcopy(module)
        allow_head_cuts(self.module)
        self._slots: list[tuple[str, dict[str, nn.Parameter | None], str]] = []
        self._buffers: list[tuple[str, dict[str, Tensor | None], str]] = []
        self._fixes: list[Callable[[], None]] = []
        for path, part in self.module.named_modules():
            prefix = f"{path}." if path else ""
            for name, parameter in part._parameters.items():
                if parameter is not None:
                    self._slots.append((prefix + name, part._parameters, name))
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    self._buffers.append((prefix + name, part._buffers, name))
            fix = _attribute_fix(part)
            if fix is not None:
                self._fixes.append(fix)

    def install(self, state: Mapping[str, Tensor], *, trainable: bool = False) -> nn.Module:
        """Put `state` into the shell; returns the same module every time."""
        parameters: dict[int, nn.Parameter] = {}
        for key, slots, name in self._slots:
            tensor = state[key]
            if id(tensor) not in parameters:  # a shared tensor stays one parameter
                needs_grad = trainable and tensor.is_floating_point()
                parameters[id(tensor)] = nn.Parameter(tensor, requires_grad=needs_grad)
            slots[name] = parameters[id(tensor)]
        for key, buffers, name in self._buffers:
            buffers[name] = state[key]
        for fix in self._fixes:
            fix()
        return self.module


def prune_network(module: nn.Module, plan: PruningPlan, keep: Keep) -> nn.Module:
    """Return a new network, without the removed channels, that shares nothing with `module`."""
    return _install_copy(module, slice_state(plan, network_state(module), keep))


def soft_prune_network(module: nn.Module, plan: PruningPlan, keep: Keep) -> nn.Module:
    """Return a new network of full size in which the removed channels are silent."""
    return _install_copy(module, mask_state(plan, network_state(module), keep))


def _install_copy(module: nn.Module, state: State) -> nn.Module:
    copies: dict[int, Tensor] = {}
    for tensor in state.values():
        if id(tensor) not in copies:
            copies[id(tensor)] = tensor.clone()
    owned = {key: copies[id(tensor)] for key, tensor in state.items()}
    pruned = NetworkShell(module).install(owned, trainable=True)
    needs_grad = {key: p.requires_grad for key, p in module.named_parameters()}
    for key, parameter in pruned.named_parameters():
        parameter.requires_grad_(needs_grad[key])
    return pruned


def _attribute_fix(part: nn.Module) -> Callable[[], None] | None:
    """What a module says of its own width, brought in line with its weight after a cut."""
    if isinstance(part, FollowsWeights):
        return part.fit
    if isinstance(part, nn.GroupNorm) and part.num_groups == part.num_channels:
        return _instance_fix(part)
    if isinstance(part, nn.modules.conv._ConvNd):
        return _conv_fix(part)
    if isinstance(part, nn.Linear):

        def fix_linear() -> None:
            part.out_features, part.in_features = part.weight.shape

        return fix_linear
    for kind, attribute in _WIDTH_ATTRIBUTES.items():
        if isinstance(part, kind) and getattr(part, "weight", None) is not None:
            is_shape = attribute == "normalized_shape"

            def fix_width(name: str = attribute, is_shape: bool = is_shape) -> None:
                weight: Tensor = part.weight  # type: ignore[assignment]
                setattr(part, name, tuple(weight.shape) if is_shape else weight.numel())

            return fix_width
    return None


def _instance_fix(part: nn.GroupNorm) -> Callable[[], None] | None:
    """With one channel a group there are as many groups as channels, before and after."""
    if part.weight is None:
        return None

    def fix_groups() -> None:
        part.num_groups = part.num_channels = len(part.weight)

    return fix_groups


def _conv_fix(part: nn.modules.conv._ConvNd) -> Callable[[], None]:
    is_depthwise = part.groups > 1 and part.groups == part.in_channels
    multiplier = part.out_channels // part.groups

    def fix_conv() -> None:
        first, second = part.weight.shape[:2]
        if is_depthwise and not part.transposed:
            part.groups = part.in_channels = first // multiplier
            part.out_channels = first
        elif part.transposed:
            part.in_channels, part.out_channels = first, second * part.groups
        else:
            part.in_channels, part.out_channels = second * part.groups, first

    return fix_conv


_WIDTH_ATTRIBUTES: dict[type[nn.Module], str] = {
    nn.modules.batchnorm._NormBase: "num_features",  # of instances, too
    nn.GroupNorm: "num_channels",
    nn.LayerNorm: "normalized_shape",
    nn.RMSNorm: "normalized_shape",
    nn.PReLU: "num_parameters",
}
