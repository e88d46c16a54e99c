"""What PyTorch computes a weight of before every use becomes that weight: masks and norms.

Masks of torch.nn.utils.prune, weight_norm and spectral_norm in both their kinds: hooks, which put
the weight on the module anew, and parametrizations. In eval mode all of them are constant.
"""

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm, remove_spectral_norm
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

State = dict[str, Tensor]


def fold_masks(module: nn.Module) -> int:
    """Make the masks of torch.nn.utils.prune permanent, in place; returns of how many weights."""
    hooked = _hooked(module, prune.BasePruningMethod, "_tensor_name")
    for part, name in hooked:
        prune.remove(part, name)  # type: ignore[no-untyped-call]
    return len(hooked)


def fold_norms(module: nn.Module) -> int:
    """Make what weight_norm and spectral_norm compute the weights, in place; returns how many.

    module: in eval mode, for in training spectral_norm moves with every use.
    """
    normed, spectral = _hooked(module, WeightNorm, "name"), _hooked(module, SpectralNorm, "name")
    for part, name in normed:
        remove_weight_norm(part, name)
    for part, name in spectral:
        remove_spectral_norm(part, name)
    computed = [
        (part, name)
        for part in list(module.modules())
        if parametrize.is_parametrized(part)
        for name in list(_parametrizations(part))
        if _is_of_torch(_parametrizations(part)[name])
    ]
    for part, name in computed:
        weight = getattr(part, name).detach().clone()
        parametrize.remove_parametrizations(part, name)
        delattr(part, name)
        part.register_parameter(name, nn.Parameter(weight))
    return len(normed) + len(spectral) + len(computed)


def fold_state(state: State, own: Collection[str] = ()) -> None:
    """Do the same to a state dict, in place, whose network is folded already.

    own: the weights of the network; what only looks computed and is among them stays.
    """
    for suffix, (parts, fold) in LAYOUTS.items():
        for place in [key.removesuffix(suffix) for key in state if key.endswith(suffix)]:
            path, _, name = place.rpartition("parametrizations.")
            keys = [place + part for part in parts]
            if f"{path}{name}" in state or not all(_is_plain(state.get(key)) for key in keys):
                continue
            if any(_is_named(key, own) for key in keys):
                continue
            weight = fold(*(state[key] for key in keys))
            if weight is not None:
                for key in keys:
                    del state[key]
                state[f"{path}{name}"] = weight


def _hooked(module: nn.Module, kind: type, attribute: str) -> list[tuple[nn.Module, str]]:
    """The parts that have hooks of a kind, and the name of the weight that each hook computes."""
    return [
        (part, str(getattr(hook, attribute)))
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
        if isinstance(hook, kind)
    ]


def _parametrizations(part: nn.Module) -> Any:
    return part.parametrizations


def _is_of_torch(listed: nn.ModuleList) -> bool:
    """Whether PyTorch's own code alone computes a weight; that of others may draw at random."""
    return all(type(one).__module__ == parametrizations.__name__ for one in listed)


def _is_named(key: str, own: Collection[str]) -> bool:
    """Whether a weight is the network's own, with or without a prefix of the file."""
    parts = key.split(".")
    return any(".".join(parts[start:]) in own for start in range(len(parts)))


def _is_plain(value: Tensor | None) -> bool:
    return value is not None and value.is_floating_point() and value.layout == torch.strided


def _masked(whole: Tensor, mask: Tensor) -> Tensor | None:
    return whole * mask if whole.shape == mask.shape else None


def _of_length(length: Tensor, direction: Tensor) -> Tensor | None:
    """What weight_norm computes; `length` has one number for each row, or one for all."""
    g, v = length.float(), direction.float()
    g = g.reshape([1] * v.ndim) if g.ndim == 0 else g
    if g.ndim != v.ndim:
        return None
    dims = [dim for dim, size in enumerate(g.shape) if size == 1]
    norm = torch.linalg.vector_norm(v, dim=dims, keepdim=True)
    return v * (g / norm) if norm.shape == g.shape else None


def _over_largest(whole: Tensor, left: Tensor, right: Tensor) -> Tensor | None:
    """What spectral_norm computes: a weight over its largest singular value."""
    weight, u, v = whole.float(), left.float(), right.float()
    if u.ndim != 1 or v.ndim != 1 or len(u) * len(v) != weight.numel():
        return None
    # which dimension has the rows is not written; where two may, the vectors are those of one
    sigmas = [
        torch.dot(u, weight.movedim(dim, 0).reshape(len(u), len(v)) @ v)
        for dim, size in enumerate(weight.shape)
        if size == len(u)
    ]
    return weight / torch.stack(sigmas).max() if sigmas else None


# How PyTorch writes what it computes a weight of: the ending by which it is found -> all endings.
LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[..., Tensor | None]]] = {
    "_mask": (("_orig", "_mask"), _masked),
    "_g": (("_g", "_v"), _of_length),
    ".original0": ((".original0", ".original1"), _of_length),
    "_u": (("_orig", "_u", "_v"), _over_largest),
    ".0._u": ((".original", ".0._u", ".0._v"), _over_largest),
}
