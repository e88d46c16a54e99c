"""load_pruned.py: what reads the pruned weights for those who have PyTorch and no Espalier.

The file is the source of core.export.loader, followed by that of the attention classes if the
network has them, so what is tested here is what is shipped.
"""

import inspect
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from core.export import loader
from core.graph import attention, following

LOADER_FILE = "load_pruned.py"
TORCHVISION_ATTENTION = "core.graph.torchvision_attention"  # imports torchvision when it is used
OWN_IMPORTS = "from core."


def fitting_modules(module: nn.Module) -> list[str]:
    """Name the parts whose classes were exchanged for such as follow their weights."""
    return [
        path
        for path, part in module.named_modules()
        if type(part).__module__ in (attention.__name__, TORCHVISION_ATTENTION)
    ]


def loading_text(module: nn.Module) -> str:
    """Return the Python file that loads the weights of `module`, a pruned network."""
    kinds = {type(part).__module__ for part in module.modules()}
    parts = [inspect.getsource(loader)]
    if kinds & {attention.__name__, TORCHVISION_ATTENTION}:
        parts.append(_marks())
    if attention.__name__ in kinds:
        parts.append(_head_attention())
    if TORCHVISION_ATTENTION in kinds:
        own = _without_own_imports(sys.modules[TORCHVISION_ATTENTION])
        parts.append(f"{own}\n\nFITTING.update(REPLACEMENTS)\n")
    return "\n\n".join(parts)


def read_loader(path: Path) -> ModuleType:
    """Run the file as a module of its own."""
    module = ModuleType(path.stem)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module


def _marks() -> str:
    return "\n\n".join(
        inspect.getsource(kind) for kind in (following.FollowsWeights, following.LosesHeads)
    )


def _head_attention() -> str:
    """The one attention class of PyTorch's own, with what it stands on."""
    pieces = (attention.HeadAttention, attention._joined_mask, attention._additive)
    sources = [inspect.getsource(piece) for piece in pieces]
    imports = "import torch.nn.functional as F\n"
    entry = "FITTING[nn.MultiheadAttention] = HeadAttention\n"
    return "\n\n".join([imports, *sources, entry])


def _without_own_imports(module: ModuleType) -> str:
    lines = inspect.getsource(module).splitlines()
    return "\n".join(line for line in lines if not line.startswith(OWN_IMPORTS))
