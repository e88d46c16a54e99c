"""Rules of operations that move values: they do to labels what they do to values."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.graph.labels import FROZEN, aligned_runs, compressed, reshaped, spread, varies
from core.graph.operations import Operation, Trace
from core.graph.rules.parts import MIXED, classes_of, labels_of


def pad(trace: Trace, op: Operation) -> None:
    labels = labels_of(trace, op.args[0])
    pad: list[int] = list(op.args[1])
    for i in range(len(pad) // 2):
        dim = labels.dim() - 1 - i
        if not varies(labels, dim):  # zeros around an image belong to its channels
            labels, pad[2 * i : 2 * i + 2] = labels.narrow(dim, 0, 1), [0, 0]
    # channels of zeros that the code itself adds are a fixed number of channels: frozen
    trace.put(op.out, torch.constant_pad_nd(labels, pad, FROZEN).expand(op.out.shape))


def reshape(trace: Trace, op: Operation) -> None:
    before, shape = labels_of(trace, op.args[0]), tuple(op.out.shape)
    after = reshaped(before, shape)
    if _couple_split_channels(trace, before, after):
        after = reshaped(trace.labels.canonical(before), shape)
    trace.put(op.out, after)


def _couple_split_channels(trace: Trace, before: Tensor, after: Tensor) -> bool:
    """`view` that splits C into (a, ..., b) still fits if one of these shrinks everywhere alike.

    Which one the code lets shrink cannot be seen: it is taken for the last, or, in an attention
    that may lose heads, for the one before; the proof by trial knows.
    """
    for old, new in aligned_runs(tuple(before.shape), tuple(after.shape)):
        carrying = [d for d in old if varies(before, d)]
        parts = [after.shape[d] for d in new]
        if sum(varies(after, d) for d in new) < 2 or before.shape[carrying[0]] != math.prod(parts):
            continue  # the channels stay whole, or are merged with positions (flatten)
        channels = trace.labels.along(before, carrying[0], MIXED).view(parts)
        alike = channels.movedim(trace.shrinking_part(parts), 0).flatten(1)
        trace.labels.unify(alike[:, :1], alike)
        return True
    return False


def same_on_labels(trace: Trace, op: Operation) -> None:
    """Operations that only move values do to labels what they do to values."""
    labels = op.func(labels_of(trace, op.args[0]), *op.args[1:], **op.kwargs)
    trace.put(op.out, labels)


def as_strided(trace: Trace, op: Operation) -> None:
    """Channels-last pooling ends in a view with other strides and the same values."""
    labels = labels_of(trace, op.args[0])
    if tuple(op.out.shape) != tuple(labels.shape):
        trace.unknown(op, "operation 'as_strided' is not known")
        return
    trace.put(op.out, labels)


def roll(trace: Trace, op: Operation) -> None:
    labels = labels_of(trace, op.args[0])
    if any(varies(labels, dim % labels.dim()) for dim in op.argument(2, "dims", ()) or (0,)):
        trace.labels.freeze(labels, "its channels are rolled by a fixed number")
    trace.put(op.out, op.func(labels, *op.args[1:], **op.kwargs))


def identity(trace: Trace, op: Operation) -> None:
    trace.put(op.outputs[0], labels_of(trace, op.args[0]))


def constant(trace: Trace, op: Operation) -> None:
    """A new tensor for which another only gives type and device: its values are no channels."""


def split(trace: Trace, op: Operation) -> None:
    labels = classes_of(trace, op.args[0])
    dim = op.argument(1 if op.name == "unbind" else 2, "dim", 0) % labels.dim()
    parts = op.func(labels, *op.args[1:], **op.kwargs)
    if varies(labels, dim):
        if op.name == "unbind" or len({part.shape[dim] for part in parts}) > 1:
            trace.labels.freeze(labels, "it is split into unequal parts")
        else:
            # x.chunk(k) keeps working if every part loses the same positions
            channels = [trace.labels.along(part, dim, MIXED) for part in parts]
            for other in channels[1:]:
                trace.labels.unify(channels[0], other)
    for out, part in zip(op.outputs, parts, strict=True):
        trace.put(out, part)


def glu(trace: Trace, op: Operation) -> None:
    labels = classes_of(trace, op.args[0])
    values, gates = labels.chunk(2, op.argument(1, "dim", -1))
    trace.put(op.out, trace.labels.unify(values, gates))


def channel_shuffle(trace: Trace, op: Operation) -> None:
    """Every group loses the same positions, so that groups stay equally wide."""
    channels = trace.labels.along(labels_of(trace, op.args[0]), 1, MIXED)
    by_group = channels.view(op.args[1], -1)
    trace.labels.unify(by_group[:1], by_group)
    trace.put(op.out, spread(by_group.t().reshape(-1), op.out.shape, 1))


def slice_channels(trace: Trace, op: Operation) -> None:
    labels = classes_of(trace, op.args[0])
    dim = op.argument(1, "dim", 0)
    sliced = op.func(labels, *op.args[1:], **op.kwargs)
    if sliced.shape != labels.shape and varies(labels, dim % labels.dim()):
        trace.labels.freeze(labels, "the code takes a slice of its channels")
    trace.put(op.out, sliced)


def index(trace: Trace, op: Operation) -> None:
    """Picks positions; where it picks channels their numbers are written into the code."""
    labels = classes_of(trace, op.args[0])
    picked = [d for d, chosen in enumerate(op.args[1]) if chosen is not None]
    if any(trace.of(x) is not None for x in op.args[1] if x is not None):
        trace.unknown(op, "positions that are computed pick its values")
        return
    if any(varies(labels, d) for d in picked):
        trace.labels.freeze(labels, "the code picks some of its channels")
    # which positions does not matter, and in a run without values they cannot be read
    first = [
        None if x is None else x if x.dtype == torch.bool else x.new_zeros(x.shape, device="cpu")
        for x in op.args[1]
    ]
    trace.put(op.out, compressed(op.func(labels, first)))


def concat(trace: Trace, op: Operation) -> None:
    tensors: Sequence[Tensor] = op.args[0]
    dim = op.argument(1, "dim", 0)
    labels = [labels_of(trace, t) for t in tensors]
    if op.name == "cat":
        dim %= op.out.dim()
        # an empty tensor of one dimension may stand among the others
        labels = [label for label in labels if label.dim() == op.out.dim()]
        _couple_beside(trace, tensors, labels, dim)
        for d in range(op.out.dim()):
            if d != dim and all(label.stride(d) == 0 for label in labels):
                labels = [label.narrow(d, 0, 1) for label in labels]
    joined = op.func(labels, *op.args[1:], **op.kwargs)
    trace.put(op.out, compressed(joined).expand(op.out.shape))


def _couple_beside(trace: Trace, tensors: Sequence[Tensor], labels: list[Tensor], dim: int) -> None:
    """Parts that are laid beside each other must agree in the channels of every other dim."""
    for other in range(labels[0].dim()):
        if other == dim or not any(varies(label, other) for label in labels):
            continue
        reference = next(label for label in labels if varies(label, other))
        channels = trace.labels.along(reference, other, MIXED)
        for i, label in enumerate(labels):
            if label is reference:
                continue
            if trace.of(tensors[i]) is None and trace.is_parameter(tensors[i]):
                trace.bind(tensors[i], other, channels)
                labels[i] = spread(channels, label.shape, other)
            else:
                trace.labels.unify(channels, trace.labels.along(label, other, MIXED))
