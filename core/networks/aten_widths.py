"""Let the operations of an exported program follow the widths of their tensors.

torch.export writes the widths that it saw into the program. Each rewriting here leaves the
full network exactly as it was; whether a cut one is right is proved by trial afterwards.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

aten = torch.ops.aten
Arguments = dict[str, Any]
Shape = tuple[int | None, ...]  # None: not a fixed number


def free_widths(root: fx.GraphModule) -> None:
    """Rewrite the operations of a graph in place, as far as they can be."""
    _follow_device(root.graph)
    for node in list(root.graph.nodes):
        free = _FREE.get(node.target) if node.op == "call_function" else None
        if free is not None:
            free(root, node)


def bound_arguments(node: fx.Node) -> Arguments:
    """The arguments of an ATen operation by name, with defaults where none are given."""
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    values = {argument.name: argument.default_value for argument in schema}
    values.update(zip(values, node.args, strict=False))
    return values | node.kwargs


def _follow_device(graph: fx.Graph) -> None:
    """Let tensors that the program makes lie where its images do, not where they once did."""
    images = next(node for node in graph.nodes if node.op == "placeholder")
    made = [node for node in graph.nodes if node.kwargs.get("device") is not None]
    if made:
        with graph.inserting_after(images):
            device = graph.call_function(getattr, (images, "device"))
    for node in made:
        node.kwargs = {**node.kwargs, "device": device}


def _free_groups(root: fx.GraphModule, node: fx.Node) -> None:
    """Let a depthwise convolution that stayed an operation count its groups by its weight."""
    arguments = bound_arguments(node)
    weight, groups = arguments["weight"], arguments["groups"]
    shape = _shape_of(root, weight)
    if not isinstance(groups, int) or groups == 1 or arguments.get("transposed"):
        return
    if shape is None or shape[1] != 1 or shape[0] is None or "output_padding" in arguments:
        return
    with root.graph.inserting_before(node):
        count = root.graph.call_method("size", (weight, 0))
        count = root.graph.call_function(operator.floordiv, (count, shape[0] // groups))
    _set_argument(node, "groups", count)


def _free_view(root: fx.GraphModule, node: fx.Node) -> None:
    """Let a view infer the dimension in which the channels most likely lie.

    Any one size of a view may be left open without changing it. Sizes that are the input's
    too, from the left and from the right, are the images' and the pixels'; channels lie
    between, and where they are split into two dimensions the last is the one that shrinks.
    """
    name = "size" if "size" in bound_arguments(node) else "shape"
    sizes = list(bound_arguments(node)[name])
    before = _shape_of(root, node.args[0])
    if before is None or any(isinstance(size, int) and size == -1 for size in sizes):
        return
    after = [size if isinstance(size, int) else None for size in sizes]
    end = len(after)
    for size in reversed(before[1:]):
        if end <= 2 or after[end - 1] != size:
            break
        end -= 1
    place = next((i for i in reversed(range(1, end)) if after[i] not in (None, 1)), None)
    if place is not None:
        sizes[place] = -1
        _set_argument(node, name, sizes)


def _free_expand(root: fx.GraphModule, node: fx.Node) -> None:
    """Let an expand keep the sizes that it does not change."""
    sizes, before = list(bound_arguments(node)["size"]), _shape_of(root, node.args[0])
    if before is None:
        return
    added = len(sizes) - len(before)
    for dim, size in enumerate(before):
        if isinstance(size, int) and sizes[added + dim] == size and size != 1:
            sizes[added + dim] = -1
    _set_argument(node, "size", sizes)


def _free_split(root: fx.GraphModule, node: fx.Node) -> None:
    """Let a split into equal parts be one whatever the width."""
    arguments = bound_arguments(node)
    shape = _shape_of(root, node.args[0])
    sizes: Any = arguments.get("split_sizes", [arguments.get("split_size")])
    width = None if shape is None else shape[arguments["dim"]]
    first = sizes[0]
    is_equal = isinstance(first, int) and all(size == first for size in sizes)
    if width is None or not is_equal or width % first:
        return
    node.target = aten.chunk.default
    node.args = (node.args[0], width // first, arguments["dim"])
    node.kwargs = {}


def _shape_of(root: fx.GraphModule, value: Any) -> Shape | None:
    """The full-width shape of a node's tensor, None where it is not a fixed number."""
    if not isinstance(value, fx.Node):
        return None
    tensor = value.meta.get("val")
    if tensor is None and value.op == "get_attr":
        tensor = operator.attrgetter(str(value.target))(root)
    if not isinstance(tensor, torch.Tensor):
        return None
    return tuple(size if isinstance(size, int) else None for size in tensor.shape)


def _set_argument(node: fx.Node, name: str, value: Any) -> None:
    arguments = bound_arguments(node) | {name: value}
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    node.args = tuple(arguments[argument.name] for argument in schema if not argument.kwarg_only)
    node.kwargs = {a.name: arguments[a.name] for a in schema if a.kwarg_only}


CONVOLUTIONS = (
    aten.conv1d.default,
    aten.conv1d.padding,
    aten.conv2d.default,
    aten.conv2d.padding,
    aten.conv3d.default,
    aten.conv3d.padding,
    aten.conv_transpose1d.default,
    aten.conv_transpose2d.input,
    aten.conv_transpose3d.input,
    aten.convolution.default,
)
_FREE: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    **dict.fromkeys(CONVOLUTIONS, _free_groups),
    aten.view.default: _free_view,
    aten._unsafe_view.default: _free_view,
    aten.reshape.default: _free_view,
    aten.expand.default: _free_expand,
    aten.split.Tensor: _free_split,
    aten.split_with_sizes.default: _free_split,
}
