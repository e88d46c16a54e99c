"""Looking into layers and at changed images of tiny networks."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import GraphError
from core.evaluation import class_logits
from core.events import ChangedImagesFound, LayerLookedInto, StageAdvanced, StopRequested
from core.inspection import find_changed_images, images_of_different_classes, look_into_layer
from core.opening import Opened
from core.pruning.surgery import network_state
from core.runs.adapted import with_weights
from tests.core.tiny import COUNT, TinyPart, finish, open_tiny
from tests.networks import EXACT, Chain, InvertedResidual, Residual


class Told(nn.Module):
    """A network that answers with a dict, and adds in place to what its layer gave."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.back = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        stream = torch.relu_(self.stem(x))
        out = self.back(stream)
        out += stream
        return {"classes": self.head(out.mean((2, 3)))}


def look(opened: Opened, layer: str, images: int = 6) -> LayerLookedInto:
    return finish(look_into_layer(opened, layer, images))[0][-1]


def changes(opened: Opened, keep: np.ndarray) -> ChangedImagesFound:
    return finish(find_changed_images(opened, keep, "half"))[0][-1]


def weights_of_zeros(opened: Opened) -> dict[str, np.ndarray]:
    state = network_state(opened.network.module)
    return {key: np.zeros_like(value.numpy()) for key, value in state.items()}


def half(opened: Opened) -> np.ndarray:
    return np.arange(opened.analysis.groups.channel_count) % 2 == 0


def test_a_layer_is_seen_behind_its_norm():
    opened = open_tiny(Chain)
    seen = look(opened, "first.0")
    network = opened.network.module
    assert seen.filters.shape == (8, 3, 3)
    weight = network.first[0].weight
    assert seen.filters[2] == pytest.approx(weight[2].mean(dim=0).detach().numpy())
    part = TinyPart(network, 2)
    chosen = images_of_different_classes(part, 6)
    with torch.no_grad():
        expected = network.first[1](network.first[0](part.images[chosen]))
    assert seen.activations == pytest.approx(expected.numpy(), abs=1e-6)
    assert seen.images.shape == (6, 8, 8, 3)
    assert seen.images.dtype == np.uint8
    assert seen.labels == tuple("abcd"[int(part.labels[place])] for place in chosen)


def test_what_is_written_over_later_is_seen_as_the_layer_gave_it():
    opened = open_tiny(Told)
    network = opened.network.module
    seen = look(opened, "back")
    part = TinyPart(network, 2)
    with torch.no_grad():
        images = part.images[images_of_different_classes(part, 6)]
        expected = network.back(torch.relu(network.stem(images)))
    assert seen.activations == pytest.approx(expected.numpy(), abs=1e-6)


def test_depthwise_and_linear_layers_are_seen_too():
    opened = open_tiny(InvertedResidual)
    assert look(opened, "depthwise.0").filters.shape == (12, 3, 3)
    head = look(opened, "head", images=2)
    assert head.filters.shape == (4, 2, 2)
    assert head.activations.shape == (2, 4, 1, 1)


@pytest.mark.parametrize("kind", EXACT.values(), ids=EXACT.keys())
def test_every_layer_with_filters_is_seen_with_all_its_channels(kind):
    opened = open_tiny(kind)
    kinds = ("conv", "depthwise", "linear")
    layers = [layer for layer in opened.analysis.graph.layers if layer.kind in kinds]
    for layer in layers:
        seen = look(opened, layer.name, images=2)
        assert len(seen.filters) == len(layer.channels)
        assert seen.activations.shape[1] == len(layer.channels)
        assert len(seen.activations) in (0, 2)
    assert layers


def test_only_held_out_images_are_read():
    opened = open_tiny(Residual)
    for part in (opened.images.reward, opened.images.test):
        part.read.clear()
    look(opened, "stem.0")
    changes(opened, half(opened))
    assert opened.images.test.read == []
    assert len(opened.images.held_out.read) > 0


