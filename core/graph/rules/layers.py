"""Rules of operations that own weights or pool: convolutions, linear layers, norms, pooling."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from core.graph.labels import spread
from core.graph.operations import LayerDraft, Operation, Trace
from core.graph.rules.parts import MIXED, labels_of
from core.graph.rules.products import product

POOLED = "its channels are pooled with one another"
ELSEWHERE = "it says where others are read"


def _fresh_outputs(trace: Trace, weight: Tensor, dim: int, count: int) -> Tensor:
    """Labels of a layer's outputs: those of an earlier call if the weight is shared."""
    known = trace.bound(weight, dim)
    if known is not None:
        return known
    # a weight computed on the fly cannot be sliced, so its outputs are always kept
    is_sliceable = trace.is_parameter(weight)
    return trace.labels.new(count) if is_sliceable else torch.zeros(count, dtype=torch.int64)


def convolution(trace: Trace, op: Operation) -> LayerDraft | None:
    x, weight, bias, stride = op.args[:4]
    is_transposed, groups = op.args[6], op.args[8]
    kernel = tuple(weight.shape[2:])
    inputs = trace.labels.along(labels_of(trace, x), 1, MIXED)
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


def deformable_convolution(trace: Trace, op: Operation) -> LayerDraft | None:
    """torchvision's; every channel is read at the same places, which are computed."""
    x, weight, offset, mask, bias = op.args[:5]
    groups, offset_groups = op.args[11:13]
    for places in (offset, mask):
        trace.labels.freeze(labels_of(trace, places), ELSEWHERE)
    if offset_groups > 1:
        trace.labels.freeze(labels_of(trace, x), "groups of its channels are read elsewhere")
    args = (x, weight, bias, op.args[5:7], op.args[7:9], op.args[9:11], False, (0, 0), groups)
    return convolution(trace, replace(op, args=args))


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


def linear(trace: Trace, op: Operation) -> LayerDraft | None:
    if op.name == "addmm":
        bias, x, weight = op.args[:3]
    else:
        x, weight = op.args[:2]
        bias = op.argument(2, "bias") if op.name == "linear" else None
    # mm and bmm get a transposed view, which may be expanded over the images
    columns = weight.dim() - 1
    in_dim, out_dim = (1, 0) if op.name == "linear" else (columns - 1, columns)
    if not trace.is_parameter(weight) or trace.of(x) is None:
        return product(trace, op)
    inputs = trace.labels.along(labels_of(trace, x), x.dim() - 1, MIXED)
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
        positions=rows // trace.images_of(x),
        inputs=inputs,
        outputs=outputs,
    )


def batch_norm(trace: Trace, op: Operation) -> None:
    labels = labels_of(trace, op.args[0])
    channels = trace.labels.along(labels, 1, MIXED)
    weight, bias, mean, variance = op.args[1:5]
    trace.bind_producer(weight, 0, channels)
    trace.bind_producer(bias, 0, channels)
    for statistics in (mean, variance):
        if statistics is not None:
            trace.bind(statistics, 0, channels)
    trace.put(op.outputs[0], labels)


def layer_norm(trace: Trace, op: Operation) -> None:
    x, normalized_shape, weight, bias = op.args[:4]
    labels = labels_of(trace, x)
    if len(normalized_shape) != 1:
        trace.unknown(op, "LayerNorm over several dimensions is not supported")
        return
    channels = trace.labels.along(labels, x.dim() - 1, MIXED)
    trace.approximate(channels, "LayerNorm's statistics depend on the width")
    trace.bind_producer(weight, 0, channels)
    trace.bind_producer(bias, 0, channels)
    trace.put(op.outputs[0], labels)


def group_norm(trace: Trace, op: Operation) -> None:
    labels = labels_of(trace, op.args[0])
    channels = trace.labels.along(labels, 1, MIXED)
    groups = op.args[6]
    if groups < len(channels):  # with one channel a group nothing depends on the width
        by_group = channels.view(groups, -1)
        for group in range(1, groups):
            trace.labels.unify(by_group[0], by_group[group])
        trace.approximate(channels, "GroupNorm's statistics depend on the width")
    for parameter in op.args[1:3]:
        trace.bind_producer(parameter, 0, channels)
    trace.put(op.outputs[0], labels)


def pool(trace: Trace, op: Operation) -> LayerDraft:
    channels = trace.labels.along(labels_of(trace, op.args[0]), 1, POOLED)
    for out in op.outputs:
        trace.put(out, spread(channels, out.shape, 1))
    return LayerDraft(kind="pool", outputs=channels)


def resize(trace: Trace, op: Operation) -> None:
    channels = trace.labels.along(labels_of(trace, op.args[0]), 1, MIXED)
    trace.put(op.out, spread(channels, op.out.shape, 1))


def grid_sample(trace: Trace, op: Operation) -> None:
    """Every channel is read at the same places, which are no channels."""
    trace.labels.freeze(labels_of(trace, op.args[1]), ELSEWHERE)
    resize(trace, op)


def pixel_shuffle(trace: Trace, op: Operation) -> None:
    channels = trace.labels.along(labels_of(trace, op.args[0]), 1, MIXED)
    factor = op.args[1] ** 2
    if op.name == "pixel_shuffle":
        by_output = channels.view(-1, factor)  # so many channels become one larger one
        for part in range(1, factor):
            trace.labels.unify(by_output[:, 0], by_output[:, part])
        channels = by_output[:, 0]
    else:
        channels = channels.repeat_interleave(factor)
    trace.put(op.out, spread(channels, op.out.shape, 1))
