"""timm's networks by name, `timm:resnet10t`; timm is an optional extra."""

import difflib
import importlib
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from core.errors import NetworkError, readable
from core.events import Event, StageStarted
from core.networks.facts import (
    FoundNetwork,
    InputShape,
    NetworkFacts,
    NetworkSource,
    shape_words,
    shorten,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

PREFIX = "timm:"
NORMALISATIONS = {(0.485, 0.456, 0.406): "imagenet", (0.5, 0.5, 0.5): "half"}  # mean -> preset


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    yield StageStarted("Preparing timm")
    timm = _import_timm(spec)
    name = spec.removeprefix(PREFIX)
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(PREFIX + other for other in close)}?" if close else ""
        raise NetworkError(
            f"timm has no network '{readable(name)}'. {hint or 'See timm.list_models().'}"
        )
    published = timm.get_pretrained_cfg(name)
    shape = tuple(getattr(published, "input_size", None) or (3, 224, 224))
    facts = NetworkFacts(
        spec,
        "timm",
        spec,
        input_shape=(int(shape[0]), int(shape[1]), int(shape[2])),
        is_trained=False,
        has_published_weights=bool(getattr(published, "has_weights", False)),
        normalisation=NORMALISATIONS.get(tuple(getattr(published, "mean", ())), ""),
    )
    return FoundNetwork(facts, partial(_make, timm, name), fetch=partial(_fetch, timm, name))


def _import_timm(spec: str) -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise NetworkError(
            f"Network '{readable(spec)}' needs the package timm, which is not installed. "
            "Install it with pip install 'espalier[timm]'.",
            str(error),
        ) from error


def _make(timm: Any, name: str, class_count: int, input_shape: InputShape) -> "nn.Module":
    channels, height, width = input_shape
    options: dict[str, Any] = {
        "pretrained": False,
        "num_classes": class_count,
        "in_chans": channels,
    }
    if getattr(timm.get_pretrained_cfg(name), "fixed_input_size", False):
        options["img_size"] = (height, width)
    try:
        module: nn.Module = timm.create_model(name, **options)
    except Exception as error:
        # timm's builders raise what they like for sizes and options that do not fit.
        raise NetworkError(
            f"timm cannot build {name} for images of {shape_words(input_shape)}: "
            f"{shorten(error)}. Choose images of its own size.",
            str(error),
        ) from error
    return module


def _fetch(
    timm: Any, name: str, allow_download: bool
) -> "Generator[Event, None, dict[str, Tensor]]":
    """Read the weights that timm publishes; its own loader downloads and caches them.

    Raises: NetworkError if that is not allowed or fails.
    """
    if not allow_download:
        raise NetworkError(
            f"The weights of {name} come through timm, which may have to download them. Allow "
            "that (in the terminal --allow-download), or give a checkpoint."
        )
    yield StageStarted(f"Downloading the weights of {name}")
    try:
        module: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:
        # each of the hubs behind timm has exceptions of its own
        raise NetworkError(
            f"Cannot get the weights of {name} through timm: {shorten(error)}. Check the "
            "connection, or give a checkpoint.",
            str(error),
        ) from error
    return dict(module.state_dict())


TIMM = NetworkSource(lambda spec: spec.startswith(PREFIX), _find)
