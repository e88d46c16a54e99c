"""What the pass saw -> Analysis: labels become channel ids, ids become coupling groups."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from core.graph.coupling import (
    CouplingGroup,
    CouplingGroups,
    FrozenLayer,
    MacOperation,
    PruningPlan,
)
from core.graph.labels import FROZEN, ChannelLabels, collapse
from core.graph.layers import LayerGraph, LayerNode
from core.graph.operations import LayerDraft

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that is known of a network's channels; made once, used for every mask."""

    graph: LayerGraph
    groups: CouplingGroups
    plan: PruningPlan
    operations: tuple[MacOperation, ...]
    warnings: tuple[str, ...] = ()


@dataclass(eq=False)
class TracedLayer:
    """A layer while the pass still runs: labels instead of channel ids."""

    name: str
    draft: LayerDraft
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    labels: Tensor  # (output channels,)
    weight_key: str | None
    parameter_keys: list[str] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)


class Seen(Protocol):
    """What the finished pass knows."""

    layers: dict[str, TracedLayer]
    edges: list[tuple[str, str]]
    labels: ChannelLabels
    bindings: dict[str, dict[int, Tensor]]  # state-dict key -> dim -> labels
    producers: set[tuple[str, int]]
    consumers: set[tuple[str, int]]
    widths: set[tuple[str, int]]  # outputs of convolutions and linear layers
    approximations: list[tuple[Tensor, str]]
    sums: list[Tensor]
    used_parameters: set[str]


class _ChannelIds:
    """Channel ids of labels: those of one group are contiguous, groups in running order."""

    def __init__(self, seen: Seen) -> None:
        self._labels = seen.labels
        parent: dict[int, int] = {}  # class -> first class of its group

        def find(label: int) -> int:
            while parent[label] != label:
                label = parent[label]
            return label

        for key, dims in seen.bindings.items():
            for dim, labels in dims.items():
                if (key, dim) not in seen.widths:
                    continue
                members = [c for c in self._labels.free_classes(labels).tolist() if c != FROZEN]
                for label in members:
                    parent.setdefault(label, label)
                    parent[find(label)] = find(members[0])
        self.groups: dict[int, list[int]] = defaultdict(list)
        for label in parent:
            self.groups[find(label)].append(label)
        ordered = [label for group in self.groups.values() for label in group]
        size = 1 + max([FROZEN, *ordered])
        self._id_of_class = np.full(size, -1, dtype=np.int64)
        self._id_of_class[ordered] = np.arange(len(ordered))
        self.count = len(ordered)

    def of(self, labels: Tensor | None) -> Ids:
        """Channel ids of labels, -1 where always kept; (1,) of -1 for None."""
        if labels is None:
            return np.full(1, -1, dtype=np.int64)
        classes = self._labels.free_classes(labels).numpy()
        known = classes < len(self._id_of_class)
        return np.where(known, self._id_of_class[np.where(known, classes, FROZEN)], -1)


def assemble(seen: Seen, module: nn.Module) -> Analysis:
    """Turn the labels of a finished pass into ids, groups, plan and MACs."""
    ids = _ChannelIds(seen)
    operations = tuple(
        _operation(layer, ids) for layer in seen.layers.values() if layer.draft.positions
    )
    return Analysis(
        graph=_graph(seen, ids, operations, module),
        groups=CouplingGroups(tuple(_groups(seen, ids)), tuple(_frozen_layers(seen, ids))),
        plan=_plan(seen, ids, module),
        operations=operations,
        warnings=_warnings(seen, module),
    )


def _operation(layer: TracedLayer, ids: _ChannelIds) -> MacOperation:
    draft = layer.draft
    inputs = None if draft.inputs is None else ids.of(draft.inputs)
    return MacOperation(layer.name, draft.positions, inputs, ids.of(draft.outputs), draft.groups)


def _graph(
    seen: Seen, ids: _ChannelIds, operations: tuple[MacOperation, ...], module: nn.Module
) -> LayerGraph:
    macs = {op.layer: op.macs for op in operations}
    sizes = {key: p.numel() for key, p in module.named_parameters()}
    graph = LayerGraph()
    for layer in seen.layers.values():
        graph.add_layer(
            LayerNode(
                name=layer.name,
                kind=layer.draft.kind,
                input_shape=layer.input_shape,
                output_shape=layer.output_shape,
                channels=ids.of(layer.labels),
                kernel=layer.draft.kernel,
                stride=layer.draft.stride,
                macs=macs.get(layer.name, 0),
                params=sum(sizes[key] for key in layer.parameter_keys),
                weight_key=layer.weight_key,
                folded=tuple(layer.folded),
            )
        )
    graph.add_edges_from(seen.edges)
    return graph


