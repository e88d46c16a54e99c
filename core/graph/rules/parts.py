"""What several rules need."""

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


def bind_operand(trace: Trace, tensor: Tensor, common: Tensor, *, is_added: bool = False) -> None:
    """Slice a parameter that meets channels; freeze channels that meet another constant.

    is_added: it gives the channels values, which a mask must silence too.
    """
    bind = trace.bind_producer if is_added else trace.bind
    offset = common.dim() - tensor.dim()
    for d in range(tensor.dim()):
        if tensor.shape[d] > 1 and varies(common, d + offset):
            if trace.is_parameter(tensor):
                bind(tensor, d, trace.labels.along(common, d + offset, MIXED))
            else:
                trace.labels.freeze(common, "it meets a constant of fixed width")
