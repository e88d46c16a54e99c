"""Give an exported program its modules back, so that its layers can change their width.

torch.export leaves ATen operations that read loose weights, with the network's widths among
their literals. Where the weights still lie in a place of their own (`layer1.0.conv1.weight`),
the operation becomes the nn.Module that it came from: batch statistics, hooks and surgery then
work as in any network. What stays an operation reads its width from its tensors.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from core.networks.aten_widths import CONVOLUTIONS, Arguments, bound_arguments, free_widths

aten = torch.ops.aten

# They compute nothing, and hold what was true of the full widths or of the example's type.
CHECKS = (
    aten._assert_tensor_metadata.default,
    aten._assert_scalar.default,
    aten._assert_async.msg,
    aten.sym_constrain_range.default,
    aten.sym_constrain_range_for_size.default,
)
GUARDS = "_guards_fn"  # a submodule in which torch.export checks the input


def with_modules(exported: fx.GraphModule) -> fx.GraphModule:
    """Return the same computation as a plain graph of modules, which shares the tensors.

    Unlike the module of an ExportedProgram it has train() and eval().
    `exported` is used up.
    """
    graph = exported.graph
    for node in list(graph.nodes):
        if node.target in CHECKS or (node.op == "call_module" and node.target == GUARDS):
            graph.erase_node(node)
    for path, nodes in _layers(exported):
        _replace(exported, path, nodes)
    free_widths(exported)
    graph.eliminate_dead_code()
    graph.lint()
    return fx.GraphModule(exported, graph, class_name="ExportedNetwork")


@dataclass(frozen=True)
class _Layer:
    """How an operation becomes a module."""

    make: Callable[[Arguments, Mapping[str, torch.Tensor]], nn.Module]
    tensors: tuple[str, ...] = ("weight", "bias")  # as named in the operation and the module
    has_many_results: bool = False  # only the first of which is the layer's


def _layers(root: fx.GraphModule) -> Iterator[tuple[str, list[fx.Node]]]:
    """Find the operations whose tensors lie in a place of their own, by that place."""
    found: dict[str, list[fx.Node]] = defaultdict(list)
    for node in root.graph.nodes:
        if node.op == "call_function" and node.target in _LAYERS:
            found[_home(node)].append(node)
    for path, nodes in found.items():
        if path and _can_be_one_module(root.get_submodule(path), nodes):
            yield path, nodes


def _home(node: fx.Node) -> str:
    """The path of the place that holds all tensors of a layer; empty if there is none."""
    arguments = bound_arguments(node)
    homes = set()
    for name in _LAYERS[node.target].tensors:
        value = arguments[name]
        if value is None:
            continue
        if not isinstance(value, fx.Node) or value.op != "get_attr":
            return ""
        home, _, leaf = str(value.target).rpartition(".")
        homes.add(home if leaf == name else "")
    return homes.pop() if len(homes) == 1 else ""


def _can_be_one_module(place: nn.Module, nodes: list[fx.Node]) -> bool:
    """Whether a place holds exactly the tensors of its operations, all with the same settings."""
    layer = _LAYERS[nodes[0].target]
    arguments = bound_arguments(nodes[0])
    read = {name for name in layer.tensors if arguments[name] is not None}
    held = {*place._parameters, *place._buffers} - {"num_batches_tracked"}
    settings = {(node.target, repr(_settings(node))) for node in nodes}
    is_alone = held == read and not place._modules and len(settings) == 1
    is_alone = is_alone and not read.isdisjoint({"weight", "running_mean"})
    return is_alone and all(not layer.has_many_results or _reads_first(node) for node in nodes)


def _settings(node: fx.Node) -> Arguments:
    """What the module is made with: all arguments but the activation."""
    return dict(list(bound_arguments(node).items())[1:])


def _reads_first(node: fx.Node) -> bool:
    return all(user.target is operator.getitem and user.args[1] == 0 for user in node.users)


def _replace(root: fx.GraphModule, path: str, nodes: list[fx.Node]) -> None:
    """Put a module in place of operations, with the same tensors under the same names."""
    layer = _LAYERS[nodes[0].target]
    place = root.get_submodule(path)
    with torch.device("meta"):
        module = layer.make(bound_arguments(nodes[0]), _tensors(place))
    for name in module._parameters:
        module._parameters[name] = place._parameters.get(name)
    for name in module._buffers:
        if name in place._buffers:
            module._buffers[name] = place._buffers[name]
        elif name == "num_batches_tracked":
            module._buffers[name] = torch.tensor(0)
    root.set_submodule(path, module.eval())
    for node in nodes:
        with root.graph.inserting_before(node):
            call = root.graph.call_module(path, (node.args[0],))
        results = list(node.users) if layer.has_many_results else [node]
        for result in results:
            call.meta.update(result.meta)
            result.replace_all_uses_with(call)
            root.graph.erase_node(result)
        if layer.has_many_results:
            root.graph.erase_node(node)


def _tensors(place: nn.Module) -> dict[str, torch.Tensor]:
    held = [*place._parameters.items(), *place._buffers.items()]
    return {name: tensor for name, tensor in held if tensor is not None}


def _make_conv(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    weight = tensors["weight"]
    dims = weight.ndim - 2
    is_transposed = bool(arguments.get("transposed", "output_padding" in arguments))
    padding = arguments["padding"]
    groups = int(arguments["groups"])
    options: dict[str, Any] = {
        "stride": _each(arguments["stride"], dims),
        "padding": padding if isinstance(padding, str) else _each(padding, dims),
        "dilation": _each(arguments["dilation"], dims),
        "groups": groups,
        "bias": arguments["bias"] is not None,
    }
    first, second = weight.shape[:2]
    kinds: tuple[Callable[..., nn.Module], ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    inputs, outputs = second * groups, first
    if is_transposed:
        kinds = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
        inputs, outputs = first, second * groups
        options["output_padding"] = _each(arguments["output_padding"], dims)
    return kinds[dims - 1](inputs, outputs, tuple(weight.shape[2:]), **options)


def _each(values: Any, dims: int) -> tuple[int, ...]:
    values = [values] if isinstance(values, int) else list(values)
    return tuple(int(value) for value in (values * dims if len(values) == 1 else values))


def _make_batch_norm(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    dims = arguments["input"].meta["val"].ndim
    kind = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}.get(dims, nn.BatchNorm1d)
    size = tensors["running_mean" if "running_mean" in tensors else "weight"].numel()
    return kind(
        size,
        eps=arguments["eps"],
        momentum=arguments["momentum"],
        affine="weight" in tensors,
        track_running_stats="running_mean" in tensors,
    )


def _make_layer_norm(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    has_bias = arguments["bias"] is not None
    return nn.LayerNorm(list(tensors["weight"].shape), eps=arguments["eps"], bias=has_bias)


def _make_group_norm(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    groups = arguments["num_groups" if "num_groups" in arguments else "group"]
    return nn.GroupNorm(int(groups), tensors["weight"].numel(), eps=arguments["eps"])


def _make_linear(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    outputs, inputs = tensors["weight"].shape
    return nn.Linear(inputs, outputs, bias=arguments["bias"] is not None)


def _make_prelu(arguments: Arguments, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    return nn.PReLU(tensors["weight"].numel())


_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
_LAYERS: dict[Any, _Layer] = {
    **dict.fromkeys(CONVOLUTIONS, _Layer(_make_conv)),
    aten.linear.default: _Layer(_make_linear),
    aten.batch_norm.default: _Layer(_make_batch_norm, _BATCH_NORM),
    aten._native_batch_norm_legit_no_training.default: _Layer(
        _make_batch_norm, _BATCH_NORM, has_many_results=True
    ),
    aten.layer_norm.default: _Layer(_make_layer_norm),
    aten.native_layer_norm.default: _Layer(_make_layer_norm, has_many_results=True),
    aten.group_norm.default: _Layer(_make_group_norm),
    aten.native_group_norm.default: _Layer(_make_group_norm, has_many_results=True),
    aten.prelu.default: _Layer(_make_prelu, ("weight",)),
}