def _groups(seen: Seen, ids: _ChannelIds) -> Iterator[CouplingGroup]:
    producers, consumers = defaultdict(list), defaultdict(list)
    for layer in seen.layers.values():
        if layer.weight_key is not None:
            for i in np.unique(ids.of(layer.draft.outputs)):
                producers[int(i)].append(layer.name)
            for i in np.unique(ids.of(layer.draft.inputs)):
                consumers[int(i)].append(layer.name)
    summed = {int(i) for labels in seen.sums for i in np.unique(ids.of(collapse(labels)))}
    approximate = {int(i): why for labels, why in seen.approximations for i in ids.of(labels)}
    start = 0
    for number, members in enumerate(ids.groups.values()):
        stop = start + len(members)
        channels = range(start, stop)
        names = dict.fromkeys(name for i in channels for name in producers[i])
        yield CouplingGroup(
            id=number,
            name=next(iter(names)),
            start=start,
            stop=stop,
            producers=tuple(names),
            consumers=tuple(dict.fromkeys(name for i in channels for name in consumers[i])),
            is_stream=any(i in summed for i in channels),
            approximate=next((approximate[i] for i in channels if i in approximate), None),
        )
        start = stop


def _frozen_layers(seen: Seen, ids: _ChannelIds) -> Iterator[FrozenLayer]:
    for layer in seen.layers.values():
        outputs = layer.draft.outputs
        if layer.draft.weight is None or outputs is None or (ids.of(outputs) >= 0).any():
            continue
        reason = seen.labels.frozen_reason(outputs) or "its input channels are always kept"
        if layer.weight_key is None:
            reason = "its weight is computed on the fly"
        yield FrozenLayer(layer.name, reason)


def _plan(seen: Seen, ids: _ChannelIds, module: nn.Module) -> PruningPlan:
    entries = [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]
    names = defaultdict(list)
    for key, tensor in entries:
        names[id(tensor)].append(key)
    names_of = {keys[0]: keys for keys in names.values()}  # a shared tensor has several
    owners: dict[str, dict[int, Ids]] = {}
    for key, dims in seen.bindings.items():
        cut = {dim: ids.of(labels) for dim, labels in sorted(dims.items())}
        cut = {dim: owner for dim, owner in cut.items() if (owner >= 0).any()}
        for name in names_of[key] if cut else []:
            owners[name] = cut

    def places(bound: set[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        named = {(name, dim) for key, dim in bound for name in names_of[key]}
        return frozenset((name, dim) for name, dim in named if dim in owners.get(name, {}))

    return PruningPlan(owners, places(seen.producers), places(seen.consumers), ids.count)


def _warnings(seen: Seen, module: nn.Module) -> tuple[str, ...]:
    """Name the layers that this input did not reach: they are left alone."""
    owned: dict[str, list[str]] = defaultdict(list)
    for key, _ in module.named_parameters():
        owned[key.rpartition(".")[0] or key].append(key)
    missed = [name for name, keys in owned.items() if not seen.used_parameters & set(keys)]
    if not missed:
        return ()
    return (
        f"{len(owned) - len(missed)} of {len(owned)} layers were reached; left alone: "
        f"{', '.join(missed[:5])}{', ...' if len(missed) > 5 else ''}.",
    )


def freeze_groups(analysis: Analysis, reasons: Mapping[int, str]) -> Analysis:
    """Keep the groups of these ids always, each for its reason; the others are renumbered."""
    kept = [group for group in analysis.groups.groups if group.id not in reasons]
    new_ids = np.full(analysis.groups.channel_count + 1, -1, dtype=np.int64)
    groups, start = [], 0
    for number, group in enumerate(kept):
        new_ids[group.start : group.stop] = np.arange(start, start + len(group))
        groups.append(replace(group, id=number, start=start, stop=start + len(group)))
        start += len(group)
    graph = LayerGraph()
    for layer in analysis.graph.layers:
        graph.add_layer(replace(layer, channels=new_ids[layer.channels]))
    graph.add_edges_from(analysis.graph.edges)
    frozen = [
        FrozenLayer(producer, reason)
        for number, reason in reasons.items()
        for producer in analysis.groups.groups[number].producers
        if not graph.layer(producer).is_prunable
    ]
    return replace(
        analysis,
        graph=graph,
        groups=CouplingGroups(tuple(groups), (*analysis.groups.frozen, *frozen)),
        plan=_renumbered_plan(analysis.plan, new_ids, start),
        operations=tuple(
            replace(
                op,
                inputs=None if op.inputs is None else new_ids[op.inputs],
                outputs=new_ids[op.outputs],
            )
            for op in analysis.operations
        ),
    )


def _renumbered_plan(plan: PruningPlan, new_ids: Ids, count: int) -> PruningPlan:
    owners: dict[str, dict[int, Ids]] = {}
    for key, dims in plan.owners.items():
        cut = {dim: new_ids[owner] for dim, owner in dims.items()}
        cut = {dim: owner for dim, owner in cut.items() if (owner >= 0).any()}
        if cut:
            owners[key] = cut

    def still_cut(places: frozenset[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        return frozenset((key, dim) for key, dim in places if dim in owners.get(key, {}))

    return PruningPlan(owners, still_cut(plan.producers), still_cut(plan.consumers), count)
