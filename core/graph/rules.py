"""What each ATen operation does to channel labels: RULES, one function per kind of operation.

A rule reads the labels of an operation's inputs, couples or freezes channels, binds them to
dimensions of weights, and puts labels on the outputs. An operation without a rule freezes all
channels that reach it. Rules that make a layer of their own return a LayerDraft.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core.graph.labels import FROZEN, frozen_labels, spread, varies
from core.graph.operations import LayerDraft, Operation, Trace

Rule = Callable[[Trace, Operation], LayerDraft | None]

MIXED = "its channels are mixed with positions by a reshape"


def _labels(trace: Trace, tensor: Tensor) -> Tensor:
    labels = trace.of(tensor)
    return frozen_labels(tensor.shape) if labels is None else labels


def _fresh_outputs(trace: Trace, weight: Tensor, dim: int, count: int) -> Tensor:
    """Labels of a layer's outputs: those of an earlier call if the weight is shared."""
    known = trace.bound(weight, dim)
    if known is not None:
        return known
    # a weight computed on the fly cannot be sliced, so its outputs are always kept
    is_sliceable = trace.is_parameter(weight)
    return trace.labels.new(count) if is_sliceable else torch.zeros(count, dtype=torch.int64)


def _convolution(trace: Trace, op: Operation) -> LayerDraft | None:
    x, weight, bias, stride = op.args[:4]
    is_transposed, groups = op.args[6], op.args[8]
    kernel = tuple(weight.shape[2:])
    inputs = trace.labels.along(_labels(trace, x), 1, MIXED)
    is_depthwise = groups > 1 and groups == x.shape[1]
    if is_transposed and groups > 1:
        trace.unknown(op, "grouped transposed convolution is not supported")
        outputs = torch.zeros(op.out.shape[1], dtype=torch.int64)
    elif is_depthwise:
        outputs = inputs.repeat_interleave(op.out.shape[1] // groups)
        trace.bind_producer(weight, 0, outputs)
        trace.bind_producer(bias, 0, outputs)
    elif groups > 1:
        outputs = _grouped_outputs(trace, op, inputs, groups)
    else:
        out_dim, in_dim = (1, 0) if is_transposed else (0, 1)
        trace.bind_consumer(weight, in_dim, inputs)
        outputs = _fresh_outputs(trace, weight, out_dim, op.out.shape[1])
        trace.bind_producer(weight, out_dim, outputs)
        trace.bind_producer(bias, 0, outputs)
        trace.is_width(weight, out_dim)
    trace.put(op.out, spread(outputs, op.out.shape, 1))
    # every input position of a transposed convolution meets the whole kernel
    steps = x.shape[2:] if is_transposed else op.out.shape[2:]
    return LayerDraft(
        kind="depthwise" if is_depthwise else "conv",
        weight=weight,
        positions=math.prod(steps) * math.prod(kernel),
        inputs=None if is_depthwise else inputs,
        outputs=outputs,
        groups=1 if is_depthwise else groups,
        kernel=kernel,
        stride=max(stride),
    )


def _grouped_outputs(trace: Trace, op: Operation, inputs: Tensor, groups: int) -> Tensor:
    """Every convolution group loses the same positions, so that groups stay equally wide."""
    weight, bias = op.args[1:3]
    by_group = inputs.view(groups, -1)
    for group in range(1, groups):
        trace.labels.unify(by_group[0], by_group[group])
    trace.bind_consumer(weight, 1, by_group[0])
    known = trace.bound(weight, 0)
    if known is None:
        known = _fresh_outputs(trace, weight, 0, op.out.shape[1] // groups).repeat(groups)
    trace.bind_producer(weight, 0, known)
    trace.bind_producer(bias, 0, known)
    trace.is_width(weight, 0)
    return known


def _linear(trace: Trace, op: Operation) -> LayerDraft | None:
    if op.name == "addmm":
        bias, x, weight = op.args[:3]
    else:
        x, weight, bias = op.args[0], op.args[1], op.argument(2, "bias")
    in_dim, out_dim = (1, 0) if op.name == "linear" else (0, 1)
    if not trace.is_parameter(weight):
        _product_of_activations(trace, op)
        return None
    inputs = trace.labels.along(_labels(trace, x), x.dim() - 1, MIXED)
    trace.bind_consumer(weight, in_dim, inputs)
    outputs = _fresh_outputs(trace, weight, out_dim, op.out.shape[-1])
    trace.bind_producer(weight, out_dim, outputs)
    trace.bind_producer(bias, 0, outputs)
    trace.is_width(weight, out_dim)
    trace.put(op.out, spread(outputs, op.out.shape, op.out.dim() - 1))
    rows = op.out.numel() // op.out.shape[-1]
    return LayerDraft(
        kind="linear",
        weight=weight,
        positions=rows // trace.image_count,
        inputs=inputs,
        outputs=outputs,
    )


def _product_of_activations(trace: Trace, op: Operation) -> None:
    trace.unknown(op, "it enters a product of activations")


def _batch_norm(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    channels = trace.labels.along(labels, 1, MIXED)
    weight, bias, mean, variance = op.args[1:5]
    trace.bind_producer(weight, 0, channels)
    trace.bind_producer(bias, 0, channels)
    for statistics in (mean, variance):
        if statistics is not None:
            trace.bind(statistics, 0, channels)
    trace.put(op.outputs[0], labels)


def _layer_norm(trace: Trace, op: Operation) -> None:
    x, normalized_shape, weight, bias = op.args[:4]
    labels = _labels(trace, x)
    if len(normalized_shape) != 1:
        trace.unknown(op, "LayerNorm over several dimensions is not supported")
        return
    channels = trace.labels.along(labels, x.dim() - 1, MIXED)
    trace.approximate(channels, "LayerNorm's statistics depend on the width")
    trace.bind_producer(weight, 0, channels)
    trace.bind_producer(bias, 0, channels)
    trace.put(op.outputs[0], labels)


def _group_norm(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    channels = trace.labels.along(labels, 1, MIXED)
    groups = op.args[6]
    if groups == len(channels):
        trace.labels.freeze(channels, "GroupNorm with one channel a group cannot be narrowed")
    elif groups > 1:
        by_group = channels.view(groups, -1)
        for group in range(1, groups):
            trace.labels.unify(by_group[0], by_group[group])
    trace.approximate(channels, "GroupNorm's statistics depend on the width")
    for parameter in op.args[1:3]:
        trace.bind_producer(parameter, 0, channels)
    trace.put(op.outputs[0], labels)


def _pool(trace: Trace, op: Operation) -> LayerDraft:
    channels = trace.labels.along(_labels(trace, op.args[0]), 1, MIXED)
    for out in op.outputs:
        trace.put(out, spread(channels, out.shape, 1))
    return LayerDraft(kind="pool", outputs=channels)


def _resize(trace: Trace, op: Operation) -> None:
    channels = trace.labels.along(_labels(trace, op.args[0]), 1, MIXED)
    trace.put(op.out, spread(channels, op.out.shape, 1))


def _pixel_shuffle(trace: Trace, op: Operation) -> None:
    channels = trace.labels.along(_labels(trace, op.args[0]), 1, MIXED)
    factor = op.args[1] ** 2
    if op.name == "pixel_shuffle":
        by_output = channels.view(-1, factor)  # so many channels become one larger one
        for part in range(1, factor):
            trace.labels.unify(by_output[:, 0], by_output[:, part])
        channels = by_output[:, 0]
    else:
        channels = channels.repeat_interleave(factor)
    trace.put(op.out, spread(channels, op.out.shape, 1))


def _reduction(trace: Trace, op: Operation) -> LayerDraft | None:
    labels = _labels(trace, op.args[0])
    rank = labels.dim()
    dims = op.argument(2 if op.name == "linalg_vector_norm" else 1, "dim")
    if isinstance(dims, int):
        dims = [dims]
    dims = [d % rank for d in dims] if dims else list(range(rank))
    if any(varies(labels, d) for d in dims):
        trace.unknown(op, "it is reduced over its channels")
        return None
    for d in dims:
        labels = labels.narrow(d, 0, 1)
    for out in op.outputs:
        trace.put(out, labels.reshape(out.shape))
    is_global_pool = rank == 4 and sorted(dims) == [2, 3]
    return LayerDraft(kind="pool") if is_global_pool else None


def _pad(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    pad: list[int] = list(op.args[1])
    for i in range(len(pad) // 2):
        dim = labels.dim() - 1 - i
        if not varies(labels, dim):  # zeros around an image belong to its channels
            labels, pad[2 * i : 2 * i + 2] = labels.narrow(dim, 0, 1), [0, 0]
    # channels of zeros that the code itself adds are a fixed number of channels: frozen
    trace.put(op.out, torch.constant_pad_nd(labels, pad, FROZEN).expand(op.out.shape))


def _reshape(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    reshaped = labels.reshape(op.out.shape)
    _couple_split_channels(trace, labels, reshaped)
    trace.put(op.out, reshaped)


def _couple_split_channels(trace: Trace, before: Tensor, after: Tensor) -> None:
    """`view` that splits C into (a, C / a) still fits if all a parts lose the same positions."""
    carrying = [d for d in range(before.dim()) if varies(before, d)]
    if len(carrying) != 1:
        return
    dim = carrying[0]
    leading = math.prod(before.shape[:dim])
    split, product = 0, 1
    while split < after.dim() and product < leading:
        product *= after.shape[split]
        split += 1
    sizes = [size for size in after.shape[split:] if size > 1]
    parts, count = (sizes[0] if sizes else 1), before.shape[dim]
    if product != leading or parts >= count or count % parts:
        return  # the channels stay whole or are merged with positions (flatten)
    by_part = trace.labels.along(before, dim, MIXED).view(parts, -1)
    for part in range(1, parts):
        trace.labels.unify(by_part[0], by_part[part])


def _same_on_labels(trace: Trace, op: Operation) -> None:
    """Operations that only move values do to labels what they do to values."""
    labels = op.func(_labels(trace, op.args[0]), *op.args[1:], **op.kwargs)
    trace.put(op.out, labels)


def _as_strided(trace: Trace, op: Operation) -> None:
    """Channels-last pooling ends in a view with other strides and the same values."""
    labels = _labels(trace, op.args[0])
    if tuple(op.out.shape) != tuple(labels.shape):
        trace.unknown(op, "operation 'as_strided' is not known")
        return
    trace.put(op.out, labels)


def _roll(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    if any(varies(labels, dim % labels.dim()) for dim in op.argument(2, "dims", ()) or (0,)):
        trace.labels.freeze(labels, "its channels are rolled by a fixed number")
    trace.put(op.out, op.func(labels, *op.args[1:], **op.kwargs))


def _identity(trace: Trace, op: Operation) -> None:
    trace.put(op.outputs[0], _labels(trace, op.args[0]))


def _split(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
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


def _slice(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    dim = op.argument(1, "dim", 0)
    sliced = op.func(labels, *op.args[1:], **op.kwargs)
    if sliced.shape != labels.shape and varies(labels, dim % labels.dim()):
        trace.labels.freeze(labels, "the code takes a slice of its channels")
    trace.put(op.out, sliced)


def _softmax(trace: Trace, op: Operation) -> None:
    labels = _labels(trace, op.args[0])
    if varies(labels, op.args[1] % labels.dim()):
        trace.labels.freeze(labels, f"{op.name.strip('_')} runs over its channels")
    trace.put(op.out, labels)


def _concat(trace: Trace, op: Operation) -> None:
    tensors: Sequence[Tensor] = op.args[0]
    dim = op.argument(1, "dim", 0)
    labels = [_labels(trace, t) for t in tensors]
    if op.name == "cat":
        dim %= op.out.dim()
        # an empty tensor of one dimension may stand among the others
        labels = [label for label in labels if label.dim() == op.out.dim()]
        _couple_beside(trace, tensors, labels, dim)
        for d in range(op.out.dim()):
            if d != dim and all(label.stride(d) == 0 for label in labels):
                labels = [label.narrow(d, 0, 1) for label in labels]
    trace.put(op.out, op.func(labels, *op.args[1:], **op.kwargs).expand(op.out.shape))


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


def _pointwise(trace: Trace, op: Operation) -> None:
    out = op.outputs[0]
    activations = [t for t in op.tensors if trace.of(t) is not None]
    common: Tensor | None = None
    for tensor in sorted(activations, key=lambda t: -t.numel()):
        labels = _labels(trace, tensor)
        if common is None:
            common = labels.expand(out.shape)
        elif _is_broadcast_over_channels(labels, common):
            trace.labels.freeze(labels, "one map of it weighs all channels")
        else:
            common = trace.labels.unify(common, labels.expand(out.shape))
    if common is None:
        return
    for tensor in op.tensors:
        if trace.of(tensor) is None and tensor.numel() > 1:
            _bind_operand(trace, tensor, common)
    trace.put(out, common)


def _is_broadcast_over_channels(labels: Tensor, common: Tensor) -> bool:
    offset = common.dim() - labels.dim()
    return any(
        (d < offset or labels.shape[d - offset] == 1) and varies(common, d)
        for d in range(common.dim())
    )


def _bind_operand(trace: Trace, tensor: Tensor, common: Tensor) -> None:
    """Slice a parameter that is added or multiplied; freeze what meets another constant."""
    offset = common.dim() - tensor.dim()
    for d in range(tensor.dim()):
        if tensor.shape[d] > 1 and varies(common, d + offset):
            if trace.is_parameter(tensor):
                trace.bind(tensor, d, trace.labels.along(common, d + offset, MIXED))
            else:
                trace.labels.freeze(common, "it meets a constant of fixed width")


def _with_rule(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_with_rule(_convolution, "convolution _convolution mkldnn_convolution"),
    **_with_rule(_linear, "addmm mm linear"),
    **_with_rule(_product_of_activations, "bmm baddbmm matmul"),
    **_with_rule(
        _batch_norm,
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
        "cudnn_batch_norm batch_norm _batch_norm_no_update",
    ),
    **_with_rule(_layer_norm, "native_layer_norm"),
    **_with_rule(_group_norm, "native_group_norm"),
    **_with_rule(
        _pool,
        "max_pool2d_with_indices max_pool2d avg_pool2d _adaptive_avg_pool2d "
        "adaptive_avg_pool2d adaptive_max_pool2d mkldnn_adaptive_avg_pool2d "
        "avg_pool1d max_pool1d",
    ),
    **_with_rule(
        _resize,
        "upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa "
        "reflection_pad2d replication_pad2d",
    ),
    **_with_rule(_pixel_shuffle, "pixel_shuffle pixel_unshuffle"),
    **_with_rule(_reduction, "mean sum amax amin max min var std linalg_vector_norm"),
    **_with_rule(_pad, "constant_pad_nd"),
    **_with_rule(_reshape, "view _unsafe_view reshape _reshape_alias unflatten"),
    **_with_rule(
        _same_on_labels, "permute transpose t squeeze unsqueeze expand repeat flip movedim"
    ),
    **_with_rule(_as_strided, "as_strided"),
    **_with_rule(_roll, "roll"),
    **_with_rule(_identity, "clone detach alias contiguous _to_copy lift_fresh native_dropout"),
    **_with_rule(_split, "split split_with_sizes chunk unbind"),
    **_with_rule(_slice, "slice select narrow"),
    **_with_rule(_softmax, "_softmax _log_softmax cumsum"),
    **_with_rule(_concat, "cat stack"),
    **_with_rule(_pointwise, "dropout copy prelu _prelu_kernel hardtanh hardswish"),
}


def rule_of(op: Operation) -> Rule | None:
    """Find an operation's rule; None if its channels must be frozen."""
    rule = RULES.get(op.name)
    if rule is None and torch.Tag.pointwise in op.func.tags:
        return _pointwise
    return rule
