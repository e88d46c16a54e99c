"""Load pruned.pt and pruned.json into a network of your own. Needs PyTorch and nothing else.

from load_pruned import load_pruned

network = load_pruned(MyNetwork(), "the/folder")  # freshly built, at its full width
"""

import copy
import json
from pathlib import Path

import torch
from torch import Tensor, nn

# Classes that write their width into forward -> those that compute the same at any width.
FITTING: dict[type[nn.Module], type[nn.Module]] = {}


def load_pruned(module: nn.Module, folder: Path | str = ".") -> nn.Module:
    """Return the pruned form of `module`, in eval mode on the CPU; `module` stays as it is.

    Raises: ValueError if the files are of another network.
    """
    description = json.loads((Path(folder) / "pruned.json").read_text(encoding="utf-8"))
    weights = Path(folder) / Path(description["weights"]).name
    state = torch.load(weights, map_location="cpu", weights_only=True)
    module = copy.deepcopy(module)
    for name in description.get("fitting", []):
        part = module.get_submodule(name)
        part.__class__ = FITTING[type(part)]
    full: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    full.update(module.named_buffers(remove_duplicate=False))
    if full.keys() != state.keys():
        strange = ", ".join(sorted(full.keys() ^ state.keys())[:3])
        raise ValueError(f"The files are of network '{description['network']}': {strange}.")
    parameters: dict[int, nn.Parameter] = {}  # a shared tensor stays one parameter
    for key, whole in full.items():
        small, kept = state[key], description["kept_channels"].get(key, {})
        shape = [len(kept.get(str(dim), range(size))) for dim, size in enumerate(whole.shape)]
        if list(small.shape) != shape:
            raise ValueError(f"'{key}' should be {shape} and is {list(small.shape)}.")
        path, _, name = key.rpartition(".")
        part = module.get_submodule(path)
        if name in part._parameters:
            new = nn.Parameter(small, requires_grad=small.is_floating_point())
            part._parameters[name] = parameters.setdefault(id(small), new)
        else:
            part._buffers[name] = small
    for part in module.modules():
        _fit(part)
    return module.eval()


def _fit(part: nn.Module) -> None:
    """Bring what a module says of its own width in line with its weight."""
    weight = getattr(part, "weight", None)
    if type(part) in FITTING.values():
        part.fit()  # type: ignore[operator]
    elif not isinstance(weight, Tensor):
        return
    elif isinstance(part, nn.modules.conv._ConvNd):
        _fit_convolution(part, *weight.shape[:2])
    elif isinstance(part, nn.Linear):
        part.out_features, part.in_features = weight.shape
    elif isinstance(part, nn.modules.batchnorm._NormBase):
        part.num_features = len(weight)
    elif isinstance(part, nn.GroupNorm):
        if part.num_groups == part.num_channels:
            part.num_groups = len(weight)
        part.num_channels = len(weight)
    elif isinstance(part, (nn.LayerNorm, nn.RMSNorm)):
        part.normalized_shape = tuple(weight.shape)
    elif isinstance(part, nn.PReLU):
        part.num_parameters = len(weight)


def _fit_convolution(part: nn.modules.conv._ConvNd, first: int, second: int) -> None:
    if part.transposed:
        part.in_channels, part.out_channels = first, second * part.groups
    elif part.groups > 1 and part.groups == part.in_channels:  # depthwise
        part.groups = part.in_channels = first * part.in_channels // part.out_channels
        part.out_channels = first
    else:
        part.in_channels, part.out_channels = second * part.groups, first