def test_a_layer_without_filters_is_refused():
    opened = open_tiny(Residual)
    name = next(layer.name for layer in opened.analysis.graph.layers if layer.kind == "add")
    with pytest.raises(GraphError, match=rf"'{name}': it has no filters"):
        finish(look_into_layer(opened, name))
    with pytest.raises(GraphError, match="'nowhere'"):
        finish(look_into_layer(opened, "nowhere"))


def test_images_are_of_different_classes_while_there_are_some():
    part = TinyPart(open_tiny(Chain).network.module, 1)
    part.labels = torch.tensor([1] * 20 + [0, 3, 1, 1])
    assert images_of_different_classes(part, 2).tolist() == [20, 0]
    assert images_of_different_classes(part, 5).tolist() == [20, 0, 21, 1, 2]
    assert len(images_of_different_classes(part, 100)) == COUNT


@pytest.mark.parametrize("kind", [Residual, Told])
def test_changed_images_are_those_of_which_both_networks_say_different_classes(kind):
    from core.export.pruned import cut_network

    opened = open_tiny(kind)
    found = changes(opened, half(opened))
    cut = cut_network(opened, half(opened), torch.device("cpu"))
    part = opened.images.held_out
    with torch.no_grad():
        before = class_logits(opened.network.module(part.images)).softmax(1)
        after = class_logits(cut(part.images)).softmax(1)
    is_changed = before.argmax(1) != after.argmax(1)
    assert found.scored == COUNT
    assert found.changed == int(is_changed.sum())
    assert len(found.images) == min(found.changed, 24)
    sureness = torch.minimum(before.amax(1), after.amax(1))[is_changed].sort(descending=True)[0]
    shown = np.minimum(found.confidence_before, found.confidence_after)
    assert shown == pytest.approx(sureness[: len(shown)].numpy(), abs=1e-5)
    assert all(was != now for was, now in zip(found.before, found.after, strict=True))
    assert found.before == found.labels  # the labels are the unpruned network's answers
    assert found.mask == "half"


def test_a_network_that_adapted_is_cut_out_of_its_own_weights():
    opened = open_tiny(Residual)
    keep = half(opened)
    other = with_weights(opened, weights_of_zeros(opened))
    adapted = finish(find_changed_images(opened, keep, "half", adapted=other))[0][-1]
    # all weights 0: every image is of the same class after the cut, and of its own before
    assert len(set(adapted.after)) == 1
    assert len(set(adapted.before)) > 1


def test_nothing_changes_where_nothing_is_removed():
    opened = open_tiny(Told)  # without norms there is nothing to recalibrate either
    found = changes(opened, np.ones_like(half(opened)))
    assert (found.changed, found.scored) == (0, COUNT)
    assert found.images.shape == (0, 8, 8, 3)
    assert found.confidence_after.shape == (0,)


def test_at_most_24_are_shown_and_all_are_counted():
    opened = open_tiny(Residual)
    part = TinyPart(opened.network.module, 5, count=200)
    opened = dataclasses.replace(opened, images=dataclasses.replace(opened.images, held_out=part))
    found = changes(opened, half(opened))
    assert found.scored == 200
    assert found.changed > 24 == len(found.images) == len(found.labels)


def test_a_stop_keeps_what_was_found():
    opened = open_tiny(Residual)
    part = TinyPart(opened.network.module, 5, count=200)
    opened = dataclasses.replace(opened, images=dataclasses.replace(opened.images, held_out=part))
    events = find_changed_images(opened, half(opened), "half")
    while not isinstance(next(events), StageAdvanced):
        pass
    found = events.throw(StopRequested())
    assert isinstance(found, ChangedImagesFound)
    assert found.scored == 64
    assert list(events) == []


def test_a_stop_before_the_first_batch_finds_nothing():
    events = find_changed_images(open_tiny(Residual), half(open_tiny(Residual)), "half")
    next(events)
    found = events.throw(StopRequested())
    assert (found.changed, found.scored) == (0, 0)
