"""A program that torch.export saved (.pt2), turned back into a network of modules.

Reading one unpickles its example input and may look up any function by name, so PyTorch warns
of files from strangers; hence the consent.
"""

import copy
import logging
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import EspalierError, NetworkError, readable
from core.events import Event, StageStarted
from core.networks.consent import require_consent
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource, shorten
from core.networks.files import archive_names, find_file, read_through, reading_whole

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

EXPORT_AGAIN = (
    "Export it again with torch.export.export(network.eval(), (images,), "
    "dynamic_shapes=({0: torch.export.Dim('batch')},))."
)
OLD_FORMAT = "serialized_exported_program.json"  # of torch before 2.8


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    from core.networks.aten_modules import with_modules

    path = find_file(spec, "exported program")
    _check_archive(path)
    sha256 = yield from read_through(path)
    why = "reading an exported program unpickles parts of it"
    require_consent(path, sha256, why, trust=trust)
    yield StageStarted(f"Opening {readable(path.name)}")
    program = _load(path)
    input_shape, channels = _read_input(program, path)
    _refuse_training(program, path)
    facts = NetworkFacts(
        spec,
        "torch_export",
        readable(path.name),
        input_shape=input_shape,
        channels=channels,
        class_count=_class_count(program),
        is_trained=True,
        size_bytes=path.stat().st_size,
    )
    module = with_modules(program.module())

    def make(class_count: int, input_shape: InputShape) -> "nn.Module":
        return copy.deepcopy(module)

    return FoundNetwork(facts, make)


def _check_archive(path: Path) -> None:
    names = archive_names(path)
    compiled = any("aotinductor" in name for name in names)
    if compiled or not any(name.startswith("models/") or name == OLD_FORMAT for name in names):
        what = "is compiled for one machine" if compiled else "is truncated or no exported program"
        raise NetworkError(
            f"{readable(path)} {what}. Give what torch.export.save(torch.export.export(...), path) "
            "wrote."
        )


def _load(path: Path) -> "ExportedProgram":
    import torch

    chatter = logging.getLogger("torch.export")
    level = chatter.level
    chatter.setLevel(logging.CRITICAL)  # it logs the whole program when one cannot be read
    try:
        with reading_whole(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.load(path)
    except EspalierError:
        raise
    except Exception as error:
        # An archive that is broken, of another torch, or of operations that are not here.
        raise NetworkError(
            f"Cannot open {readable(path)}: {type(error).__name__}: {shorten(error)}. Export it "
            f"with torch {torch.__version__}, or install what registers its operations.",
            str(error),
        ) from error
    finally:
        chatter.setLevel(level)


def _read_input(program: "ExportedProgram", path: Path) -> tuple[InputShape | None, int | None]:
    """The shape of one image, where it is fixed, and its channels.

    Raises: NetworkError if the program does not take one batch of images of any size.
    """
    shapes = [value.shape for value in _example_inputs(program)]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        words = ", ".join(str(tuple(map(str, shape))) for shape in shapes) or "nothing"
        raise NetworkError(
            f"{readable(path)} takes {words}, not one batch of images (images, channels, height, "
            "width). Export the part of it that sees images."
        )
    count, *image = shapes[0]
    if isinstance(count, int):
        raise NetworkError(
            f"{readable(path)} was exported for exactly {count} image{'s'[: count != 1]} at a "
            f"time, but a search reads batches. {EXPORT_AGAIN}"
        )
    channels = image[0] if isinstance(image[0], int) else None
    if any(not isinstance(size, int) for size in image):
        return None, channels
    return (int(image[0]), int(image[1]), int(image[2])), channels


def _example_inputs(program: "ExportedProgram") -> list[Any]:
    names = set(program.graph_signature.user_inputs)
    nodes = [n for n in program.graph.nodes if n.op == "placeholder" and n.name in names]
    return [node.meta["val"] for node in nodes if hasattr(node.meta.get("val"), "shape")]


def _class_count(program: "ExportedProgram") -> int | None:
    first = program.graph_signature.user_outputs[:1]
    for node in program.graph.nodes:
        if node.name in first and len(node.meta["val"].shape) == 2:
            count = node.meta["val"].shape[1]
            return count if isinstance(count, int) else None
    return None


def _refuse_training(program: "ExportedProgram", path: Path) -> None:
    """Refuse a program that drops out or counts batch statistics for ever."""
    from core.networks.aten_widths import bound_arguments

    for node in program.graph.nodes:
        if node.op != "call_function" or not hasattr(node.target, "_schema"):
            continue
        name = node.target._schema.name
        arguments = bound_arguments(node)
        is_training = arguments.get("training") or arguments.get("train")
        if "norm_legit" in name and "no_training" not in name:
            is_training = arguments.get("training", True)
        if is_training:
            raise NetworkError(
                f"{readable(path)} was exported in training mode ({name}), in which its answers "
                f"depend on chance or on the batch. {EXPORT_AGAIN}"
            )


def _recognises(spec: str) -> bool:
    return spec.lower().endswith(".pt2")


TORCH_EXPORT = NetworkSource(_recognises, _find, suffixes=(".pt2",))
