"""Rules of products of activations: attention and whatever else multiplies what it has computed.

A product sums over one dimension, so its channels there are lost together; the others pass. In
attention those are whole heads, or the same channels of every head.
"""

from torch import Tensor

from core.graph.labels import FROZEN, collapse, varies
from core.graph.operations import LayerDraft, Operation, Trace
from core.graph.rules.parts import bind_operand, classes_of, labels_of

ENTERS = "it enters a product of activations"


def product(trace: Trace, op: Operation) -> LayerDraft | None:
    """(..., m, k) x (..., k, n): the summed dimension couples, one of the others may pass."""
    added = op.args[0] if op.name in ("baddbmm", "addmm") else None
    a, b = op.args[1:3] if added is not None else op.args[:2]
    if any(trace.of(x) is None and trace.is_parameter(x) for x in (a, b)) or b.dim() < 2:
        trace.unknown(op, ENTERS)
        return None
    _couple_summed(trace, a, b)
    left, right = _without_summed(trace, a, b)
    labels = _joined(trace, left, right)
    if labels is None:
        trace.unknown(op, ENTERS)
        return None
    labels = labels.expand(op.out.shape)
    if added is not None and trace.of(added) is not None:
        labels = trace.labels.unify(labels, labels_of(trace, added).expand(labels.shape))
    elif added is not None:
        bind_operand(trace, added, labels)
    trace.put(op.out, labels)
    outputs = _multiplied_channels(trace, a, b)
    macs = op.out.numel() * a.shape[-1] // trace.images_of(op.out)
    return LayerDraft("other", positions=macs // len(outputs), outputs=outputs)


def _couple_summed(trace: Trace, a: Tensor, b: Tensor) -> None:
    """Channel k of both operands is one channel; of fixed width if only one of them has any."""
    rows, columns = classes_of(trace, a), classes_of(trace, b)
    if not (varies(rows, rows.dim() - 1) or varies(columns, columns.dim() - 2)):
        return
    if varies(rows, rows.dim() - 2):
        trace.labels.freeze(rows, ENTERS)
    if varies(columns, columns.dim() - 1):
        trace.labels.freeze(columns, ENTERS)
    trace.labels.unify(rows.select(-2, 0), columns.select(-1, 0))


def _without_summed(trace: Trace, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of both operands' labels: (..., m, 1) and (..., 1, n)."""
    rows, columns = classes_of(trace, a), classes_of(trace, b)
    left, right = rows.narrow(-1, 0, 1), columns.narrow(-2, 0, 1)
    # a sum over different channels belongs to none of them
    if varies(rows, rows.dim() - 1):
        left = left.new_full((), FROZEN).expand(left.shape)
    if varies(columns, columns.dim() - 2):
        right = right.new_full((), FROZEN).expand(right.shape)
    return left, right


def _joined(trace: Trace, left: Tensor, right: Tensor) -> Tensor | None:
    """Labels of the product; None if its values belong to channels of both operands."""
    batch = range(left.dim() - 2)
    is_batched = any(varies(left, d) or varies(right, d) for d in batch)
    has_rows, has_columns = varies(left, left.dim() - 2), varies(right, right.dim() - 1)
    if (has_rows and has_columns) or (is_batched and (has_rows or has_columns)):
        return None
    if is_batched:
        return trace.labels.unify(left.narrow(-2, 0, 1), right.narrow(-1, 0, 1))
    carried, other = (left, right) if has_rows else (right, left)
    return carried if not collapse(other).any() else trace.labels.unify(carried, other)


def _multiplied_channels(trace: Trace, a: Tensor, b: Tensor) -> Tensor:
    """Labels of one image's values along the batch and the one dimension that has channels."""
    rows, columns = classes_of(trace, a), classes_of(trace, b)
    left, right = rows.dim() - 2, columns.dim() - 1
    if varies(rows, left + 1) or varies(rows, left):
        dim = left + 1 if varies(rows, left + 1) else left
        labels = rows.narrow(2 * left + 1 - dim, 0, 1)
    elif varies(columns, right):
        labels = columns.narrow(right - 1, 0, 1)
    else:
        labels = rows[..., :1, :1]
        if not collapse(labels).any():
            labels = columns[..., :1, :1]
    flat = labels.reshape(-1)
    images = trace.images_of(a)
    return flat[: max(1, len(flat) // images)] if len(flat) % images == 0 else flat[:1] * FROZEN


def attention(trace: Trace, op: Operation) -> LayerDraft | None:
    """Fused attention over (N, heads, tokens, width): heads pass, whole."""
    operands = [classes_of(trace, tensor) for tensor in op.args[:3]]
    if any(varies(labels, d) for labels in operands for d in (2, 3)):
        trace.unknown(op, "the width of its attention heads is fixed")
        return None
    heads = operands[0].narrow(2, 0, 1).narrow(3, 0, 1)
    for labels in operands[1:]:
        heads = trace.labels.unify(heads, labels.narrow(2, 0, 1).narrow(3, 0, 1))
    query, key, value = op.args[:3]
    out = op.outputs[0]
    heads = heads.expand(out.shape)
    for mask in op.tensors[3:]:
        bind_operand(trace, mask, heads)
    trace.put(out, heads)
    rows = query.shape[0] * query.shape[2] // trace.images_of(query)
    return LayerDraft(
        "other",
        positions=rows * key.shape[2] * (query.shape[3] + value.shape[3]),
        outputs=heads[0, :, 0, 0].clone(),
    )
