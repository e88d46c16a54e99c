"""A look inside: what a layer's filters answer to, and which images the cut network loses.

Only held-out images are shown here; the test part is never touched.
"""

import copy
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from core.data import ImagePart, Images
from core.errors import GraphError
from core.evaluation import limited_threads, norms_at_once, read_logits
from core.events import (
    BoolArray,
    ChangedImagesFound,
    FloatArray,
    LayerLookedInto,
    SearchEvent,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.export.pruned import cut_network
from core.graph.layers import LayerNode
from core.memory import ImagesAtOnce, told_shortage
from core.opening import Opened
from core.pictures import activation_maps, filter_pictures, to_pixels
from core.pruning.criteria import NORMS

IMAGES_READ_FOR_CLASSES = 512  # among so many, images of different classes are looked for
CHANGED_SHOWN = 24
CHANGED_IMAGES = 1024  # as many held-out images as choose the winner
BATCH_SIZE = 64

CPU = torch.device("cpu")


def look_into_layer(
    opened: Opened, layer: str, images: int = 6
) -> Generator[StageStarted | LayerLookedInto, None, None]:
    """Show the filters of one layer and its answers to a few held-out images.

    The answers are those of the unpruned network, behind the layer's norm and before its
    activation function. A filter is drawn as its mean over the input channels; one of a 1x1
    or linear layer as its weights in rows, input after input, padded with NaN.

    Raises: GraphError if the layer has no filters of its own, one for each channel.
    """
    node = _layer_with_filters(opened, layer)
    yield StageStarted("Looking into the layer")
    module = opened.network.module
    weight = dict(module.named_parameters(remove_duplicate=False))[node.weight_key or ""]
    owner = _owner(module, node)
    filters = filter_pictures(weight, owner)
    if len(filters) != len(node.channels):
        raise GraphError(
            f"Cannot look into layer '{layer}': its weight has {len(filters)} filters for "
            f"{len(node.channels)} channels. Choose another layer."
        )
    chosen = images_of_different_classes(opened.images.held_out, images)
    batch, labels = opened.images.held_out.batch(chosen)
    with limited_threads(0), told_shortage("looking into the layer"):
        answers = _answers(module, node, batch)
    yield LayerLookedInto(
        layer=layer,
        filters=filters,
        images=to_pixels(batch, opened.images),
        labels=tuple(_class_name(opened.images, int(label)) for label in labels),
        activations=answers,
    )


def find_changed_images(
    opened: Opened,
    keep: BoolArray,
    name: str,
    device: torch.device = CPU,
    adapted: Opened | None = None,
) -> Generator[SearchEvent | ChangedImagesFound, None, None]:
    """Find the held-out images of which the pruned network says another class.

    Both networks are as everywhere: the unpruned one with its own statistics, the cut one
    (mask `keep`, (C,)) recalibrated on reward images. A stop ends it with what was found.

    adapted: with the weights that the mask is cut out of, where the network adapted.
    Yields: StageStarted and StageAdvanced after each batch, at last ChangedImagesFound.
    """
    found = _Changes()
    try:
        with limited_threads(0), told_shortage("comparing both networks"):
            yield from _compare(opened, adapted or opened, keep, device, found)
    except StopRequested:
        pass  # what was found so far is shown, with its count
    yield found.as_event(name, opened.images)


def _compare(
    opened: Opened,
    cut_from: Opened,
    keep: BoolArray,
    device: torch.device,
    found: "_Changes",
) -> Generator[SearchEvent, None, None]:
    part = opened.images.held_out
    indices = np.random.default_rng(0).permutation(len(part))[:CHANGED_IMAGES]
    batches = np.split(indices, range(BATCH_SIZE, len(indices), BATCH_SIZE))
    yield StageStarted("Cutting the network")
    norms = norms_at_once()
    after = cut_network(cut_from, keep, device, norms).to(device)
    yield from norms.take_notices()
    before = opened.network.module.eval()
    if device.type != "cpu":
        before = copy.deepcopy(before).to(device)
    yield StageStarted("Comparing both networks on held-out images", total=len(batches))
    at_once = ImagesAtOnce("comparing both networks")
    for done, batch in enumerate(batches, start=1):
        images = part.batch(batch)[0]
        was, now = (read_logits(module, images, device, at_once) for module in (before, after))
        found.add(batch, _probabilities(was), _probabilities(now))
        yield from at_once.take_notices()
        yield StageAdvanced(done)


@dataclass(eq=False)
class _Changes:
    """Images whose class changed, and how many were scored."""

    scored: int = 0
    columns: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, indices: NDArray[np.int64], before: Tensor, after: Tensor) -> None:
        """Compare probabilities (N, classes) of both networks."""
        self.scored += len(indices)
        (sure, was), (still_sure, now) = before.max(dim=1), after.max(dim=1)
        rows = np.stack([indices, was, now, sure, still_sure], axis=1).astype(np.float64)
        self.columns.append(rows[rows[:, 1] != rows[:, 2]])

    def as_event(self, name: str, images: Images) -> ChangedImagesFound:
        rows = np.concatenate([np.zeros((0, 5)), *self.columns])  # (changed, 5)
        # a change is as sure as the less sure of the two answers
        order = np.argsort(-np.minimum(rows[:, 3], rows[:, 4]), kind="stable")[:CHANGED_SHOWN]
        shown = rows[order]
        places = shown[:, 0].astype(np.int64)
        height, width = images.image_shape[1:]
        pixels, truths = np.zeros((0, height, width, 3), dtype=np.uint8), np.zeros(0, np.int64)
        if len(places):
            batch, labels = images.held_out.batch(places)
            pixels, truths = to_pixels(batch, images), labels.numpy()
        return ChangedImagesFound(
            mask=name,
            images=pixels,
            labels=tuple(_class_name(images, int(label)) for label in truths),
            before=tuple(_class_name(images, int(label)) for label in shown[:, 1]),
            after=tuple(_class_name(images, int(label)) for label in shown[:, 2]),
            confidence_before=shown[:, 3].astype(np.float32),
            confidence_after=shown[:, 4].astype(np.float32),
            changed=len(rows),
            scored=self.scored,
        )


