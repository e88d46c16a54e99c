"""An ONNX file, made a PyTorch network by the optional extra onnx2torch, as far as that goes."""

import copy
import importlib
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import EspalierError, NetworkError, readable
from core.events import Event, NoticeRaised, StageStarted
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource, shorten
from core.networks.files import find_file, read_through, reading_whole

if TYPE_CHECKING:
    from torch import nn

NEWEST_OPSET = 17  # that onnx2torch knows
INSTALL = "Install it with pip install 'espalier[onnx2torch]'"


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    path = find_file(spec, "ONNX file")
    yield from read_through(path)
    yield StageStarted(f"Opening {readable(path.name)}")
    model = _load(path)
    _check_opset(model, path)
    (count, channels, height, width), class_count = _read_signature(model, path)
    module = _convert(model, path)
    if count is not None:
        yield NoticeRaised(
            f"{readable(path)} was exported for batches of {count}. If it cannot run on others, "
            "export it with dynamic_axes={'input': {0: 'batch'}}."
        )
    is_fixed = channels is not None and height is not None and width is not None
    facts = NetworkFacts(
        spec,
        "onnx",
        readable(path.name),
        input_shape=(channels, height, width) if is_fixed else None,  # type: ignore[arg-type]
        channels=channels,
        class_count=class_count,
        is_trained=True,
        size_bytes=path.stat().st_size,
    )

    def make(class_count: int, input_shape: InputShape) -> "nn.Module":
        return copy.deepcopy(module)

    return FoundNetwork(facts, make)


def _load(path: Path) -> Any:
    import onnx

    try:
        with reading_whole(path):
            model = onnx.load(str(path))
    except EspalierError:
        raise
    except Exception as error:
        # protobuf and the reader of external data have exceptions of their own
        raise NetworkError(
            f"{readable(path)} is truncated or no ONNX file, or its external data is not beside "
            f"it: {shorten(error)}. Copy or download it again.",
            str(error),
        ) from error
    if not model.graph.node:
        raise NetworkError(f"{readable(path)} is no ONNX file, or holds no operation.")
    return model


def _check_opset(model: Any, path: Path) -> None:
    opset = max(
        (entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
        default=0,
    )
    if opset > NEWEST_OPSET:
        raise NetworkError(
            f"{readable(path)} uses ONNX opset {opset}, and {NEWEST_OPSET} is the newest that can "
            f"be read back. Export it with torch.onnx.export(..., opset_version={NEWEST_OPSET}, "
            "dynamo=False), or save the network with torch.export as .pt2."
        )


def _read_signature(model: Any, path: Path) -> tuple[list[int | None], int | None]:
    """Sizes of a batch of images, and the classes; None where they are not fixed."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [_sizes(value) for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or len(inputs[0]) != 4:
        raise NetworkError(
            f"{readable(path)} takes inputs of {[len(sizes) for sizes in inputs]} dimensions, "
            "not one batch of images (images, channels, height, width). "
            "Export the part of it that sees images."
        )
    if not model.graph.output:
        raise NetworkError(
            f"{readable(path)} has no output. Export it with the classes as its output."
        )
    outputs = _sizes(model.graph.output[0])
    return inputs[0], outputs[1] if len(outputs) == 2 else None


def _sizes(value: Any) -> list[int | None]:
    # dim_value is 0 where the dimension has a name, or nothing
    return [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]


def _give_each_its_weights(model: Any) -> None:
    """Replace Identity operations on weights by copies of the weights.

    torch.onnx.export writes equal weights once, and gives them to the other layers through
    Identity, where the converter does not look.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in list(model.graph.node):
        if node.op_type == "Identity" and node.input[0] in weights:
            copied = model.graph.initializer.add()
            copied.CopyFrom(weights[node.input[0]])
            copied.name = node.output[0]
            weights[copied.name] = copied
            model.graph.node.remove(node)


def _convert(model: Any, path: Path) -> "nn.Module":
    try:
        onnx2torch = importlib.import_module("onnx2torch")
    except ImportError as error:
        raise NetworkError(
            f"Opening {readable(path)} needs the package onnx2torch, which is not installed. "
            f"{INSTALL}, or save the network with torch.export as .pt2.",
            str(error),
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _give_each_its_weights(model)
            module: nn.Module = onnx2torch.convert(model).eval()
    except Exception as error:
        # an operation that it does not know, most often
        raise NetworkError(
            f"onnx2torch cannot convert {readable(path)}: {shorten(error)}. Save the network with "
            "torch.export as .pt2.",
            str(error),
        ) from error
    return module


def _recognises(spec: str) -> bool:
    return spec.lower().endswith(".onnx")


ONNX = NetworkSource(_recognises, _find, suffixes=(".onnx",))
