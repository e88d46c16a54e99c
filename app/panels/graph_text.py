"""Words and numbers of the graph: short names, shapes, counts, tooltips."""

from collections.abc import Mapping, Sequence
from html import escape

from app.graph_blocks import Block
from core.graph.coupling import CouplingGroup
from core.graph.layers import LayerNode

KIND_WORDS = {
    "input": "Input",
    "conv": "Convolution",
    "depthwise": "Depthwise convolution",
    "linear": "Linear",
    "norm": "Normalisation",
    "pool": "Pooling",
    "add": "Addition",
    "multiply": "Multiplication",
    "concat": "Concatenation",
    "other": "Operation",
    "output": "Output",
}


def split_name(name: str) -> tuple[str, str]:
    """Split "layer1.0.conv1" into the scope "layer1.0" and the leaf "conv1".

    The leaf is the shortest end that has a letter in it: "features.3.conv.0.0" ends in
    "conv.0.0".
    """
    parts = name.split(".")
    start = len(parts) - 1
    while start > 0 and not any(letter.isalpha() for letter in parts[start]):
        start -= 1
    return ".".join(parts[:start]), ".".join(parts[start:])


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as "16×32×32"."""
    return "×".join(str(size) for size in shape)


def count_text(value: float) -> str:
    """Write a large count with three digits: "2.36 M"."""
    for limit, divisor, unit in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if value >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:,.0f}"


def layer_tooltip(
    layer: LayerNode,
    kept: int,
    groups: tuple[CouplingGroup, ...],
    frozen_reason: str | None,
    pins: tuple[int, int] = (0, 0),
) -> str:
    """Everything about one layer in a small table, as rich text.

    pins: how many of its channels are pinned to stay, and to go.
    """
    rows = [("", _kind_text(layer))]
    rows.append(("Shape", f"{shape_text(layer.input_shape)} → {shape_text(layer.output_shape)}"))
    if layer.macs:
        rows.append(("MACs", count_text(layer.macs)))
    if layer.params:
        rows.append(("Parameters", count_text(layer.params)))
    total = len(layer.channels)
    rows.append(("Kept", f"{kept} of {total} channels ({_percent(kept, total)})"))
    if any(pins):
        rows.append(("Pinned", f"{pins[0]} to stay, {pins[1]} to go"))
    for group in groups:
        if len(group.producers) > 1:
            words = "residual stream" if group.is_stream else "cut together"
            rows.append(("Coupled", f"{len(group.producers)} layers, {words}"))
        if group.approximate:
            rows.append(("Note", group.approximate))
    if layer.folded:
        rows.append(("With", ", ".join(split_name(name)[1] for name in layer.folded)))
    if frozen_reason:
        rows.append(("Locked", frozen_reason))
    return _table(layer.name, rows)


def block_tooltip(block: Block, kept: int, total: int, frozen_reasons: Mapping[str, int]) -> str:
    """Everything about a folded block in a small table, as rich text."""
    count = len(block.layers)
    words = f"{count} layers"
    if block.repeats > 1:
        words = f"{block.repeats} blocks of the same structure, {count} layers"
    rows = [("", words), ("Kept", f"{kept:,} of {total:,} channels ({_percent(kept, total)})")]
    for reason, layers in frozen_reasons.items():
        rows.append(("Locked", reason if layers == 1 else f"{layers} layers: {reason}"))
    rows.append(("", "Double-click unfolds it."))
    return _table(block.title, rows)


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td style='padding-right:10px'>{escape(key)}</td><td>{escape(value)}</td></tr>"
        if key
        else f"<tr><td colspan='2'>{escape(value)}</td></tr>"
        for key, value in rows
    )
    return f"<b>{escape(title)}</b><table>{cells}</table>"


def _kind_text(layer: LayerNode) -> str:
    words = KIND_WORDS[layer.kind]
    if layer.kernel:
        words = f"{words} {shape_text(layer.kernel)}"
    return f"{words}, stride {layer.stride}" if layer.stride > 1 else words


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.0f} %" if total else "–"