def images_of_different_classes(part: ImagePart, count: int) -> NDArray[np.int64]:
    """Choose `count` images of a part, of as many classes as can be; (count,) or fewer."""
    first_of: dict[int, int] = {}
    looked_at = min(len(part), IMAGES_READ_FOR_CLASSES)
    for start in range(0, looked_at, BATCH_SIZE):
        places = np.arange(start, min(start + BATCH_SIZE, looked_at), dtype=np.int64)
        for place, label in zip(places, part.batch(places)[1].tolist(), strict=True):
            first_of.setdefault(label, int(place))
        if len(first_of) >= count:
            break
    chosen = [first_of[label] for label in sorted(first_of)][:count]
    others = (place for place in range(len(part)) if place not in set(first_of.values()))
    chosen += [place for place, _ in zip(others, range(count - len(chosen)), strict=False)]
    return np.array(chosen, dtype=np.int64)


def _layer_with_filters(opened: Opened, name: str) -> LayerNode:
    graph = opened.analysis.graph
    node = graph.layer(name) if name in graph else None
    keys = dict(opened.network.module.named_parameters(remove_duplicate=False))
    if node is None or node.weight_key not in keys or keys[node.weight_key].dim() < 2:
        raise GraphError(
            f"Cannot look into layer '{name}': it has no filters of its own. "
            "Choose a convolution or a linear layer."
        )
    return node


def _owner(module: nn.Module, node: LayerNode) -> nn.Module | None:
    return dict(module.named_modules()).get((node.weight_key or "").rpartition(".")[0])


def _answers(module: nn.Module, node: LayerNode, images: Tensor) -> FloatArray:
    """Run the network once; (images, channels, rows, columns), no images if it cannot be seen.

    A weight that is used outside of its module's forward cannot be watched.
    """
    modules = dict(module.named_modules())
    norms = [modules[name] for name in node.folded if isinstance(modules.get(name), NORMS)]
    watched = norms[0] if norms else _owner(module, node)
    seen: list[Tensor] = []
    if isinstance(watched, (_ConvNd, nn.Linear, *NORMS)):
        with _watching(watched, seen), torch.no_grad():
            module.eval()(images)
    unseen = np.zeros((0, len(node.channels), 1, 1), dtype=np.float32)
    if not seen:
        return unseen
    is_channel_last = isinstance(watched, nn.Linear | nn.LayerNorm)
    maps = activation_maps(seen[0].float(), is_channel_last=is_channel_last)
    return maps if maps.shape[1] == len(node.channels) else unseen


@contextmanager
def _watching(module: nn.Module, seen: list[Tensor]) -> Iterator[None]:
    # a clone, because an addition or activation may be written into the very same tensor
    hook = module.register_forward_hook(lambda _, __, output: seen.append(output.clone()))
    try:
        yield
    finally:
        hook.remove()


def _probabilities(logits: Tensor) -> Tensor:
    """Of each class, (N, classes)."""
    return logits.softmax(dim=1).nan_to_num()


def _class_name(images: Images, label: int) -> str:
    names = images.class_names
    return names[label] if 0 <= label < len(names) else str(label)
