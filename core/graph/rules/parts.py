"""What several rules need."""

from collections.abc import Sequence

from torch import Tensor

from core.graph.labels import frozen_labels, varies
from core.graph.operations import Trace

MIXED = "its channels are mixed with positions by a reshape"


def labels_of(trace: Trace, tensor: Tensor) -> Tensor:
    """Labels of a tensor; frozen ones if it is no activation."""
    labels = trace.of(tensor)
    return frozen_labels(tensor.shape) if labels is None else labels


def classes_of(trace: Trace, tensor: Tensor) -> Tensor:
    """Labels of a tensor in which coupled channels already look the same."""
    return trace.labels.canonical(labels_of(trace, tensor))


def coupled_along(trace: Trace, labels: Tensor, dims: Sequence[int]) -> Tensor:
    """Couple what lies along `dims` where other dimensions carry channels, as in stacked branches.

    Where these dimensions are those of the channels themselves nothing is coupled.
    """
    if not any(varies(labels, d) for d in range(labels.dim()) if d not in dims):
        return labels
    for d in dims:
        if varies(labels, d):
            trace.labels.unify(labels.narrow(d, 0, 1), labels)
            labels = trace.labels.canonical(labels)
    return labels


def bind_operand(trace: Trace, tensor: Tensor, common: Tensor, *, is_added: bool = False) -> None:
    """Slice a parameter that meets channels; freeze channels that meet another constant.

    is_added: it gives the channels values, which a mask must silence too.
    """
    bind = trace.bind_producer if is_added else trace.bind
    offset = common.dim() - tensor.dim()
    wide = [d + offset for d in range(tensor.dim()) if tensor.shape[d] > 1]
    common = coupled_along(trace, common, wide)
    for d in range(tensor.dim()):
        if tensor.shape[d] > 1 and varies(common, d + offset):
            if trace.is_parameter(tensor):
                bind(tensor, d, trace.labels.along(common, d + offset, MIXED))
            else:
                trace.labels.freeze(common, "it meets a constant of fixed width")
