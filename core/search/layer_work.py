"""What a network's convolutions and linear layers compute, so that each can be timed alone."""

from dataclasses import dataclass, replace
from operator import lt

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.graph.assembly import Analysis
from core.graph.coupling import MacOperation
from core.graph.layers import LayerNode

FRACTIONS = (1 / 16, 1 / 4, 1 / 2, 3 / 4, 1.0)  # of a width, at which layers are timed
FEW_FRACTIONS = (1 / 4, 1 / 2, 1.0)  # where time is short


@dataclass(frozen=True)
class LayerWork:
    """What some layers of a network do alike, and between which widths."""

    layers: tuple[str, ...]
    inputs: int  # width; of a depthwise convolution 1
    outputs: int
    vary: tuple[bool, bool]  # whether channels of inputs and of outputs can go
    groups: int
    multiplier: int  # outputs per channel of a depthwise convolution, else 0
    kernel: tuple[int, ...]  # empty for a linear layer
    stride: int
    padding: tuple[int, ...]
    is_transposed: bool
    size: tuple[int, ...]  # of the input's images; of a linear layer the rows of one image
    norms: int  # that follow, and are timed with it
    activations: int

    def grid(self, fractions: tuple[float, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Widths of inputs and of outputs at which to time it, ascending."""
        inputs, outputs = (
            _grid(width, fractions if varies else (1.0,), step)
            for width, varies, step in (
                (self.inputs, self.vary[0], self.groups),
                (self.outputs, self.vary[1], max(self.groups, self.multiplier)),
            )
        )
        return inputs, outputs

    def shapes(self, inputs: int, outputs: int, batch: int) -> tuple[list[int], list[int]]:
        """Shapes of what goes in and of the weight, at some widths."""
        if not self.kernel:
            return [batch * self.size[0], inputs], [outputs, inputs]
        if self.multiplier:
            width, ends = outputs // self.multiplier, (outputs, 1)
        else:
            width, ends = inputs, (outputs, inputs // self.groups)
            if self.is_transposed:
                ends = (inputs, outputs // self.groups)
        return [batch, width, *self.size], [*ends, *self.kernel]

    def run(self, images: Tensor, weight: Tensor) -> Tensor:
        """Compute it, and what follows it, on tensors of `shapes`."""
        out = self._product(images, weight)
        values = weight.reshape(-1)[:1].expand(out.shape[1])
        for _ in range(self.norms):
            out = torch.nn.functional.batch_norm(out, values, values.abs(), values, values)
        for _ in range(self.activations):
            out = torch.relu_(out)
        return out

    def _product(self, images: Tensor, weight: Tensor) -> Tensor:
        if not self.kernel:
            return torch.nn.functional.linear(images, weight)
        count = len(self.kernel)
        return torch.convolution(
            images,
            weight,
            None,
            [self.stride] * count,
            list(self.padding),
            [1] * count,
            self.is_transposed,
            [0] * count,
            images.shape[1] if self.multiplier else self.groups,
        )


def list_work(analysis: Analysis, module: nn.Module) -> list[LayerWork]:
    """List what the layers that own weights compute, layers that do the same together."""
    parts = dict(module.named_modules())
    alike: dict[LayerWork, list[str]] = {}
    for op in analysis.operations:
        layer = analysis.graph.layer(op.layer)
        if layer.weight_key is not None and layer.kind in ("conv", "depthwise", "linear"):
            folded = [parts[name] for name in layer.folded if name in parts]
            norms = sum(isinstance(part, _BatchNorm) for part in folded)
            work = _work(op, layer, norms, len(folded) - norms)
            alike.setdefault(work, []).append(op.layer)
    return [replace(work, layers=tuple(names)) for work, names in alike.items()]


def _work(op: MacOperation, layer: LayerNode, norms: int, activations: int) -> LayerWork:
    vary_inputs = op.inputs is not None and bool((op.inputs >= 0).any())
    depthwise = layer.kind == "depthwise"
    kernel = layer.kernel if layer.kind != "linear" else ()
    size, padding, is_transposed = _place(layer) if kernel else ((op.positions,), (), False)
    return LayerWork(
        layers=(),
        inputs=1 if op.inputs is None else len(op.inputs),
        outputs=len(op.outputs),
        vary=(vary_inputs, bool((op.outputs >= 0).any())),
        groups=op.groups,
        multiplier=max(1, len(op.outputs) // max(1, layer.input_shape[0])) if depthwise else 0,
        kernel=kernel,
        stride=layer.stride,
        padding=padding,
        is_transposed=is_transposed,
        size=size,
        norms=norms if kernel else 0,
        activations=activations,
    )


def _place(layer: LayerNode) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """Size and padding of what a convolution reads, and whether it is a transposed one.

    Where padding does not explain the output's size (dilation, or images that were cut before),
    it reads as much as an unpadded convolution would need.
    """
    inner, outer = layer.input_shape[1:], layer.output_shape[1:]
    none = (0,) * len(outer)
    is_larger = len(inner) == len(outer) and any(map(lt, inner, outer))
    if is_larger and layer.stride > 1:
        return inner, none, True
    sizes, paddings = [], []
    for place, (kernel, out) in enumerate(zip(layer.kernel, outer, strict=True)):
        needed = (out - 1) * layer.stride + kernel
        there = inner[place] if place < len(inner) else needed
        padding = max(0, -(-(needed - there) // 2))
        fits = (there + 2 * padding - kernel) // layer.stride + 1 == out
        sizes.append(there if fits else needed)
        paddings.append(padding if fits else 0)
    return tuple(sizes), tuple(paddings), False


def _grid(width: int, fractions: tuple[float, ...], step: int) -> tuple[int, ...]:
    """Parts of a width in whole steps, ascending; the whole width is always there."""
    step = max(1, step)
    parts = {max(step, step * round(share * width / step)) for share in fractions}
    return tuple(sorted({min(part, width) for part in parts} | {width}))
