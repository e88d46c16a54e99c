"""Rules of operations that compute values in place of values: pointwise, sums, softmax."""

from torch import Tensor

from core.graph.labels import frozen_labels, varies
from core.graph.operations import LayerDraft, Operation, Trace
from core.graph.rules.parts import MIXED, bind_operand, classes_of, coupled_along, labels_of


def reduction(trace: Trace, op: Operation) -> LayerDraft | None:
    labels = classes_of(trace, op.args[0])
    rank = labels.dim()
    dims = op.argument(2 if op.name == "linalg_vector_norm" else 1, "dim")
    if isinstance(dims, int):
        dims = [dims]
    dims = [d % rank for d in dims] if dims else list(range(rank))
    labels = coupled_along(trace, labels, dims)
    carrying = [d for d in dims if varies(labels, d)]
    if len(carrying) > 1 or (carrying and 0 in dims):
        trace.unknown(op, "it is reduced over its channels")
        return None
    for d in carrying:
        kind = op.name.removeprefix("linalg_vector_")
        channels = trace.labels.along(labels, d, MIXED)
        trace.approximate(channels, f"{kind} over channels depends on the width")
        labels = frozen_labels(labels.shape)  # what is left belongs to none of them
    for d in dims:
        labels = labels.narrow(d, 0, 1)
    for out in op.outputs:
        trace.put(out, labels.reshape(out.shape))
    is_global_pool = rank == 4 and sorted(dims) == [2, 3]
    return LayerDraft(kind="pool") if is_global_pool else None


def softmax(trace: Trace, op: Operation) -> None:
    labels = classes_of(trace, op.args[0])
    dim = op.args[1] % labels.dim()
    labels = coupled_along(trace, labels, [dim])
    if varies(labels, dim):
        if op.name in ("_softmax", "_safe_softmax"):
            channels = trace.labels.along(labels, dim, MIXED)
            trace.approximate(channels, "softmax over channels depends on the width")
        else:
            trace.labels.freeze(labels, f"{op.name.strip('_')} runs over its channels")
    trace.put(op.out, labels)


def pointwise(trace: Trace, op: Operation) -> None:
    out = op.outputs[0]
    activations = [t for t in op.tensors if trace.of(t) is not None]
    common: Tensor | None = None
    for tensor in sorted(activations, key=lambda t: -t.numel()):
        labels = labels_of(trace, tensor)
        if common is None:
            common = labels.expand(out.shape)
        elif _is_broadcast_over_channels(tensor, common):
            trace.labels.freeze(labels, "one map of it weighs all channels")
        else:
            common = trace.labels.unify(common, labels.expand(out.shape))
    if common is None:
        return
    for tensor in op.tensors:
        if trace.of(tensor) is None and tensor.numel() > 1:
            bind_operand(trace, tensor, common, is_added=op.name in ("add", "sub"))
    trace.put(out, common)


def _is_broadcast_over_channels(tensor: Tensor, common: Tensor) -> bool:
    offset = common.dim() - tensor.dim()
    return any(
        (d < offset or tensor.shape[d - offset] == 1 or tensor.stride(d - offset) == 0)
        and varies(common, d)
        for d in range(common.dim())
    )
