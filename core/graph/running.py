"""The running pass: what one forward pass shows of a network's layers and channels."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from core.errors import GraphError
from core.graph.assembly import TracedLayer
from core.graph.following import LosesHeads
from core.graph.labels import ChannelLabels, frozen_labels, varies
from core.graph.module_place import ModulePlace
from core.graph.operations import LayerDraft, Operation
from core.graph.parameters import Parameters, tensors_of
from core.graph.places import line_of_call
from core.graph.rules import Rule, rule_of
from core.graph.rules.values import pointwise

LINEAR = ("addmm", "mm", "linear")  # what may read a constant
ENTRY = "_trace"  # the function of trace.py that calls the network


class NetworkTrace(TorchDispatchMode):  # type: ignore[no-untyped-call, misc, unused-ignore]
    """The running pass: labels and source layer of every activation, bindings of every weight."""

    def __init__(
        self, module: nn.Module, example: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        state = dict(tensors_of(module)) if state is None else state
        self.labels = ChannelLabels()
        self.layers: dict[str, TracedLayer] = {}
        self.edges: list[tuple[str, str]] = []
        self.bindings: dict[str, dict[int, Tensor]] = defaultdict(dict)
        self.producers: set[tuple[str, int]] = set()
        self.consumers: set[tuple[str, int]] = set()
        self.widths: set[tuple[str, int]] = set()
        self.approximations: list[tuple[Tensor, str]] = []
        self.sums: list[Tensor] = []  # labels that pass through an addition
        self.used_parameters: set[str] = set()
        self._credited: set[str] = set()  # those that a layer owns
        self.place = ModulePlace(module)
        self.running = ""  # the operation that is computed, for an error in it
        self._activations: dict[int, Tensor] = {}  # id -> labels
        self._sources: dict[int, str] = {}  # id -> layer that made it
        self._alive: list[Tensor] = []  # ids stay unique while these live
        self._constants: set[int] = set()  # ids of activations that are the same for all images
        self._image_count = example.shape[0]
        self._is_without_values = example.is_meta
        self._parameters = Parameters(module, state)
        self.put(example, frozen_labels(example.shape))
        self._add_layer("input", LayerDraft("input"), [], example)

    # --- what rules use (operations.Trace) ---

    def of(self, tensor: Tensor) -> Tensor | None:
        return self._activations.get(id(tensor))

    def put(self, tensor: Tensor, labels: Tensor) -> None:
        self._activations[id(tensor)] = labels
        self._alive.append(tensor)

    def is_parameter(self, tensor: Tensor) -> bool:
        return self._parameters.of(tensor) is not None

    def images_of(self, tensor: Tensor) -> int:
        return 1 if id(tensor) in self._constants else self._image_count

    def shrinking_part(self, parts: list[int]) -> int:
        """Which of the dimensions that a view splits channels into gets smaller in a cut."""
        if isinstance(self.place.module, LosesHeads):
            return len(parts) - 2
        return max(d for d, size in enumerate(parts) if size > 1)

    def bound(self, tensor: Tensor, dim: int) -> Tensor | None:
        place = self._parameters.place(tensor, dim)
        known = None if place is None else self.bindings[place[0]].get(place[1])
        return None if known is None else known.repeat(tensor.shape[dim] // len(known))

    def bind(self, tensor: Tensor, dim: int, channels: Tensor) -> None:
        self._bind(tensor, dim, channels)

    def bind_producer(self, tensor: Tensor | None, dim: int, channels: Tensor) -> None:
        place = None if tensor is None else self._bind(tensor, dim, channels)
        if place is not None:
            self.producers.add(place)

    def bind_consumer(self, tensor: Tensor, dim: int, channels: Tensor) -> None:
        place = self._bind(tensor, dim, channels)
        if place is not None:
            self.consumers.add(place)

    def is_width(self, tensor: Tensor, dim: int) -> None:
        place = self._parameters.place(tensor, dim)
        if place is not None:
            self.widths.add(place)

    def approximate(self, channels: Tensor, reason: str) -> None:
        self.approximations.append((channels, reason))

    def unknown(self, op: Operation, reason: str) -> None:
        """Freeze all channels that reach an operation, and those that leave it."""
        for tensor in op.tensors:
            labels = self.of(tensor)
            if labels is not None:
                self.labels.freeze(labels, reason)
        for out in op.outputs:
            self.put(out, frozen_labels(out.shape))

    def _bind(self, tensor: Tensor, dim: int, channels: Tensor) -> tuple[str, int] | None:
        place = self._parameters.place(tensor, dim)
        if place is None:
            if self._parameters.is_broadcast(tensor):
                return None  # one value for all channels: there is nothing to cut
            is_view = self.is_parameter(tensor)
            how = "broadcast over channels" if is_view else "computed on the fly"
            self.labels.freeze(channels, f"its weight is {how}")
            return None
        by_repeat = channels.view(-1, self._parameters.size(place))
        for repeated in by_repeat[1:]:
            self.labels.unify(by_repeat[0], repeated)
        channels = by_repeat[0]
        known = self.bindings[place[0]]
        if place[1] in known:
            self.labels.unify(known[place[1]], channels)
        else:
            known[place[1]] = channels.clone()
        return place

    # --- the pass itself ---

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        name = name[:-1] if name.endswith("_") and not name.endswith("__") else name
        self.running = name
        out = func(*args, **kwargs)
        self.running = ""
        self._see(Operation(func, name, tuple(args), kwargs, out))
        return out

    def _see(self, op: Operation) -> None:
        self._meet_constant(op)
        activations = [t for t in op.tensors if self.of(t) is not None]
        if not activations:
            self._parameters.follow(op)
            views = [view for t in op.tensors if (view := self._parameters.of(t)) is not None]
            self.used_parameters.update(view.key for view in views)
            return
        sources = self._sources_of(op)
        rule = rule_of(op)
        draft = None
        if op.is_in_place and rule is pointwise:
            self._write_into_new(op, activations)
        if rule is None:
            self.unknown(op, f"operation '{op.name}' is not known{_here()}")
        else:
            draft = self._follow(rule, op)
        if draft is None:
            draft = self._implicit_layer(op, sources)
        if all(id(t) in self._constants for t in activations):
            self._constants.update(id(out) for out in op.outputs)
        layer = sources[-1] if draft is None else self._layer_name(op, draft)
        if draft is not None:
            self._add_layer(layer, draft, sources, *op.outputs)
        for out in [*op.outputs, *op.written]:
            if self.of(out) is not None:  # others die, and their ids come again
                self._sources[id(out)] = layer
        self._credit(op, layer)

    def _follow(self, rule: Rule, op: Operation) -> LayerDraft | None:
        try:
            return rule(self, op)
        except Exception:
            if self._is_without_values:
                raise  # it may be understood with them
            # Arguments that no rule foresaw must never give a wrong network, nor none at all.
            self.unknown(op, f"operation '{op.name}' is used in an unknown way{_here()}")
            return None

    def _write_into_new(self, op: Operation, activations: list[Tensor]) -> None:
        """A new tensor has the channels of what is written into it, if it is as wide as they are.

        Its other dimensions may be wider, as in padding by hand.
        """
        target, whole = op.args[0], op.written[0]
        if any(self.of(t) is not None or self.is_parameter(t) for t in (target, whole)):
            return
        source = max(activations, key=Tensor.numel)
        labels = self._activations[id(source)].expand(target.shape)
        carrying = [d for d in range(target.dim()) if varies(labels, d)]
        spread_labels = frozen_labels(whole.shape)
        if target.dim() == whole.dim() and all(
            target.shape[d] == whole.shape[d] and target.stride(d) == whole.stride(d)
            for d in carrying
        ):
            for d in set(range(target.dim())) - {*carrying}:
                labels = labels.narrow(d, 0, 1)
            spread_labels = labels.expand(whole.shape)
        elif carrying:
            self.labels.freeze(labels, "it is written into a part of another tensor")
        self.put(whole, spread_labels)
        if target is not whole:
            self.put(target, labels.expand(target.shape))

    def _meet_constant(self, op: Operation) -> None:
        """A layer may read a constant: an MLP over a buffer of positions, say."""
        if op.name not in LINEAR or any(self.of(t) is not None for t in op.tensors):
            return
        place = 1 if op.name == "addmm" else 0
        values, weight = op.args[place], op.args[place + 1]
        view = self._parameters.of(values)
        is_trained = view is not None and view.key in self._parameters.trained
        if self.is_parameter(weight) and not is_trained:
            self.put(values, frozen_labels(values.shape))
            self._constants.add(id(values))

    def _sources_of(self, op: Operation) -> list[str]:
        found = [self._sources[id(t)] for t in op.tensors if id(t) in self._sources]
        return list(dict.fromkeys(found))

    def _implicit_layer(self, op: Operation, sources: list[str]) -> LayerDraft | None:
        """Operations that join several layers are drawn; all others belong to their source."""
        macs = self._counted_macs(op)
        if macs:
            return LayerDraft("other", positions=macs)
        if len(sources) < 2:
            # a norm or activation of the raw input would otherwise vanish from the picture
            is_first_norm = "norm" in op.name and sources == ["input"]
            return LayerDraft("norm") if is_first_norm else None
        if op.name in ("add", "sub"):
            if not any(id(t) in self._constants for t in op.tensors):
                self.sums.append(self._activations[id(op.outputs[0])])
            return LayerDraft("add")
        if op.name in ("mul", "div"):
            return LayerDraft("multiply")
        return LayerDraft("concat" if op.name in ("cat", "stack") else "other")

    def _counted_macs(self, op: Operation) -> int:
        """MACs of one image in an operation that has no closed form here: attention."""
        formula = flop_registry.get(op.func.overloadpacket)
        if formula is None or op.name in ("convolution", "_convolution"):
            return 0
        flops = formula(*op.args, **op.kwargs, out_val=op.out)
        return int(flops) // 2 // self._image_count

    def _layer_name(self, op: Operation, draft: LayerDraft) -> str:
        name = self.place.path
        parameter = None if draft.weight is None else self._parameters.of(draft.weight)
        if parameter is not None:
            owner, _, leaf = parameter.key.rpartition(".")
            name = owner if leaf == "weight" and owner else parameter.key
        elif not self.place.is_leaf or not name:
            kind = draft.kind if draft.kind != "other" else op.name.strip("_")
            name = f"{name}.{kind}" if name else kind
        unique, count = name, 1
        while unique in self.layers:
            count += 1
            unique = f"{name}#{count}"
        return unique

    def _add_layer(
        self, name: str, draft: LayerDraft, sources: list[str], *outputs: Tensor
    ) -> None:
        out = outputs[0]
        labels = self._activations[id(out)]
        source = self.layers[sources[0]].output_shape if sources else tuple(out.shape[1:])
        parameter = None if draft.weight is None else self._parameters.of(draft.weight)
        written = None if draft.weight is None else draft.outputs
        self.layers[name] = TracedLayer(
            name=name,
            draft=draft,
            input_shape=source,
            output_shape=tuple(out.shape[1:]),
            labels=_channel_vector(labels) if written is None else written,
            weight_key=None if parameter is None else parameter.key,
        )
        self._sources[id(out)] = name
        self.edges.extend((before, name) for before in sources)

    def _credit(self, op: Operation, layer: str) -> None:
        """A layer owns the parameters of its own and of the norms folded into it, once."""
        traced = self.layers[layer]
        for tensor in op.tensors:
            parameter = self._parameters.of(tensor)
            if parameter is None or parameter.key in self._credited:
                continue
            self.used_parameters.add(parameter.key)
            self._credited.add(parameter.key)
            if parameter.key in self._parameters.trained:
                traced.parameter_keys.append(parameter.key)
        if self.place.is_leaf and self.place.path not in (layer.split("#")[0], *traced.folded):
            traced.folded.append(self.place.path)

    def finish(self, out: Any) -> None:
        """Freeze what the network returns and draw the output."""
        outputs = [t for t in tree_leaves(out) if isinstance(t, Tensor) and self.of(t) is not None]
        if not outputs:
            raise GraphError(
                "Cannot trace the network: its output does not depend on its input through "
                "operations that can be seen. Choose a network that returns tensors."
            )
        for tensor in outputs:
            self.labels.freeze(self._activations[id(tensor)], "it is an output of the network")
        sources = list(dict.fromkeys(self._sources[id(t)] for t in outputs))
        self._add_layer("output", LayerDraft("output"), sources, outputs[0])


def _channel_vector(labels: Tensor) -> Tensor:
    """Labels along the channels: where they vary, or else as images, vectors and tokens lie."""
    if labels.dim() < 2:
        return labels.reshape(-1)
    carrying = [d for d in range(1, labels.dim()) if varies(labels, d)]
    usual = labels.dim() - 1 if labels.dim() == 3 else 1
    dim = carrying[0] if len(carrying) == 1 else usual
    index: list[int | slice] = [0] * labels.dim()
    index[dim] = slice(None)
    return labels[tuple(index)].clone()


def _here() -> str:
    line = line_of_call(ENTRY)
    return f" ({line})" if line else ""
