"""nn.Module -> Analysis: its layer graph, coupling groups, pruning plan and MACs, in one pass.

The network runs once on an example batch under a TorchDispatchMode (running.py). Every
activation carries channel labels (labels.py); every ATen operation couples, freezes or binds
them (rules).
"""

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.errors import GraphError
from core.graph.assembly import Analysis, assemble
from core.graph.attention import head_cuts_allowed
from core.graph.parameters import tensors_of
from core.graph.places import line_of_error
from core.graph.running import NetworkTrace
from core.memory import is_out_of_memory


def analyse_network(module: nn.Module, example: Tensor) -> Analysis:
    """Run `module` once on `example` (N, C, H, W) and say how its channels hang together.

    The network must be in eval mode. It is not changed. It runs without values first, on shapes
    alone, which takes no time however large it is; on its values if it asks for one.
    Raises: GraphError if its forward pass fails or nothing of it can be seen.
    """
    shapes = {id(tensor): tensor.detach().to("meta") for _, tensor in tensors_of(module)}
    try:
        return _trace(module, example.to("meta"), shapes)
    except Exception:
        # Whatever needs a value (.item(), a branch, a mask) fails there, each in its own way;
        # what fails for another reason fails again.
        return _trace(module, example, {})


def _trace(module: nn.Module, example: Tensor, stand_ins: Mapping[int, Tensor]) -> Analysis:
    state = {key: stand_ins.get(id(tensor), tensor) for key, tensor in tensors_of(module)}
    trace = NetworkTrace(module, example, state)
    try:
        with (
            torch.no_grad(),
            head_cuts_allowed(module),
            trace.place.follow(),
            _without_fast_attention(),
            trace,
        ):
            out = functional_call(module, state, (example,)) if stand_ins else module(example)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        where = trace.place.path or "the network"
        line = line_of_error(error)
        op = f" in operation '{trace.running}'" if trace.running else ""
        raise GraphError(
            f"Cannot trace {where}{f' ({line})' if line else ''}: running it on an input of shape "
            f"{tuple(example.shape)} failed{op}: {_shortened(error)}. Check the input shape.",
            details="".join(traceback.format_exception(error)),
        ) from error
    trace.finish(out)
    return assemble(trace, module)


def _shortened(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else f"{text[:157]}..."


@contextmanager
def _without_fast_attention() -> Iterator[None]:
    # the fused path is one opaque operation and hides its MACs
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
